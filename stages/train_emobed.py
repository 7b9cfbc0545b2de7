"""Train EmoBed and the systems that it is compared with in every fold, and apply them."""

from typing import TYPE_CHECKING, Any

from avlib.params import load
from avlib.runtime.stage import run
from avlib.systems.common.train_section import train_switched

if TYPE_CHECKING:
    from avlib.systems.common.training import Recipe

PARAMS = ("emobed", "modalities", "protocol")


def recipe(name: str, settings: dict[str, Any]) -> "Recipe":
    """Return how one of the systems is made."""
    from avlib.systems.common.training import Recipe
    from avlib.systems.emobed.functional_clips import FrameFunctionals
    from avlib.systems.emobed.model import EmoBedModel

    return Recipe(
        name,
        EmoBedModel,
        settings={"system": name, **settings},
        source=FrameFunctionals(settings["window"], settings["step"]),
        deep=True,
    )


def main() -> None:
    """Write models, predictions and embeddings of the four systems."""
    train_switched("emobed", load(PARAMS), recipe)


if __name__ == "__main__":
    run(main)
