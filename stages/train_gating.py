"""Train the gating paradigm, or a baseline of its table II, in every fold and apply it.

python -m stages.train_gating gating|gating_lstm|gating_global
"""

import sys

from avlib.models.gating.model import GatingModel, wanted_format
from avlib.models.sequences import DecodedStreams
from avlib.models.training import Recipe, published_files, skip, train
from avlib.params import load
from avlib.stage import run

PARAMS = ("gating", "modalities", "protocol")


def main() -> None:
    """Write models, predictions, gates and embeddings of one system."""
    name = sys.argv[1]
    params = load(PARAMS)
    settings = params.gating.model_dump(exclude={"train"})
    recipe = Recipe(
        name,
        GatingModel,
        settings={"system": name, **settings},
        source=DecodedStreams(wanted_format(settings)),
        starts_from=published_files("demo", "i3d", "soundnet8"),
        deep=True,
        over_time=True,
    )
    if params.gating.train:
        train("train_gating", recipe, params.modalities, params.protocol.name)
    else:
        skip(recipe)


if __name__ == "__main__":
    run(main)
