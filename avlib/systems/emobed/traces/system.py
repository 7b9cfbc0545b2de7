"""EmoBed for continuous emotion as the pipeline sees it."""

from collections.abc import Sequence
from dataclasses import replace
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from avlib.runtime import paths, tables
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System
from avlib.systems.emobed.params import without_unasked
from avlib.systems.emobed.system import used_weights
from avlib.systems.emobed.traces import BASELINE, CLASSIC, EVERY
from avlib.systems.emobed.traces.params import Traces
from avlib.systems.emobed.traces.scenarios import (
    HELPED,
    MODALITY,
    faces_of,
    modalities_of,
    scenario_of,
)
from avlib.systems.emobed.traces.tables import PREDICTED_TRACES

if TYPE_CHECKING:
    from avlib.systems.common.estimate import Corpus
    from avlib.systems.common.rehearsal import Rehearsal
    from avlib.systems.emobed.traces.recordings import TraceRecordings


class TracesSystem(System):
    """EmoBed's four systems and SVR in each scenario, following arousal and valence.

    Its models make no predictions of emotions, so they stand in no table of the other systems.
    """

    name = "traces"
    models = {
        f"{system}-{scenario}": f"{words}: {scenario}"
        for system, words in EVERY.items()
        for scenario in (MODALITY if system in (BASELINE, CLASSIC) else HELPED)
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
        """Return the models whose modalities are used, as section ``traces`` describes them."""
        described = {"audio", *params.traces.video}
        used = {features for features in described if MODALITY[features] in params.modalities}
        train = params.traces.train
        systems = train if isinstance(train, list) else EVERY if train else ()
        return [
            model
            for model in self.models
            if model.partition("-")[0] in systems and used.issuperset(scenario_of(model).split("+"))
        ]

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

        system, scenario, traces = model.partition("-")[0], scenario_of(model), params.traces
        make, of_source = self.model_class(), {"train", "window", "video", "avec"}
        if system == BASELINE:
            make = resolve_name("avlib.systems.emobed.traces.svr:TraceSVR")
            settings = {"c": traces.svr_c, "delay": traces.delay}
        else:
            given = without_unasked(traces.model_dump(exclude={*of_source, "svr_c"}))
            settings = used_weights(system, given)
            del settings["dimensions"]
        # Of sound alone faces count, too: its moments are theirs, in whichever system.
        kinds = {"audio": "audio", "video": faces_of(scenario) or traces.video[0]}
        source = TraceRecordings(
            tuple((m, kinds[m]) for m in params.modalities),
            traces.window,
            paths.RAW / params.corpus if traces.avec else None,
            apart=traces.dimensions == "apart",
        )
        used = modalities_of(scenario)
        settings = {"system": system, **settings}
        return Recipe(model, make, used, settings=settings, source=source)

    def costliest(self, models: Sequence[str]) -> str:
        """Return a model that learns from most: from both modalities, by both further losses."""
        return max(
            models,
            key=lambda m: (not m.startswith(BASELINE), "+" in m, m.startswith("emobed-")),
        )

    def rehearsal(self, recipe: Recipe, corpus: "Corpus") -> "Rehearsal":
        """Return what tells the cost of a fold: of recordings with traces, in their steps."""
        traces = tables.read_table(paths.TRACES, ["clip_id", "time"])
        times = traces["time"].groupby(traces["clip_id"])
        share = min(1.0, times.ngroups / corpus.clips)  # the others have none
        step = float(times.diff().median()) if len(traces) > times.ngroups else 1.0
        recipe = replace(recipe, settings=recipe.settings | {"step": step})
        seconds = len(traces) / times.ngroups * step
        groups = cast("TraceRecordings", recipe.source).groups
        trainings = recipe.settings.get("seeds", 1) * len(groups)
        return resolve_name(self.rehearsed_by)(
            recipe, recipe.modalities, trainings * share * corpus.train, seconds
        )
