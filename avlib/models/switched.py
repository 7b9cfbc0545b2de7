"""Systems that a parameter switches on or off.

Nothing here imports torch, so that a stage whose system is off takes no time.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avlib import tables
from avlib.models import OVER_TIME, of_section, wanted
from avlib.params import Params

if TYPE_CHECKING:
    from avlib.models.training import Recipe


def train_switched(
    section: str, params: Params, recipe: "Callable[[str, dict[str, Any]], Recipe]"
) -> None:
    """Train the deep systems of a section of params.yaml in every fold.

    Those that its ``train`` leaves out get the outputs of systems that are off.

    Parameters
    ----------
    section
        Its stage is ``train_<section>``.
    params
        That section, ``modalities`` and ``protocol``.
    recipe
        ``recipe(name, settings)`` imports what the system needs and says how it is made.
    """
    values = getattr(params, section)
    names = wanted(section, values.train)
    for name in of_section(section):
        if name not in names:
            skip(name)
    if not names:
        return
    from avlib.models.training import train

    settings = values.model_dump(exclude={"train"})
    recipes = [recipe(name, settings) for name in names]
    train(f"train_{section}", recipes, params.modalities, params.protocol.name)


def skip(name: str) -> None:
    """Write the outputs of a model that learns nothing: tables without rows, no models."""
    for table in ["predictions", "gates"] if name in OVER_TIME else ["predictions"]:
        empty = tables.no_rows(table)
        tables.write_table(Path("data") / table / f"{name}.parquet", empty, table)
    for folder in ("models", "embeddings"):
        (Path("data") / folder / name).mkdir(parents=True, exist_ok=True)
