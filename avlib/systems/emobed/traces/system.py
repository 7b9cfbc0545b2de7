"""EmoBed for continuous emotion as the pipeline sees it."""

from collections.abc import Sequence
from dataclasses import replace
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import pandas as pd

from avlib.runtime import paths, tables
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System
from avlib.systems.emobed.system import used_weights
from avlib.systems.emobed.traces import SYSTEMS
from avlib.systems.emobed.traces.params import Traces
from avlib.systems.emobed.traces.tables import PREDICTED_TRACES

if TYPE_CHECKING:
    from avlib.systems.common.estimate import Corpus
    from avlib.systems.common.rehearsal import Rehearsal

_OTHER = {"audio": "video", "video": "audio"}


class TracesSystem(System):
    """EmoBed's four systems, each for either target modality, following arousal and valence.

    Its models make no predictions of emotions, so they stand in no table of the other systems.
    """

    name = "traces"
    models = {
        f"{system}-{target}": f"{words}, from {target}"
        for target in _OTHER
        for system, words in SYSTEMS.items()
    }
    model = "avlib.systems.emobed.traces.model:TraceModel"
    sections = {"traces": Traces}
    reads = ("corpus",)
    tables = (PREDICTED_TRACES,)
    folders = {"model": paths.DATA / "trace_models"}
    fold_trainer = "avlib.systems.emobed.traces.train_fold:train_trace_fold"
    judge = ""
    report_part = "avlib.systems.emobed.traces.report:report_part"
    rehearsed_by = "avlib.systems.emobed.traces.rehearsal:TraceRehearsal"
    deep = True

    def wanted(self, params: Any) -> list[str]:
        """Return the models whose modalities are used."""
        used = set(params.modalities)
        return [model for model in super().wanted(params) if used.issuperset(_modalities(model))]

    def cannot_learn(self, clips: pd.DataFrame) -> str:
        """Return why nothing can be learned: no clip has continuous labels."""
        labelled = tables.read_table(paths.TRACES, ["clip_id"])["clip_id"]
        if clips["clip_id"].isin(labelled).any():
            return ""
        return f"none of the {len(clips)} clips has arousal and valence over time"

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how a system is trained for a target; a weight it does not use retrains nothing.

        The modalities of the recipe are the target and then, if any, the auxiliary modality.
        """
        from avlib.systems.emobed.traces.recordings import TraceRecordings

        system, _, _ = model.partition("-")
        traces = params.traces
        settings = traces.model_dump(exclude={"train", "window", "video", "avec"})
        settings = {"system": system, **used_weights(system, settings)}
        kinds = {"audio": "audio", "video": traces.video}
        source = TraceRecordings(
            tuple((m, kinds[m]) for m in params.modalities),
            traces.window,
            paths.RAW / params.corpus if traces.avec else None,
        )
        used = _modalities(model)
        return Recipe(model, self.model_class(), used, settings=settings, source=source)

    def costliest(self, models: Sequence[str]) -> str:
        """Return a model that learns from most: from both modalities, by both further losses."""
        return max(models, key=lambda model: (len(_modalities(model)), model.startswith("emobed-")))

    def rehearsal(self, recipe: Recipe, corpus: "Corpus") -> "Rehearsal":
        """Return what tells the cost of a fold: of recordings with traces, in their steps."""
        traces = tables.read_table(paths.TRACES, ["clip_id", "time"])
        times = traces["time"].groupby(traces["clip_id"])
        share = min(1.0, times.ngroups / corpus.clips)  # the others have none
        step = float(times.diff().median()) if len(traces) > times.ngroups else 1.0
        recipe = replace(recipe, settings=recipe.settings | {"step": step})
        seconds = len(traces) / times.ngroups * step
        return resolve_name(self.rehearsed_by)(
            recipe, recipe.modalities, share * corpus.train, seconds
        )


def _modalities(model: str) -> tuple[str, ...]:
    """Return a model's target and then, where it has one, its auxiliary modality."""
    system, _, target = model.partition("-")
    return (target,) if system == "emobed_classic" else (target, _OTHER[target])
