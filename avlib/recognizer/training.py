"""A model that learns from all labelled clips, to be kept: nothing is held out to score it.

Encoders and model are made by the functions that make them in a fold. What a fold's model chooses
by inner cross-validation over its training and validation subjects, the final one chooses in the
same way over all subjects: what the folds chose is not looked at. Networks that are told by
validation subjects when to stop are told so by those whom the first fold tests, and do not learn
from these.
"""

import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from avlib import registry
from avlib.descriptors.encoder_folder import encoder_digest
from avlib.descriptors.face_network import network_weights
from avlib.fisher.encoder import FisherEncoder
from avlib.fisher.fold import FisherTask, encode_clips
from avlib.protocols import AUXILIARY, PARTS
from avlib.recognizer import kept
from avlib.recognizer.card import model_card
from avlib.runtime import paths, tables
from avlib.runtime.device import device, gpus, numerics
from avlib.runtime.errors import DataError
from avlib.runtime.files import link
from avlib.runtime.memo import locked
from avlib.runtime.per_fold import CHECKPOINTS, compute_each, content_key
from avlib.systems.common.fold_clips import FisherVectors
from avlib.systems.common.model import concatenate
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.train_fold import fit, used_modalities

ONLY = "all"  # there is one division of the clips
VECTORS = "final_vectors"  # shared by the models that are kept


@dataclass(frozen=True)
class FinalTask:
    """A model to train.

    Attributes
    ----------
    recipe : Recipe
        Its source reads all clips.
    allowed : tuple of str
        The modalities to use.
    inputs : tuple of Path
        Files of the source.
    """

    recipe: Recipe
    allowed: tuple[str, ...]
    inputs: tuple[Path, ...]


def keep(name: str, params: Any) -> None:
    """Train a model on all labelled clips and write ``data/final/<name>``.

    Parameters
    ----------
    name
        Of the model.
    params
        All of params.yaml.

    Raises
    ------
    DataError
        The model cannot be kept, or cannot learn from these clips.
    """
    system = registry.models()[name]
    kept.require_keepable(name, params)
    emotions, clips = all_clips()
    if reason := system.cannot_learn(clips):
        raise DataError(f"final.systems names {name}, but {reason}")
    recipe, vectors = system.recipe(name, params), None
    if isinstance(recipe.source, FisherVectors):
        vectors = _vectors(params)
        recipe = replace(recipe, source=FisherVectors(vectors))
    task = FinalTask(recipe, tuple(params.modalities), tuple(recipe.source.inputs()))
    stage = f"final/{name}"
    key = content_key(
        stage,
        [fit_final, recipe.make, type(recipe.source)],
        {
            "settings": recipe.settings,
            "source": repr(system.source(name, recipe.settings)),
            "modalities": list(task.allowed),
            "device": numerics() if system.deep else "cpu",
        },
        [paths.CLIPS, paths.FOLDS, *task.inputs, *recipe.starts_from],
    )
    with locked(paths.MEMO / stage):
        done, _ = compute_each(
            stage,
            fit_final,
            {ONLY: task},
            {ONLY: key},
            unit="models",
            devices=gpus() if system.deep else [],
        )
        out = paths.FINAL / name
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(done[ONLY] / "model", out / kept.MODEL, copy_function=link)
    if vectors:
        shutil.copytree(vectors / "encoders", out / kept.ENCODERS, copy_function=link)
    model = system.model_class().load(out / kept.MODEL)
    described = tuple(m for m in model.modalities if m in system.described(recipe.settings))
    weights = network_weights(paths.FACE_MODEL) if "video" in described else {}
    if weights:
        link(weights["weights"], out / kept.FACE_NETWORK)
    facts = _facts(name, emotions, params, described)
    kept.write_facts(out, facts | {"face_network": weights.get("sha256", "")})
    (out / kept.CARD).write_text(model_card(name, model, clips, vectors, params), encoding="utf-8")


