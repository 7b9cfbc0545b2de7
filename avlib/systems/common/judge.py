"""What trained networks score on the validation clips that told when to stop (in a worker).

It stands apart from training, so that a fold that is remembered is judged and not trained again.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from avlib.systems.common.fold_clips import read_fold
from avlib.systems.common.held_out_scores import held_out_scores
from avlib.systems.common.recipe import FoldTask

# ``judge(model, train, held_out)``: the probabilities of the clips held out, (n_clips, n_classes).
Judge = Callable[[Any, Any, Any], np.ndarray]


@dataclass(frozen=True)
class JudgeTask:
    """A trained fold to judge by its validation clips.

    Attributes
    ----------
    fold : FoldTask
        How it was trained.
    model : Path
        Where it lies.
    judge : callable
        See `Judge`; importable.
    """

    fold: FoldTask
    model: Path
    judge: Judge


def judge_fold(task: JudgeTask, folder: Path) -> None:
    """Write `held_out_scores` as ``held_out.json``; nothing where nothing was trained or held out.

    Parameters
    ----------
    task
    folder
        Where to write.
    """
    if not (task.model / "settings.json").is_file():
        return
    make: Any = task.fold.recipe.make
    emotions, parts = read_fold(task.fold.recipe.source, task.fold.fold, task.fold.inputs)
    model = make.load(task.model)
    clips = parts["validation"].select(model.scorable(parts["validation"]))
    if not len(clips):
        return
    said = task.judge(model, parts["train"], clips).argmax(axis=1)
    confusion = confusion_matrix(clips.emotion, said, labels=range(len(emotions)))
    text = json.dumps(held_out_scores(confusion), indent=2, sort_keys=True)
    (folder / "held_out.json").write_text(text + "\n")


def predicted(model: Any, train: Any, held_out: Any) -> np.ndarray:
    """Return what a model that learned from the training clips alone says of others."""
    return model.predict_proba(held_out)
