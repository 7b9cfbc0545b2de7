"""The trained systems that can be read back by their names, to score other clips with them."""

from pathlib import Path

from avlib.runtime.errors import DataError
from avlib.systems.common.vector_model import VectorModel
from avlib.systems.linear_metric.model import METHODS, LinearMetricModel
from avlib.systems.merml.model import MERMLModel
from avlib.systems.svm.model import SVMModel

FOLDER = Path("data/models")
CLASSES: dict[str, type[VectorModel]] = {
    "svm_audio": SVMModel,
    "svm_video": SVMModel,
    "svm_concat": SVMModel,
    **dict.fromkeys(METHODS, LinearMetricModel),
    "merml": MERMLModel,
}


def require_class(name: str) -> type[VectorModel]:
    """Return the class of a model.

    Raises
    ------
    DataError
        There is no such model, or none that can be read back.
    """
    if name not in CLASSES:
        raise DataError(
            f"{name} is no model that can be tried on corrupted clips; expected one of"
            f" {', '.join(CLASSES)}: mend robustness.models in params.yaml"
        )
    return CLASSES[name]


def load_saved(name: str, fold: int) -> VectorModel | None:
    """Read the model of a fold; None where the fold's clips did not have what it needs.

    Raises
    ------
    DataError
        There is no such model, or it is not trained.
    """
    folder = FOLDER / name / f"fold-{fold}"
    made = require_class(name)
    if folder.is_dir() and not any(folder.iterdir()):
        return None
    return made.load(folder)
