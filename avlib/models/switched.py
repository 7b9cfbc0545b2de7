"""Systems that a parameter switches on or off.

Nothing here imports torch, so that a stage whose system is off takes no time.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avlib import tables
from avlib.models import DEEP, OVER_TIME
from avlib.params import Params

if TYPE_CHECKING:
    from avlib.models.training import Recipe


def train_switched(
    stage: str,
    names: Sequence[str],
    params: Params,
    recipe: "Callable[[str, dict[str, Any]], Recipe]",
) -> None:
    """Train deep systems in every fold, or write the outputs of systems that are off.

    Parameters
    ----------
    stage
        See `avlib.models.training.train`.
    names
        Of the models, which have one section of params.yaml.
    params
        That section, ``modalities`` and ``protocol``.
    recipe
        ``recipe(name, settings)`` imports what the system needs and says how it is made.
    """
    section = getattr(params, DEEP[names[0]])
    if not section.train:
        for name in names:
            skip(name)
        return
    from avlib.models.training import train

    settings = section.model_dump(exclude={"train"})
    recipes = [recipe(name, settings) for name in names]
    train(stage, recipes, params.modalities, params.protocol.name)


def skip(name: str) -> None:
    """Write the outputs of a model that learns nothing: tables without rows, no models."""
    for table in ["predictions", "gates"] if name in OVER_TIME else ["predictions"]:
        empty = tables.no_rows(table)
        tables.write_table(Path("data") / table / f"{name}.parquet", empty, table)
    for folder in ("models", "embeddings"):
        (Path("data") / folder / name).mkdir(parents=True, exist_ok=True)
