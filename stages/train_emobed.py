"""Train EmoBed, or a system that it is compared with, in every fold and apply it.

python -m stages.train_emobed emobed|emobed_classic|emobed_joint|emobed_triplet
"""

import sys

from avlib.models.emobed.functional_clips import FrameFunctionals
from avlib.models.emobed.model import EmoBedModel
from avlib.models.training import Recipe, skip, train
from avlib.params import load
from avlib.stage import run

PARAMS = ("emobed", "modalities", "protocol")


def main() -> None:
    """Write models, predictions and embeddings of one system."""
    name = sys.argv[1]
    params = load(PARAMS)
    settings = params.emobed.model_dump(exclude={"train"})
    recipe = Recipe(
        name,
        EmoBedModel,
        settings={"system": name, **settings},
        source=FrameFunctionals(params.emobed.window, params.emobed.step),
        deep=True,
    )
    if params.emobed.train:
        train("train_emobed", recipe, params.modalities, params.protocol.name)
    else:
        skip(recipe)


if __name__ == "__main__":
    run(main)
