"""Train AVEF, with and without its denoising, in every fold and apply it."""

from typing import TYPE_CHECKING, Any

from avlib.params import load
from avlib.runtime.stage import run
from avlib.systems.common.train_section import train_switched

if TYPE_CHECKING:
    from avlib.systems.common.training import Recipe

PARAMS = ("avef", "modalities", "protocol")


def recipe(name: str, settings: dict[str, Any]) -> "Recipe":
    """Return how one of the systems is made."""
    from avlib.systems.avef.model import SYSTEMS, AVEFModel, wanted_format
    from avlib.systems.avef.spoken import SpokenStreams
    from avlib.systems.common.training import Recipe, published_files

    return Recipe(
        name,
        AVEFModel,
        settings={"system": name, **settings},
        source=SpokenStreams(wanted_format(settings), SYSTEMS[name], bool(settings["binary"])),
        starts_from=published_files("alexnet", "avef", "c3d", "demo/avef"),
        deep=True,
    )


def main() -> None:
    """Write models, predictions and embeddings of both systems."""
    train_switched("avef", load(PARAMS), recipe)


if __name__ == "__main__":
    run(main)
