"""Train the gating paradigm and the baselines of its table II in every fold and apply them."""

from typing import TYPE_CHECKING, Any

from avlib.params import load
from avlib.runtime.stage import run
from avlib.systems.common.train_section import train_switched

if TYPE_CHECKING:
    from avlib.systems.common.training import Recipe

PARAMS = ("gating", "modalities", "protocol")


def recipe(name: str, settings: dict[str, Any]) -> "Recipe":
    """Return how one of the systems is made."""
    from avlib.systems.common.sequences import DecodedStreams
    from avlib.systems.common.training import Recipe, published_files
    from avlib.systems.gating.model import GatingModel, wanted_format

    return Recipe(
        name,
        GatingModel,
        settings={"system": name, **settings},
        source=DecodedStreams(wanted_format(settings)),
        starts_from=published_files("demo/gating", "i3d", "soundnet8"),
        deep=True,
        over_time=True,
    )


def main() -> None:
    """Write models, predictions, gates and embeddings of the three systems."""
    train_switched("gating", load(PARAMS), recipe)


if __name__ == "__main__":
    run(main)
