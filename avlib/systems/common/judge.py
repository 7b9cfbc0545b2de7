"""What trained networks score on the validation clips that told when to stop (in a worker).

It stands apart from training, so that a fold that is remembered is judged and not trained again.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, f1_score

from avlib.systems.common.fold_clips import read_fold
from avlib.systems.common.held_out_scores import held_out_scores
from avlib.systems.common.model import showing
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

    They have macro-F1 too and, of a model of two modalities, ``held_out_conditions``: by modality,
    the same of the clips as that one alone shows them.

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
    scores = _judged(task, model, parts["train"], parts["validation"], len(emotions))
    if not scores:
        return
    if len(model.modalities) > 1:
        of_each = {
            m: _judged(task, model, parts["train"], showing(parts["validation"], m), len(emotions))
            for m in model.modalities
        }
        scores["held_out_conditions"] = {
            m: {name.removeprefix("held_out_"): value for name, value in found.items()}
            for m, found in of_each.items()
            if found
        }
    text = json.dumps(scores, indent=2, sort_keys=True)
    (folder / "held_out.json").write_text(text + "\n")


def _judged(task: JudgeTask, model: Any, train: Any, held_out: Any, n: int) -> dict[str, Any]:
    """Score the clips held out that the model can score; nothing where there is none."""
    clips = held_out.select(model.scorable(held_out))
    if not len(clips):
        return {}
    said = task.judge(model, train, clips).argmax(axis=1)
    confusion = confusion_matrix(clips.emotion, said, labels=range(n))
    f1 = float(f1_score(clips.emotion, said, average="macro"))
    return held_out_scores(confusion) | {"held_out_f1_macro": f1}


def predicted(model: Any, train: Any, held_out: Any) -> np.ndarray:
    """Return what a model that learned from the training clips alone says of others."""
    return model.predict_proba(held_out)
