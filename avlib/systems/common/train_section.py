"""Systems that a parameter switches on or off.

Nothing here imports torch, so that a stage whose system is off takes no time.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avlib.runtime import tables
from avlib.systems.common.tables import PREDICTIONS
from avlib.systems.gating.tables import GATES
from avlib.systems.registry import OVER_TIME, of_section, wanted

if TYPE_CHECKING:
    from avlib.systems.common.training import Recipe


def train_switched(
    section: str, params: Any, recipe: "Callable[[str, dict[str, Any]], Recipe]"
) -> None:
    """Train the deep systems of a section of params.yaml in every fold.

    Those that its ``train`` leaves out get the outputs of systems that are off.

    Parameters
    ----------
    section
        Its stage is ``train_<section>``.
    params
        Of `avlib.params.load`: that section, ``modalities`` and ``protocol``.
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
    from avlib.systems.common.training import train

    settings = values.model_dump(exclude={"train"})
    recipes = [recipe(name, settings) for name in names]
    train(f"train_{section}", recipes, params.modalities, params.protocol.name)


def skip(name: str) -> None:
    """Write the outputs of a model that learns nothing: tables without rows, no models."""
    for schema in [PREDICTIONS, GATES] if name in OVER_TIME else [PREDICTIONS]:
        path = Path("data") / schema.name / f"{name}.parquet"
        tables.write_table(path, tables.no_rows(schema), schema)
    for folder in ("models", "embeddings"):
        (Path("data") / folder / name).mkdir(parents=True, exist_ok=True)
