"""Networks that learn from other corpora first, once for all folds, for `avef_transfer`."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avlib.protocols import AUXILIARY
from avlib.protocols.validation import validation_subjects
from avlib.runtime import paths, tables
from avlib.runtime.errors import DataError
from avlib.runtime.files import link
from avlib.runtime.memo import locked
from avlib.runtime.per_fold import CHECKPOINTS, compute_each, content_key
from avlib.systems.avef.params import FIRST
from avlib.systems.common.fold_clips import labelled_clips
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.train_fold import fit, used_modalities

STAGE = "train_avef_first"
ALL = "all"  # other corpora are one item


@dataclass(frozen=True)
class FirstTask:
    """A model to train on the other corpora.

    Attributes
    ----------
    recipe : Recipe
    allowed : tuple of str
        The modalities to use, of params.yaml.
    inputs : tuple of Path
        Files of the recipe's source.
    emotions : list of str
        Of all corpora.
    labelled : DataFrame
        Clips to learn from, as of `labelled_clips`.
    """

    recipe: Recipe
    allowed: tuple[str, ...]
    inputs: tuple[Path, ...]
    emotions: list[str]
    labelled: pd.DataFrame


def train_first(recipe: Recipe, params: Any, numerics: str, devices: Sequence[str]) -> None:
    """Train a model on the corpora of ``avef.transfer``, pooled; write ``FIRST``.

    Ma et al. 2019 (AVEF), section 2.2: networks and belief network learn from the corpora that are
    not tested, before they learn from the one that is. `check_folds` has seen to it that nobody and
    no recording of theirs is in another part of any fold. What is learned does not depend on the
    folds, and is remembered whatever these are.

    Parameters
    ----------
    recipe
        Of `avef`, with the weights that everything begins with.
    params, numerics, devices
        As of `avlib.systems.common.system.System.begun`.

    Raises
    ------
    DataError
        These clips teach nothing: they lack a modality, or show one emotion alone.
    """
    recipe = replace(recipe, settings=recipe.settings | {"binary": []})
    emotions, labelled = helping_clips(params)
    inputs = recipe.source.inputs()
    task = FirstTask(recipe, tuple(params.modalities), tuple(inputs), emotions, labelled)
    key = content_key(
        STAGE,
        [fit_first, recipe.make, type(recipe.source)],
        {
            "settings": recipe.settings,
            "source": repr(recipe.source),
            "modalities": list(task.allowed),
            "device": numerics,
            "emotions": emotions,
            "clips": labelled.to_csv(index=False),
        },
        [*inputs, *recipe.starts_from],
    )
    with locked(paths.MEMO / STAGE):
        done, _ = compute_each(
            STAGE, fit_first, {ALL: task}, {ALL: key}, unit="models", devices=devices
        )
        shutil.rmtree(FIRST, ignore_errors=True)
        shutil.copytree(done[ALL] / "model", FIRST, copy_function=link)


def helping_clips(params: Any) -> tuple[list[str], pd.DataFrame]:
    """Return all emotions, and the clips of the other corpora, as of `labelled_clips`.

    Where networks are watched (``patience``), some of their subjects are the validation part.
    """
    folds = tables.read_table(paths.FOLDS, ["fold"])
    emotions, labelled = labelled_clips(int(folds["fold"].min()))
    labelled = labelled[labelled["part"] == AUXILIARY].reset_index(drop=True)
    part = np.full(len(labelled), "train", object)
    if params.avef.patience:
        share, seed = params.protocol.validation, params.protocol.seed
        part[validation_subjects(labelled, part, share, seed, fold=0)] = "validation"
    return emotions, labelled.assign(fold=0, part=part)


def fit_first(task: FirstTask, folder: Path) -> None:
    """Fit the model; write ``model/`` (in a worker)."""
    recipe = task.recipe
    parts = recipe.source.read(task.labelled, task.emotions, task.inputs)
    used = used_modalities(recipe, task.allowed, parts["train"])
    if not used:
        raise DataError(
            "most clips of the corpora that avef.transfer names have neither face nor sound;"
            " expected what the networks can learn from"
        )
    model = recipe.make(len(task.emotions), used, **recipe.settings)
    model.checkpoints = folder.parent / CHECKPOINTS / ALL
    fit(model, parts).save(folder / "model")
