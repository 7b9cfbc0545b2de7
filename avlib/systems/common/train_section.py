"""From a stage to its models: every model of a system that is asked for, in every fold.

The way from here to a gradient: `train_section` makes a job of each model's folds, `run_per_fold`
takes what is remembered and hands the rest to workers, `train_fold` reads a fold's clips and calls
the model's ``fit``, and a network's ``fit`` calls `avlib.networks.train_network.train_network`.

Nothing here imports torch, so that a stage whose system is off takes no time.
"""

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pandas as pd

from avlib.protocols import checked_folds
from avlib.runtime import paths, tables
from avlib.runtime.files import leave_empty
from avlib.runtime.parallel import expect_work
from avlib.runtime.per_fold import FoldJobs, run_per_fold
from avlib.systems.common.estimate import Corpus, missing_sound, require_room, stage_cost
from avlib.systems.common.recipe import FoldTask, Recipe
from avlib.systems.common.system import System, table_file


def train_section(system: System, params: Any) -> None:
    """Train the models of a system that params.yaml asks for, in every fold.

    Models that it leaves out, and all of them where the corpus lacks what they learn, get outputs
    without rows: DVC wants every output of a stage.

    Parameters
    ----------
    system
        Its stage is ``train_<name>``.
    params
        The sections that the system reads, ``modalities`` and ``protocol``.

    Raises
    ------
    LeakError
        A subject or a clip stands on both sides of a fold.
    DataError
        A fold cannot be trained.
    """
    wanted = system.wanted(params)
    folds = checked_folds(params.protocol.name, params.protocol.validation_by)
    clips = tables.read_table(paths.CLIPS)
    if wanted and (reason := system.cannot_learn(clips[clips["clip_id"].isin(folds["clip_id"])])):
        print(f"{', '.join(wanted)}: left out, {reason}")
        wanted = []
    for model in system.models:
        if model not in wanted:
            leave_out(system, model)
    if not wanted:
        return
    # DVC starts a stage because something changed, though it may be nothing that folds depend on:
    # then what networks need is imported in vain, and that takes long.
    if not system.deep or not (paths.MEMO / f"train_{system.name}").exists():
        expect_work(system.modules())
    recipes = {model: system.recipe(model, params) for model in wanted}
    described = system.described(recipes[wanted[0]].settings)  # one section has all of them
    _say_what_is_missing(wanted, clips, params.modalities, described)
    numerics, devices = _numerics() if system.deep else ("cpu", [])
    longest = recipes[system.costliest(wanted)]
    corpus = Corpus.of_tables(clips, folds, params.modalities)
    if system.deep:  # before sound is decoded
        require_room(f"train_{system.name}", missing_sound(longest, corpus))

    # To try the demo's small networks takes as long as to train a fold of them. A deep system's
    # baseline may be no network.
    network = system.deep and longest.make is system.model_class()
    told = network and set(clips["corpus"]) != {"demo"}

    def begin(n_folds: int) -> None:
        expect_work(system.modules(), devices)
        if not told:
            return
        cost = stage_cost(system, longest, corpus, n_folds)
        if cost is not None:
            logging.getLogger(__name__).info(f"train_{system.name}: {cost}")
            require_room(f"train_{system.name}", cost.disk)

    jobs = {}
    for model, recipe in recipes.items():
        begun = system.begun(recipe, params, numerics, devices)
        jobs[model] = _jobs(system, begun, folds, params.modalities, numerics)
    run_per_fold(
        f"train_{system.name}",
        system.fold_function(),
        jobs,
        devices=devices,
        before=begin,
        sharing=not told,  # vectors, and small networks
    )
    watched = {m: jobs[m] for m in wanted if system.judge and recipes[m].settings.get("patience")}
    if watched:
        _judge(system, watched, devices)
    if getattr(getattr(params, system.name, None), "validation_curve", False):
        _draw_curves(system, {m: jobs[m] for m in wanted if m not in watched}, devices)
    for model in wanted:
        for schema in system.tables:
            tables.merge(_parts(schema, model), table_file(schema, model), schema)


