"""Learn MERML's metric and its SVM in every fold and apply them."""

from avlib.params import load
from avlib.runtime.stage import run
from avlib.systems.common.training import Recipe, train
from avlib.systems.merml.model import MERMLModel

PARAMS = ("merml", "modalities", "protocol", "svm")


def main() -> None:
    """Write ``data/models/merml`` and ``data/predictions/merml.parquet``."""
    params = load(PARAMS)
    settings = {"metric": params.merml.model_dump(), **params.svm.model_dump()}
    recipe = Recipe("merml", MERMLModel, settings=settings)
    train("train_merml", [recipe], params.modalities, params.protocol.name)


if __name__ == "__main__":
    run(main)
