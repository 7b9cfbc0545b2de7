"""Train AVEF, with or without its denoising, in every fold and apply it.

python -m stages.train_avef avef|avef_raw
"""

import sys

from avlib.models.avef.model import SYSTEMS, AVEFModel, wanted_format
from avlib.models.avef.spoken import SpokenStreams
from avlib.models.training import Recipe, published_files, skip, train
from avlib.params import load
from avlib.stage import run

PARAMS = ("avef", "modalities", "protocol")


def main() -> None:
    """Write models, predictions and embeddings of one system."""
    name = sys.argv[1]
    params = load(PARAMS)
    settings = params.avef.model_dump(exclude={"train"})
    recipe = Recipe(
        name,
        AVEFModel,
        settings={"system": name, **settings},
        source=SpokenStreams(wanted_format(settings), SYSTEMS[name], bool(settings["binary"])),
        starts_from=published_files("alexnet", "avef", "c3d"),
        deep=True,
    )
    if params.avef.train:
        train("train_avef", recipe, params.modalities, params.protocol.name)
    else:
        skip(recipe)


if __name__ == "__main__":
    run(main)