def _say_what_is_missing(
    models: Sequence[str],
    clips: pd.DataFrame,
    modalities: Sequence[str],
    described: Sequence[str],
) -> None:
    """Say where a modality exists as a table of descriptors at most: no pixels, no sound.

    Models that read the descriptors of a modality miss nothing.
    """
    there = [m for m in modalities if m in described or clips[f"{m}_path"].notna().any()]
    kinds = {"audio": "sound", "video": "faces"}
    for modality in set(modalities) - set(there):
        print(
            f"{', '.join(models)}: no recording has {modality}, so there are no {kinds[modality]}"
            f" to learn from, and a table of descriptors holds none; used: {', '.join(there)}"
        )


def leave_out(system: System, model: str) -> None:
    """Write the outputs of a model that learns nothing: tables without rows, empty folders."""
    for schema in system.tables:
        tables.write_table(table_file(schema, model), tables.no_rows(schema), schema)
    for folder in system.folders.values():
        leave_empty(folder / model)


def _jobs(
    system: System, recipe: Recipe, folds: pd.DataFrame, modalities: Sequence[str], numerics: str
) -> FoldJobs:
    """Say what a model's folds compute, where it goes, and all that it depends on."""
    inputs = recipe.source.inputs()
    parts = {schema.name: _parts(schema, recipe.name) for schema in system.tables}
    for folder in parts.values():  # an interrupted run may have left other folds
        shutil.rmtree(folder, ignore_errors=True)
    return FoldJobs(
        {
            fold: FoldTask(fold, recipe, tuple(modalities), tuple(inputs), system.tables)
            for fold in sorted(folds["fold"].unique().tolist())
        },
        out=parts | {name: folder / recipe.name for name, folder in system.folders.items()},
        params={
            "settings": recipe.settings,
            "recipe": [recipe.modalities, recipe.needs_all],
            "source": repr(recipe.source),
            "modalities": list(modalities),
            "device": numerics,
        },
        inputs=[paths.CLIPS, paths.FOLDS, *inputs, *recipe.starts_from],
        code=[recipe.make, type(recipe.source)],
    )


def _judge(system: System, trained: Mapping[str, FoldJobs], devices: Sequence[str]) -> None:
    """Score networks on the validation clips that they watched: ``fold-<k>.json`` by the models."""
    from avlib.systems.common.judge import JudgeTask, judge_fold  # as heavy as a network

    judge, jobs = resolve_name(system.judge), {}
    for model, job in trained.items():
        folder = paths.MODELS / model
        jobs[model] = replace(
            job,
            payloads={
                fold: JudgeTask(task, folder / f"fold-{fold}", judge)
                for fold, task in job.payloads.items()
            },
            out={"held_out": folder},
            inputs=[*job.inputs, *(p for p in sorted(folder.glob("fold-*/*")) if p.is_file())],
            code=[*job.code, judge],
        )
    run_per_fold(f"judge_{system.name}", judge_fold, jobs, devices=devices)


def _draw_curves(system: System, trained: Mapping[str, FoldJobs], devices: Sequence[str]) -> None:
    """Train networks again without their validation clips: ``fold-<k>.csv`` by the models."""
    from avlib.systems.common.validation_curve import curve_fold  # as heavy as a network

    jobs = {
        m: replace(job, out={"validation_curve": paths.MODELS / m}) for m, job in trained.items()
    }
    run_per_fold(f"curve_{system.name}", curve_fold, jobs, devices=devices)


def _parts(schema: tables.Schema, model: str) -> Path:
    """Return the folder of a model's rows, a file a fold, until they are merged."""
    return table_file(schema, model).with_name(f".{model}")


def _numerics() -> tuple[str, list[str]]:
    """Return what networks' results depend on of this machine, and the GPUs that train them."""
    from avlib.runtime.device import gpus, numerics  # loads torch: seconds

    return numerics(), gpus()
