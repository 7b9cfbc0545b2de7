"""One fold of EmoBed trained with several seeds (in a worker), and what they predicted.

The first one is the model: it is kept, shown and asked. The others are there for its gains alone,
which another seed would have made larger or smaller.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pandas as pd

from avlib.runtime import paths, tables
from avlib.runtime.tables.schema import INT
from avlib.systems.common.fold_clips import read_fold
from avlib.systems.common.recipe import FoldTask
from avlib.systems.common.tables import PREDICTIONS
from avlib.systems.common.train_fold import train_fold
from avlib.systems.emobed.tables import SHARED_FILE, SHARED_SPACE

_FILE = "seeds.parquet"
_PREDICTIONS = replace(
    PREDICTIONS, key=(*PREDICTIONS.key, "seed"), columns={**PREDICTIONS.columns, "seed": INT}
)


def train_seeds(task: FoldTask, folder: Path) -> None:
    """Write what `train_fold` does, and ``model/seeds.parquet``: predictions of further seeds.

    Where joint networks are kept, the first seed's, also table ``shared_space`` in the model's
    folder: the test clips in them.

    Parameters
    ----------
    task
        The recipe's setting ``seeds`` says how many there are; they follow ``seed``.
    folder
        Where to write.
    """
    settings = dict(task.recipe.settings)
    first, n = settings["seed"], settings.pop("seeds")
    train_fold(replace(task, recipe=replace(task.recipe, settings=settings)), folder)
    if settings.pop("keep_joint", False) and (folder / "model" / "settings.json").is_file():
        _, parts = read_fold(task.recipe.source, task.fold, task.inputs)
        model = cast(Any, task.recipe.make).load(folder / "model")
        rows = model.shared_space(parts["test"])
        tables.write_table(folder / "model" / SHARED_FILE, rows, SHARED_SPACE)
    found = []
    for further in range(1, n):
        recipe = replace(task.recipe, settings=settings | {"seed": first + further})
        apart = folder / f"seed_{further}"  # with checkpoints of its own
        (apart / folder.name).mkdir(parents=True)
        train_fold(replace(task, recipe=recipe), apart / folder.name)
        rows = tables.read_table(apart / folder.name / "predictions.parquet")
        found.append(rows.assign(seed=further))
        shutil.rmtree(apart)
    if found:
        tables.write_table(folder / "model" / _FILE, pd.concat(found), _PREDICTIONS)


def of_all_seeds(
    model: str, predictions: pd.DataFrame, models: Path = paths.MODELS
) -> pd.DataFrame:
    """Return a model's predictions with those of its further seeds, in a column ``seed`` from 0.

    Parameters
    ----------
    model
    predictions
        Of the first seed.
    models
        Folder of all models.
    """
    files = sorted((models / model).glob(f"fold-*/{_FILE}"), key=lambda f: f.parent.name)
    return pd.concat([predictions.assign(seed=0), *map(tables.read_table, files)])
