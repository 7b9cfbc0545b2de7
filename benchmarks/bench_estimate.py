"""What `avlib estimate` foretells of a fold's training, beside what that fold took.

Of the first fold of the deep systems that params.yaml trains, on one thread; wants `dvc repro`.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lightning.pytorch import Trainer

from avlib.params import Params, load
from avlib.protocols import checked_folds
from avlib.registry import SYSTEMS, system
from avlib.runtime import paths
from avlib.runtime.tables import read_table
from avlib.systems.common.estimate import Corpus
from avlib.systems.common.fold_clips import read_fold
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.rehearsal import Rehearsal, rehearse_fold
from benchmarks.machine import one_core
from benchmarks.table import Table

COLUMNS = ("model", "operations, G", "foretold, s", "trained, s", "ratio")


def tables() -> list[Table]:
    """Foretell and train."""
    if not paths.FOLDS.is_file():
        return [Table("Not measured:", "there are no folds; `dvc repro` makes them.")]
    with one_core():
        rows = list(compared())
    reading = "Seconds of the processor in training, without reading and predicting."
    return [Table("A fold's training, foretold and done.", reading, COLUMNS, rows)]


def compared() -> Iterator[list[str]]:
    """Yield a row of each system."""
    params = load(tuple(Params.model_fields))
    folds = checked_folds(params.protocol.name, params.protocol.validation_by)
    corpus = Corpus.of_tables(read_table(paths.CLIPS), folds, params.modalities)
    for name in SYSTEMS:
        found = system(name)
        if not found.deep or not found.wanted(params):
            continue
        recipe = found.recipe(found.costliest(found.wanted(params)), params)
        task = found.rehearsal(recipe, corpus)
        foretold = rehearse_fold(task)
        seconds = trained(recipe, task)
        yield [
            recipe.name,
            f"{foretold.operations / 1e9:.0f}",
            f"{foretold.seconds:.1f}",
            f"{seconds:.1f}",
            f"{foretold.seconds / seconds:.2f}",
        ]


def trained(recipe: Recipe, task: Rehearsal) -> float:
    """Train the first fold; return how much of the processor's time that took, s."""
    source, inputs = recipe.source, recipe.source.inputs()
    if hasattr(source, "of_pieces"):
        _, parts = read_fold(source, 0, inputs)
        model = task.model()
    else:
        step, parts = source.read(0, inputs)  # recordings with traces
        model = recipe.make(*task.arguments, **recipe.settings, step=step)
    with tempfile.TemporaryDirectory() as scratch, timed_training() as spent:
        model.checkpoints = Path(scratch) / "fold-0"
        model.fit(parts["train"], parts["validation"])
    return sum(spent)


@contextmanager
def timed_training() -> Iterator[list[float]]:
    """Note how long each training inside takes, s of the processor."""
    spent, fit = [], Trainer.fit

    def timed(*args: Any, **kwargs: Any) -> None:
        begin = time.process_time()
        fit(*args, **kwargs)
        spent.append(time.process_time() - begin)

    with patch.object(Trainer, "fit", timed):
        yield spent
