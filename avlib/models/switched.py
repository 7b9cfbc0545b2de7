"""Systems that a parameter switches on or off.

Nothing here imports torch, so that a stage whose system is off takes no time.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avlib import tables
from avlib.models import DEEP, OVER_TIME
from avlib.params import Params

if TYPE_CHECKING:
    from avlib.models.training import Recipe


def train_switched(
    stage: str, name: str, params: Params, recipe: "Callable[[str, dict[str, Any]], Recipe]"
) -> None:
    """Train a deep system in every fold, or write the outputs of one that is off.

    Parameters
    ----------
    stage
        Name of the stage.
    name
        Of the model.
    params
        The system's section, ``modalities`` and ``protocol``.
    recipe
        ``recipe(name, settings)`` imports what the system needs and says how it is made.
    """
    section = getattr(params, DEEP[name])
    if not section.train:
        skip(name)
        return
    from avlib.models.training import train

    settings = section.model_dump(exclude={"train"})
    train(stage, recipe(name, settings), params.modalities, params.protocol.name)


def skip(name: str) -> None:
    """Write the outputs of a model that learns nothing: tables without rows, no models."""
    for table in ["predictions", "gates"] if name in OVER_TIME else ["predictions"]:
        empty = tables.no_rows(table)
        tables.write_table(Path("data") / table / f"{name}.parquet", empty, table)
    for folder in ("models", "embeddings"):
        (Path("data") / folder / name).mkdir(parents=True, exist_ok=True)
