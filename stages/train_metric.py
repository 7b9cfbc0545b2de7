"""Learn the metric-learning baselines and their SVMs in every fold and apply them."""

from avlib.params import load
from avlib.runtime.stage import run
from avlib.systems.common.training import Recipe, train
from avlib.systems.linear_metric.model import LinearMetricModel

METHODS = ("lmnn", "itml", "gmml")
PARAMS = (*METHODS, "modalities", "protocol", "svm")


def main() -> None:
    """Write ``data/models/<model>`` and ``data/predictions/<model>.parquet``."""
    params = load(PARAMS)
    svm = params.svm.model_dump()
    recipes = [
        Recipe(
            name,
            LinearMetricModel,
            settings={"method": name, "metric": getattr(params, name).model_dump(), **svm},
        )
        for name in METHODS
    ]
    train("train_metric", recipes, params.modalities, params.protocol.name)


if __name__ == "__main__":
    run(main)