def all_clips() -> tuple[list[str], pd.DataFrame]:
    """Return the emotions, and every clip of the folds with the part that it takes in learning.

    The clips that the first fold tests stand for the validation part: they are whole subjects
    wherever the protocol holds out whole subjects. Encoders and models learn from both parts.
    Clips that only help to train go on doing that, in models that ask for them.

    Returns
    -------
    emotions : list of str
        In the order of their codes.
    clips : DataFrame
        Rows of table ``clips`` with columns ``fold`` (0) and ``part`` ("train", "validation",
        "auxiliary").
    """
    folds = tables.read_table(paths.FOLDS)
    folds = folds[folds["part"].isin((*PARTS, AUXILIARY))]
    first = folds[folds["fold"] == folds["fold"].min()]
    judging = first.loc[first["part"] == "test", "clip_id"]
    clips = tables.read_table(paths.CLIPS)
    clips = clips[clips["clip_id"].isin(folds["clip_id"])].sort_values("clip_id")
    judges = clips["clip_id"].isin(judging)
    helping = clips["clip_id"].isin(folds.loc[folds["part"] == AUXILIARY, "clip_id"])
    part = judges.map({True: "validation", False: "train"}).mask(helping, AUXILIARY)
    clips = clips.assign(fold=0, part=part)
    return sorted(clips["emotion"].dropna().unique()), clips.reset_index(drop=True)


def fit_vectors(task: FisherTask, folder: Path) -> None:
    """Fit the encoders to all clips; write ``encoders/`` and table ``fisher`` (in a worker)."""
    _, clips = all_clips()
    learned = clips.loc[clips["part"] != AUXILIARY, ["clip_id", "fold"]]
    encode_clips(task, learned.assign(part="train"), folder)
    (folder / "fisher.parquet").rename(folder / f"fold-{task.fold}.parquet")


def fit_final(task: FinalTask, folder: Path) -> None:
    """Fit the model to all clips; write ``model/`` (in a worker).

    Raises
    ------
    DataError
        The corpus lacks a modality that the model needs, or the model cannot learn from it.
    """
    emotions, clips = all_clips()
    labelled = clips[["clip_id", "fold", "subject", "emotion", "part"]]
    recipe = task.recipe
    parts = recipe.source.read(labelled, emotions, task.inputs)
    used = used_modalities(recipe, task.allowed, concatenate(parts["train"], parts["validation"]))
    if not used:
        raise DataError(
            f"{recipe.name} needs {' and '.join(recipe.modalities)}, and most clips lack one of"
            " them; take it out of final.systems, or see `modalities` in params.yaml"
        )
    model = recipe.make(len(emotions), used, **recipe.settings)
    model.checkpoints = folder.parent / CHECKPOINTS / ONLY
    fit(model, parts).save(folder / "model")


def _vectors(params: Any) -> Path:
    """Encode all clips; return the folder of the table and of the encoders."""
    sections = {"audio": params.audio.model_dump(), "video": params.video.model_dump()}
    views = {m: registry.described_views(m, sections[m]) for m in params.modalities}
    task = FisherTask(
        0, views, params.pooling.model_dump(), params.speakers.model_dump(),
        params.fisher.model_dump(),
    )  # fmt: skip
    key = content_key(
        VECTORS,
        [fit_vectors],
        {
            "fisher": task.settings,
            "pooling": task.pooling,
            "views": {m: [[view.name, view.level] for view in v] for m, v in views.items()},
            "encoder": [FisherEncoder(backend=params.fisher.backend).backend_, device()],
        },
        [paths.CLIPS, paths.FOLDS, *_parts(view.source for v in views.values() for view in v)],
    )
    with locked(paths.MEMO / VECTORS):
        done, _ = compute_each(VECTORS, fit_vectors, {ONLY: task}, {ONLY: key}, unit="models")
    return done[ONLY]


def _parts(folders: Any) -> Collection[Path]:
    return [file for folder in folders for file in folder.glob("*.parquet")]


def _facts(
    name: str, emotions: list[str], params: Any, described: Collection[str]
) -> dict[str, Any]:
    settings: dict[str, Any] = {key: getattr(params, key) for key in kept.SETTINGS}
    dumped: dict[str, Any] = {
        k: v if isinstance(v, list) else v.model_dump() for k, v in settings.items()
    }
    return {
        "model": name,
        "corpus": params.corpus,
        "emotions": emotions,
        "settings": dumped,
        "encoder_digests": {m: encoder_digest(m, dumped[m]) for m in described},
    }
