"""Train and apply an RBF-SVM baseline in every fold.

python -m stages.train_svm svm_audio|svm_video|svm_concat
"""

import sys

from avlib.models.svm import SVMModel
from avlib.models.training import Recipe, train
from avlib.params import load
from avlib.stage import run

PARAMS = ("modalities", "protocol", "svm")
MODALITIES: dict[str, tuple[str, ...]] = {
    "svm_audio": ("audio",),
    "svm_video": ("video",),
    "svm_concat": ("audio", "video"),
}


def main() -> None:
    """Write ``data/models/<model>`` and ``data/predictions/<model>.parquet``."""
    name = sys.argv[1]
    params = load(PARAMS)
    recipe = Recipe(
        name, SVMModel, MODALITIES[name], needs_all=True, settings=params.svm.model_dump()
    )
    train("train_svm", recipe, params.modalities, params.protocol.name)


if __name__ == "__main__":
    run(main)
