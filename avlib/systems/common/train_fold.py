"""One fold of one model: fit it, save it, and predict the test clips (in a worker)."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from avlib.protocols import AUXILIARY
from avlib.runtime import tables
from avlib.runtime.per_fold import CHECKPOINTS
from avlib.runtime.tables.schema import fixed_size_list
from avlib.systems.common.fold_clips import read_fold
from avlib.systems.common.model import BOTH, AnyClips, Model
from avlib.systems.common.recipe import FoldTask, Recipe
from avlib.systems.common.tables import EMBEDDINGS

# Share of the training clips from which a modality is used: a model learns from the clips that have
# all of its modalities, and a rare one would leave it with few.
USED_FROM = 0.5


def train_fold(task: FoldTask, folder: Path) -> None:
    """Write ``model/``, the model's tables and ``embeddings.parquet`` of one fold.

    The test clips are predicted under several conditions: ``default`` with all that the model may
    use, and, where that is two modalities, each of them alone. Embeddings are the test clips in the
    spaces that the model learned; a model that takes vectors as they are has none. What else a
    model found out about the test clips is in ``model/diagnostics.json``.

    Parameters
    ----------
    task
    folder
        Where to write.
    """
    recipe = task.recipe
    emotions, parts = read_fold(recipe.source, task.fold, task.inputs)
    training, test = parts["train"], parts["test"]
    used = used_modalities(recipe, task.allowed, training)
    (folder / "model").mkdir()
    rows: dict[str, list[pd.DataFrame]] = {schema.name: [] for schema in task.tables}
    embedded = tables.no_rows(EMBEDDINGS)
    if used:
        model = recipe.make(len(emotions), used, **recipe.settings)
        model.checkpoints = folder.parent / CHECKPOINTS / f"fold-{task.fold}"
        fit(model, parts)
        model.save(folder / "model")
        if diagnostics := model.diagnose(test):
            text = json.dumps(diagnostics, indent=2, sort_keys=True)
            (folder / "model" / "diagnostics.json").write_text(text + "\n")
        conditions = {"default": used} | ({m: (m,) for m in used} if len(used) > 1 else {})
        for condition, allowed in conditions.items():
            keys = {"condition": condition, "fold": task.fold, "model": recipe.name}
            clips = test.select(model.scorable(test, allowed))
            for name, found in model.rows(clips, emotions, allowed).items():
                rows[name].append(found.assign(**keys))
        embedded = _embed(model, test, task.fold, recipe.name)
    tables.write_table(folder / "embeddings.parquet", embedded, EMBEDDINGS)
    for schema in task.tables:
        table = pd.concat(rows[schema.name]) if rows[schema.name] else tables.no_rows(schema)
        tables.write_table(folder / f"{schema.name}.parquet", table, schema)


def fit(model: Any, parts: Mapping[str, Any]) -> Any:
    """Fit a model to training and validation clips, and to those that only help, where it asked."""
    helping = {AUXILIARY: parts[AUXILIARY]} if AUXILIARY in parts else {}
    return model.fit(parts["train"], parts["validation"], **helping)


def used_modalities(recipe: Recipe, allowed: Sequence[str], training: AnyClips) -> tuple[str, ...]:
    """Return the modalities that a model learns from; none where it can make nothing of them."""
    used = tuple(
        m for m in recipe.modalities if m in allowed and training.has((m,)).mean() >= USED_FROM
    )
    return () if recipe.needs_all and used != recipe.modalities else used


def _embed(model: Model, test: AnyClips, fold: int, name: str) -> pa.Table:
    """Place the test clips in the spaces that the model learned; null where one has no place."""
    clips = test.select(model.scorable(test))
    spaces = model.embeddings(clips)
    if not spaces:
        return tables.no_rows(EMBEDDINGS)
    columns = {
        space: fixed_size_list(spaces[space], mask=np.isnan(spaces[space]).any(axis=1))
        if space in spaces
        else pa.nulls(len(clips))
        for space in (*BOTH, "joint")
    }
    keys = {"clip_id": clips.clip_id, "fold": [fold] * len(clips), "model": [name] * len(clips)}
    return tables.conform({**keys, **columns}, EMBEDDINGS)
