"""One fold of a train stage: fit a model, save it, and predict the test clips."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from avlib.protocols import check_folds
from avlib.runtime import tables
from avlib.runtime.per_fold import CHECKPOINTS, Folds, run_foldwise
from avlib.systems.common.fold_clips import FisherVectors, Source
from avlib.systems.common.model import (
    BOTH,
    AnyClips,
    Clips,
    Model,
)
from avlib.systems.common.tables import EMBEDDINGS, PREDICTIONS
from avlib.systems.common.train_section import skip
from avlib.systems.gating.tables import GATES

# Share of the training clips from which a modality is used: a model learns from the clips that have
# all of its modalities, and a rare one would leave it with few.
USED_FROM = 0.5
_SEEN_BY_ALL = [Path("data/clips.parquet"), Path("data/folds.parquet")]


class OverTime(Protocol):
    """A model that decides again and again while a clip is presented."""

    def scorable(self, clips: Any, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """As of `Model`."""

    def predict_gates(
        self, clips: Any, modalities: tuple[str, ...] = BOTH
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return chances (n, n_gates, n_classes), and which gates clips have (n, n_gates)."""

    def ends(self) -> np.ndarray:
        """Return how much of a clip each gate has presented, s, shape (n_gates,)."""


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
    source : Source
        What the model learns from.
    starts_from : tuple of Path
        Files of weights that training may start from; other ones are another model.
    deep : bool
        Whether the model is a network that takes a whole GPU: there, folds take turns.
    over_time : bool
        Whether the model is an `OverTime`, whose gates are kept too.
    """

    name: str
    make: Callable[..., Model]
    modalities: tuple[str, ...] = BOTH
    needs_all: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    source: Source = field(default_factory=FisherVectors)
    starts_from: tuple[Path, ...] = ()
    deep: bool = False
    over_time: bool = False

    @property
    def tables(self) -> list[tables.Schema]:
        """Tables of test clips that the model's folds are merged into."""
        return [PREDICTIONS, GATES] if self.over_time else [PREDICTIONS]


