"""How a model is made in each fold, and the task of making it in one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avlib.runtime.tables import Schema
from avlib.systems.common.fold_clips import FisherVectors, Source
from avlib.systems.common.model import BOTH


@dataclass(frozen=True)
class Recipe:
    """How a model is made in each fold.

    Attributes
    ----------
    name : str
        Of the model.
    make : callable
        ``make(n_classes, modalities, **settings)`` returns an unfitted model; importable.
    modalities : tuple of str
        What the model uses, where the corpus has it.
    needs_all : bool
        Whether the model makes no sense without all of them.
    settings : dict
        Parameters of the model, as JSON knows them.
    source : Source
        What the model learns from.
    starts_from : tuple of Path
        Files of weights that training may start from; other ones are another model.
    """

    name: str
    make: Callable[..., Any]
    modalities: tuple[str, ...] = BOTH
    needs_all: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    source: Source = field(default_factory=FisherVectors)
    starts_from: tuple[Path, ...] = ()


@dataclass(frozen=True)
class FoldTask:
    """A fold of a model to train.

    Attributes
    ----------
    fold : int
    recipe : Recipe
    allowed : tuple of str
        The modalities to use, of params.yaml.
    inputs : tuple of Path
        Files of the recipe's source.
    tables : tuple of Schema
        What the model writes about the test clips.
    """

    fold: int
    recipe: Recipe
    allowed: tuple[str, ...]
    inputs: tuple[Path, ...]
    tables: tuple[Schema, ...]
