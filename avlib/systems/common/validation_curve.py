"""How networks that learn from the validation clips too would do on them (in a worker).

Their own curves can hold no validation score. So the same networks are trained a second time
without these clips, which are scored after every epoch; the models themselves stay as they are.
"""

from pathlib import Path
from typing import Any

from avlib.runtime.per_fold import CHECKPOINTS
from avlib.systems.common.fold_clips import read_fold
from avlib.systems.common.recipe import FoldTask
from avlib.systems.common.train_fold import used_modalities

_NEVER = 10**9  # epochs of patience: validation is watched and stops nothing


def curve_fold(task: FoldTask, folder: Path) -> None:
    """Write a fold's curves as ``validation_curve.csv``; nothing where nothing is held out."""
    recipe = task.recipe
    emotions, parts = read_fold(recipe.source, task.fold, task.inputs)
    used = used_modalities(recipe, task.allowed, parts["train"])
    model: Any = recipe.make(len(emotions), used, **recipe.settings | {"patience": _NEVER})
    if not used or not model.scorable(parts["validation"]).any():
        return
    model.checkpoints = folder.parent / CHECKPOINTS / f"fold-{task.fold}"
    model.fit(parts["train"], parts["validation"])
    (folder / "validation_curve.csv").write_text(model.logs_["curves"])
