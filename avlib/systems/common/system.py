"""A system as the pipeline sees it: what it trains, from what, with which parameters.

A subclass is all that `avlib.registry` names of a system. Declaring one loads no torch, so that a
system that is off, the parameters and the report cost nothing: what is heavy is imported inside the
methods.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from avlib.runtime import paths
from avlib.runtime.params import Section
from avlib.runtime.tables import Schema
from avlib.systems.common.fold_clips import FisherVectors, PieceReader
from avlib.systems.common.model import BOTH
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.tables import PREDICTIONS

if TYPE_CHECKING:
    from avlib.report import page
    from avlib.report.report_data import ReportData
    from avlib.systems.common.estimate import Corpus
    from avlib.systems.common.rehearsal import Rehearsal

LIGHTNING = "avlib.networks.train_network"  # which imports it: seconds


class System(ABC):
    """A published system with its baselines, or methods of one kind, which one stage trains.

    Attributes
    ----------
    name : str
        Of its stage, ``train_<name>``.
    models : mapping of str to str
        The models that it trains, each with a line on what it is.
    model : str
        The class of its models, ``module:name``, imported when it is asked for.
    sections : mapping of str to type
        Its sections of params.yaml. Where the one of its own name has a key ``train``, that key
        says which models are trained; a key ``validation_curve``, whether networks that learn from
        the validation clips too are trained again without them (`validation_curve`).
    reads : tuple of str
        Further keys of params.yaml that its recipes read.
    tables : tuple of Schema
        What it writes about test clips, a file a model.
    folders : mapping of str to Path
        What else it writes, a folder a model with a file or folder a fold.
    fold_trainer : str
        What trains one fold: ``function(FoldTask, folder)``, as ``module:name``.
    judge : str
        How a network that watched its validation clips is judged by them: a
        `avlib.systems.common.judge.Judge`, as ``module:name``; "" of models that name no emotions.
        Systems of vectors say it themselves, in ``chosen_``.
    rehearsed_by : str
        What tells the cost of a fold of a deep one: a
        `avlib.systems.common.rehearsal.Rehearsal`, as ``module:name``.
    report_part : str
        What makes its section of the report, if it has one: a function of the `ReportData`,
        ``module:name``, imported when it is asked for.
    group : str
        What the report shows its models among, in one colour.
    deep : bool
        Whether it trains networks, which take a whole GPU. The others learn from Fisher vectors,
        and can be tried on corrupted clips.
    sees_and_hears : bool
        Whether it reads faces and sound themselves, and so has no use for tables of descriptors;
        one that may do either says which in `described`.
    """

    name: ClassVar[str]
    models: ClassVar[Mapping[str, str]]
    model: ClassVar[str]
    sections: ClassVar[Mapping[str, type[Section]]] = {}
    reads: ClassVar[tuple[str, ...]] = ()
    tables: ClassVar[tuple[Schema, ...]] = (PREDICTIONS,)
    folders: ClassVar[Mapping[str, Path]] = {"model": paths.MODELS, "embeddings": paths.EMBEDDINGS}
    fold_trainer: ClassVar[str] = "avlib.systems.common.train_fold:train_fold"
    judge: ClassVar[str] = "avlib.systems.common.judge:predicted"
    rehearsed_by: ClassVar[str] = "avlib.systems.common.rehearsal:Rehearsal"
    report_part: ClassVar[str] = ""
    group: ClassVar[str] = "vector baselines"
    deep: ClassVar[bool] = False
    sees_and_hears: ClassVar[bool] = False

    def wanted(self, params: Any) -> list[str]:
        """Return the models that params.yaml asks for, in the order of `models`.

        ``train`` is true, false, or a list of models; where there is no such key, all are trained.
        """
        train = getattr(getattr(params, self.name, None), "train", True)
        if isinstance(train, bool):
            return self.offered(params) if train else []
        return [model for model in self.models if model in train]

    def offered(self, params: Any) -> list[str]:
        """Return the models that can be trained as params.yaml is: by default all."""
        return list(self.models)

    def cannot_learn(self, clips: pd.DataFrame) -> str:
        """Return why nothing can be learned from these rows of table `clips`; "" where it can."""
        if clips["emotion"].notna().any():
            return ""
        corpora = ", ".join(sorted(clips["corpus"].unique()))
        return (
            f"none of the {len(clips)} clips of {corpora} has an emotion; train_traces learns from"
            " their arousal and valence"
        )

    def model_class(self) -> Any:
        """Import the class of its models."""
        return resolve_name(self.model)

    @abstractmethod
    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how one of its models is made."""

    def begun(self, recipe: Recipe, params: Any, numerics: str, devices: Sequence[str]) -> Recipe:
        """Train what all folds of a model begin with, if anything; return the recipe from then on.

        Parameters
        ----------
        recipe
            Of one of its models.
        params
            As `avlib.systems.common.train_section.train_section` has them.
        numerics, devices
            What networks' results depend on of this machine, and the GPUs that train them.
        """
        return recipe

    def source(self, model: str, settings: Mapping[str, Any]) -> FisherVectors | PieceReader:
        """Return what one of its models learns from, by the settings of its recipe."""
        return FisherVectors()

    def described(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the modalities of which a model with these settings reads descriptors."""
        return () if self.sees_and_hears else BOTH

    def costliest(self, models: Sequence[str]) -> str:
        """Return the one of its models that takes longest to train: by default the first."""
        return models[0]

    def rehearsal(self, recipe: Recipe, corpus: "Corpus") -> "Rehearsal":
        """Return what tells the cost of a fold of a deep model."""
        # Without recordings there may be descriptors, in tables.
        used = tuple(m for m in recipe.modalities if m in corpus.modalities) or recipe.modalities
        watches = recipe.settings.get("patience") is not None
        learned = corpus.train + (0 if watches else corpus.validation)
        rehearsal = resolve_name(self.rehearsed_by)
        return rehearsal(recipe, (corpus.emotions, used), learned, corpus.seconds)

    def modules(self) -> list[str]:
        """Return the modules that the training of a fold needs, the slowest to import at least."""
        named = [self.fold_trainer, self.model, *([LIGHTNING] if self.deep else [])]
        return [name.partition(":")[0] for name in named]

    def fold_function(self) -> Callable[..., None]:
        """Import what trains one fold."""
        return resolve_name(self.fold_trainer)

    def report(self, data: "ReportData") -> "page.Section | None":
        """Return its own section of the report, if it has one."""
        return resolve_name(self.report_part)(data) if self.report_part else None


def table_file(schema: Schema, model: str) -> Path:
    """Return the file of a model's rows of a table."""
    return paths.DATA / schema.name / f"{model}.parquet"


def weight_files(*folders: str) -> tuple[Path, ...]:
    """Return the files of weights that lie in these folders of ``data/weights``."""
    return tuple(p for f in folders for p in sorted((paths.WEIGHTS / f).rglob("*.safetensors")))
