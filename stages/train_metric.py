"""Learn a metric-learning baseline and its SVM in every fold and apply them.

python -m stages.train_metric lmnn|itml|gmml
"""

import sys

from avlib.models.linear_metric import LinearMetricModel
from avlib.models.training import Recipe, train
from avlib.params import load
from avlib.stage import run

PARAMS = ("modalities", "protocol", "svm")  # and the section of the model


def main() -> None:
    """Write ``data/models/<model>`` and ``data/predictions/<model>.parquet``."""
    name = sys.argv[1]
    params = load((*PARAMS, name))
    metric = getattr(params, name).model_dump()
    settings = {"method": name, "metric": metric, **params.svm.model_dump()}
    recipe = Recipe(name, LinearMetricModel, settings=settings)
    train(f"train_metric/{name}", [recipe], params.modalities, params.protocol.name)


if __name__ == "__main__":
    run(main)
