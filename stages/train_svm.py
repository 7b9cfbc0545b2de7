"""Train and apply the RBF-SVM baselines in every fold."""

from avlib.params import load
from avlib.runtime.stage import run
from avlib.systems.common.training import Recipe, train
from avlib.systems.svm.model import SVMModel

PARAMS = ("modalities", "protocol", "svm")
MODALITIES: dict[str, tuple[str, ...]] = {
    "svm_audio": ("audio",),
    "svm_video": ("video",),
    "svm_concat": ("audio", "video"),
}


def main() -> None:
    """Write ``data/models/<model>`` and ``data/predictions/<model>.parquet``."""
    params = load(PARAMS)
    recipes = [
        Recipe(name, SVMModel, modalities, needs_all=True, settings=params.svm.model_dump())
        for name, modalities in MODALITIES.items()
    ]
    train("train_svm", recipes, params.modalities, params.protocol.name)


if __name__ == "__main__":
    run(main)
