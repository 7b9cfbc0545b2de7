"""One fold of a train stage: fit a model on vectors, save it, and predict the test clips."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from avlib import tables
from avlib.errors import DataError
from avlib.foldwise import run_foldwise
from avlib.models.base import BOTH, VectorClips
from avlib.models.vectors import VectorModel
from avlib.protocols import check_folds

# Share of the training clips from which a modality is used: a model learns from the clips that have
# all of its modalities, and a rare one would leave it with few.
USED_FROM = 0.5
_SEEN_BY_ALL = [Path("data/clips.parquet"), Path("data/folds.parquet")]


@dataclass(frozen=True)
class Recipe:
    """How a model is made in each fold.

    Attributes
    ----------
    name : str
        Of the model.
    make : callable
        ``make(n_classes, modalities, **settings)`` returns an unfitted model; importable.
    modalities : tuple of str
        What the model uses, where the corpus has it.
    needs_all : bool
        Whether the model makes no sense without all of them.
    settings : dict
        Parameters of the model, as JSON knows them.
    """

    name: str
    make: Callable[..., VectorModel]
    modalities: tuple[str, ...] = BOTH
    needs_all: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


def train(stage: str, recipe: Recipe, modalities: Sequence[str], protocol: str) -> None:
    """Train one model in every fold; write its models and its predictions.

    Parameters
    ----------
    stage
        Name of the stage.
    recipe
        The model.
    modalities
        The modalities to use, of params.yaml.
    protocol
        Name of the protocol, for the leak check.

    Raises
    ------
    LeakError
        A subject or a clip stands on both sides of a fold.
    DataError
        A fold cannot be trained.
    """
    folds, clips = tables.read_table("data/folds.parquet"), tables.read_table("data/clips.parquet")
    require_emotions(recipe.name, clips[clips["clip_id"].isin(folds["clip_id"])])
    check_folds(folds, clips, protocol)
    numbers = sorted(folds["fold"].unique().tolist())
    parts = Path("data/predictions") / f".{recipe.name}"
    shutil.rmtree(parts, ignore_errors=True)  # an interrupted run may have left other folds
    run_foldwise(
        f"{stage}/{recipe.name}",
        train_fold,
        {fold: {"fold": fold, "recipe": recipe, "allowed": list(modalities)} for fold in numbers},
        out={
            "predictions": parts,
            "model": Path("data/models") / recipe.name,
            "embeddings": Path("data/embeddings") / recipe.name,
        },
        params={"settings": recipe.settings, "modalities": list(modalities)},
        inputs=[*_SEEN_BY_ALL, *Path("data/fisher").glob("*.parquet")],
        code=[recipe.make],
    )
    tables.merge(parts, Path("data/predictions") / f"{recipe.name}.parquet", "predictions")


def require_emotions(model: str, clips: pd.DataFrame) -> None:
    """Raise DataError where a corpus of continuous labels is given to a system for emotions."""
    if clips["emotion"].isna().all():
        corpora = ", ".join(sorted(clips["corpus"].unique()))
        raise DataError(
            f"{model}: none of the {len(clips)} clips of {corpora} has an emotion, only arousal and"
            " valence; no system here learns from these yet (data/traces.parquet holds them):"
            " choose a corpus with emotions in params.yaml"
        )


def train_fold(payload: Mapping[str, Any], folder: Path) -> None:
    """Write ``model/``, ``predictions.parquet`` and ``embeddings.parquet`` of one fold.

    The test clips are predicted under several conditions: ``default`` with all that the model may
    use, and, where that is two modalities, each of them alone. Embeddings are the test clips in the
    spaces that the model learned; a model that takes vectors as they are has none.

    Parameters
    ----------
    payload
        ``fold``; ``recipe``; ``allowed``: the modalities to use.
    folder
        Where to write.
    """
    fold, recipe = payload["fold"], payload["recipe"]
    emotions, parts = load_fold(fold)
    training = parts["train"]
    used = tuple(
        m
        for m in recipe.modalities
        if m in payload["allowed"] and training.has((m,)).mean() >= USED_FROM
    )
    (folder / "model").mkdir()
    tables_of_rows = []
    embedded = tables.no_rows("embeddings")
    if used and (used == recipe.modalities or not recipe.needs_all):
        model = recipe.make(len(emotions), used, **recipe.settings)
        model.fit(training, parts["validation"])
        model.save(folder / "model")
        conditions = {"default": used} | ({m: (m,) for m in used} if len(used) > 1 else {})
        for condition, allowed in conditions.items():
            rows = predict_rows(model, parts["test"], emotions, allowed)
            tables_of_rows.append(rows.assign(condition=condition, fold=fold, model=recipe.name))
        embedded = _embed(model, parts["test"], fold, recipe.name)
    table = pd.concat(tables_of_rows) if tables_of_rows else tables.no_rows("predictions")
    tables.write_table(folder / "predictions.parquet", table, "predictions")
    tables.write_table(folder / "embeddings.parquet", embedded, "embeddings")


def load_fold(fold: int) -> tuple[list[str], dict[str, VectorClips]]:
    """Read the vectors of a fold.

    Returns
    -------
    emotions : list of str
        Of the corpus, alphabetically; codes count from 0 in this order.
    parts : dict of str to VectorClips
        Training, validation and test clips, each in the order of their clip_id.
    """
    clips = tables.read_table("data/clips.parquet", ["clip_id", "subject", "emotion"])
    folds = tables.read_table("data/folds.parquet")
    labelled = clips[clips["clip_id"].isin(folds["clip_id"])]
    emotions = sorted(labelled["emotion"].unique())
    rows = tables.read_table(f"data/fisher/fold-{fold}.parquet")
    rows = rows.merge(folds, on=["clip_id", "fold"]).merge(labelled, on="clip_id")
    rows = rows.sort_values("clip_id", ignore_index=True)
    every = VectorClips(
        clip_id=rows["clip_id"].to_numpy(dtype=str),
        subject=rows["subject"].to_numpy(dtype=str),
        emotion=np.searchsorted(emotions, rows["emotion"].to_numpy(dtype=str)),
        features={m: tables.vectors(rows[m]) for m in BOTH},
        present={m: rows[m].notna().to_numpy() for m in BOTH},
    )
    part = rows["part"].to_numpy(dtype=str)
    return emotions, {name: every.select(part == name) for name in ("train", "validation", "test")}


def predict_rows(
    model: VectorModel, test: VectorClips, emotions: list[str], allowed: tuple[str, ...]
) -> pd.DataFrame:
    """Predict the clips that have one of the allowed modalities; the others get no row."""
    clips = test.select(model.scorable(test, allowed))
    chances = model.predict_proba(clips, allowed)
    present = {m: clips.has((m,)) for m in allowed}
    return pd.DataFrame(
        {
            "clip_id": clips.clip_id,
            "modalities": [
                "+".join(m for m in allowed if present[m][row]) for row in range(len(clips))
            ],
            "emotion": np.array(emotions)[clips.emotion],
            "predicted": np.array(emotions)[chances.argmax(axis=1)],
            **{f"prob_{emotion}": chances[:, i] for i, emotion in enumerate(emotions)},
        }
    )


def _embed(model: VectorModel, test: VectorClips, fold: int, name: str) -> pa.Table:
    """Place the test clips in the spaces that the model learned; null where one has no place."""
    clips = test.select(model.scorable(test))
    spaces = model.embeddings(clips)
    if not spaces:
        return tables.no_rows("embeddings")
    columns = {
        space: tables.fixed_size_list(spaces[space], mask=np.isnan(spaces[space]).any(axis=1))
        if space in spaces
        else pa.nulls(len(clips))
        for space in (*BOTH, "joint")
    }
    keys = {"clip_id": clips.clip_id, "fold": [fold] * len(clips), "model": [name] * len(clips)}
    return tables.conform({**keys, **columns}, "embeddings")