def train(stage: str, recipes: Sequence[Recipe], modalities: Sequence[str], protocol: str) -> None:
    """Train models in every fold; write them and their predictions.

    A corpus of continuous labels alone gets the outputs of models that are off.

    Parameters
    ----------
    stage
        Name of the stage.
    recipes
        The models.
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
    check_folds(folds, clips, protocol)
    names = ", ".join(recipe.name for recipe in recipes)
    if not names_emotions(names, clips[clips["clip_id"].isin(folds["clip_id"])]):
        for recipe in recipes:
            skip(recipe.name)
        return
    numbers = sorted(folds["fold"].unique().tolist())
    where = _device() if any(recipe.deep for recipe in recipes) else "cpu"
    work, merged = {}, []
    for recipe in recipes:
        inputs = recipe.source.inputs()
        payload = {"recipe": recipe, "allowed": list(modalities), "inputs": inputs}
        parts = {s.name: Path("data") / s.name / f".{recipe.name}" for s in recipe.tables}
        for folder in parts.values():  # an interrupted run may have left other folds
            shutil.rmtree(folder, ignore_errors=True)
        work[recipe.name] = Folds(
            {fold: {"fold": fold, **payload} for fold in numbers},
            out={
                **parts,
                "model": Path("data/models") / recipe.name,
                "embeddings": Path("data/embeddings") / recipe.name,
            },
            params={
                "settings": recipe.settings,
                "recipe": [recipe.modalities, recipe.needs_all, recipe.over_time],
                "source": repr(recipe.source),
                "modalities": list(modalities),
                "device": where,
            },
            inputs=[*_SEEN_BY_ALL, *inputs, *recipe.starts_from],
            code=[recipe.make, type(recipe.source)],
        )
        merged += [(recipe.name, schema) for schema in recipe.tables]
    run_foldwise(stage, train_fold, work, in_turn=where != "cpu")
    for name, schema in merged:
        place = Path("data") / schema.name
        tables.merge(place / f".{name}", place / f"{name}.parquet", schema)


def _device() -> str:
    from avlib.runtime.device import device  # loads torch, which systems of vectors can do without

    return device()


def published_files(*folders: str) -> tuple[Path, ...]:
    """Return the files of weights that lie in these folders of ``data/weights``."""
    return tuple(p for f in folders for p in sorted(Path("data/weights", f).rglob("*.safetensors")))


def names_emotions(model: str, clips: pd.DataFrame) -> bool:
    """Say whether clips have emotions to learn; print a line where they have not."""
    known = bool(clips["emotion"].notna().any())
    if not known:
        corpora = ", ".join(sorted(clips["corpus"].unique()))
        print(
            f"{model}: left out, none of the {len(clips)} clips of {corpora} has an emotion;"
            " train_traces learns from their arousal and valence"
        )
    return known


def train_fold(payload: Mapping[str, Any], folder: Path) -> None:
    """Write ``model/``, ``predictions.parquet`` and ``embeddings.parquet`` of one fold.

    The test clips are predicted under several conditions: ``default`` with all that the model may
    use, and, where that is two modalities, each of them alone. Embeddings are the test clips in the
    spaces that the model learned; a model that takes vectors as they are has none. What else a
    model found out about the test clips is in ``model/examined.json``.

    Parameters
    ----------
    payload
        ``fold``; ``recipe``; ``allowed``: the modalities to use; ``inputs``: files of the source.
    folder
        Where to write.
    """
    fold, recipe = payload["fold"], payload["recipe"]
    emotions, parts = recipe.source.read(fold, payload["inputs"])
    training = parts["train"]
    used = tuple(
        m
        for m in recipe.modalities
        if m in payload["allowed"] and training.has((m,)).mean() >= USED_FROM
    )
    (folder / "model").mkdir()
    tables_of_rows, gates = [], []
    embedded = tables.no_rows(EMBEDDINGS)
    if used and (used == recipe.modalities or not recipe.needs_all):
        model = recipe.make(len(emotions), used, **recipe.settings)
        model.checkpoints = folder.parent / CHECKPOINTS / f"fold-{fold}"
        model.fit(training, parts["validation"])
        model.save(folder / "model")
        if examined := model.examine(parts["test"]):
            text = json.dumps(examined, indent=2, sort_keys=True)
            (folder / "model" / "examined.json").write_text(text + "\n")
        conditions = {"default": used} | ({m: (m,) for m in used} if len(used) > 1 else {})
        for condition, allowed in conditions.items():
            keys = {"condition": condition, "fold": fold, "model": recipe.name}
            rows = predict_rows(model, parts["test"], emotions, allowed)
            tables_of_rows.append(rows.assign(**keys))
            if recipe.over_time:
                gates.append(gate_rows(model, parts["test"], emotions, allowed).assign(**keys))
        embedded = _embed(model, parts["test"], fold, recipe.name)
    table = pd.concat(tables_of_rows) if tables_of_rows else tables.no_rows(PREDICTIONS)
    tables.write_table(folder / "predictions.parquet", table, PREDICTIONS)
    tables.write_table(folder / "embeddings.parquet", embedded, EMBEDDINGS)
    if recipe.over_time:
        table = pd.concat(gates) if gates else tables.no_rows(GATES)
        tables.write_table(folder / "gates.parquet", table, GATES)


def predict_rows(
    model: Model, test: AnyClips, emotions: list[str], allowed: tuple[str, ...]
) -> pd.DataFrame:
    """Predict the clips that have one of the allowed modalities; the others get no row."""
    clips = test.select(model.scorable(test, allowed))
    return _rows(clips, emotions, allowed, model.predict_proba(clips, allowed))


def gate_rows(
    model: OverTime, test: AnyClips, emotions: list[str], allowed: tuple[str, ...]
) -> pd.DataFrame:
    """Return rows of table `gates` for the clips that have one of the allowed modalities."""
    clips = test.select(model.scorable(test, allowed))
    chances, opened = model.predict_gates(clips, allowed)
    frames = [
        _rows(clips, emotions, allowed, chances[:, gate])
        .drop(columns="modalities")
        .assign(gate=gate + 1, time=float(end), open=opened[:, gate].astype(int))
        for gate, end in enumerate(model.ends())
    ]
    return pd.concat(frames)


def _rows(
    clips: Clips, emotions: list[str], allowed: tuple[str, ...], chances: np.ndarray
) -> pd.DataFrame:
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


def _embed(model: Model, test: AnyClips, fold: int, name: str) -> pa.Table:
    """Place the test clips in the spaces that the model learned; null where one has no place."""
    clips = test.select(model.scorable(test))
    spaces = model.embeddings(clips)
    if not spaces:
        return tables.no_rows(EMBEDDINGS)
    columns = {
        space: tables.fixed_size_list(spaces[space], mask=np.isnan(spaces[space]).any(axis=1))
        if space in spaces
        else pa.nulls(len(clips))
        for space in (*BOTH, "joint")
    }
    keys = {"clip_id": clips.clip_id, "fold": [fold] * len(clips), "model": [name] * len(clips)}
    return tables.conform({**keys, **columns}, EMBEDDINGS)
