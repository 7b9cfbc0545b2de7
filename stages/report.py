"""Compare all models on one page, beside the papers' figures."""

import itertools
import json
from pathlib import Path
from typing import Any

import pandas as pd

from avlib import registry
from avlib.params import Params, load
from avlib.protocols import checked_folds
from avlib.report import scores
from avlib.report.chart import inline
from avlib.report.clip_media import face_of, sound_of
from avlib.report.comparisons import as_json
from avlib.report.current import current_predictions, left_out_lines
from avlib.report.curves import loss_section
from avlib.report.embeddings_page import embeddings_section
from avlib.report.identity import code, identity
from avlib.report.looks import looks
from avlib.report.mistakes import mistakes_section
from avlib.report.normalisation import named, titled
from avlib.report.one_model import fold_facts
from avlib.report.page import Section
from avlib.report.report_data import ReportData
from avlib.report.starting import divided, starts_from
from avlib.report.training_choices import training_choices
from avlib.report.write import apart, write_report
from avlib.robustness.curves import read_curves
from avlib.robustness.report import robustness_section
from avlib.runtime import paths, tables
from avlib.runtime.stage import run

PARAMS = tuple(Params.model_fields)  # the page shows all of them
STAGES = ("clips", "faces", "video_features", "speech", "audio_features")


def main() -> None:
    """Write ``report/``, and ``summary``, ``comparisons`` and ``traces.json`` in ``metrics/``."""
    params = load(PARAMS)
    folds = checked_folds(params.protocol.name, params.protocol.validation_by)
    clips = tables.read_table(paths.CLIPS)
    predictions, left_out = current_predictions(registry.models(), folds, clips)
    for line in left_out_lines(left_out):
        print(line)
    trained = {model: rows for model, rows in predictions.items() if len(rows)}
    data = ReportData(
        corpus=params.corpus,
        protocol=params.protocol,
        clips=clips,
        folds=folds,
        status=pd.concat([tables.read_table(file) for file in _status_files()]),
        predictions=trained,
        notes=json.loads(paths.CORPUS.read_text())["notes"],
        votes=tables.read_table(paths.VOTES),
        fold_facts={model: fold_facts(model) for model in trained},
        drawn={model: _drawn(model) for model in trained},
        normalise=registry.speaker_normalisation(params.speakers.normalise),
        looks=looks((m, system.group) for m, system in registry.models().items()),
        starts_from={model: starts_from(model) for model in trained},
    )
    robustness = robustness_section(
        read_curves(paths.METRICS / "robustness", params.robustness.models), data.looks
    )
    more = [
        training_choices(data.fold_facts, _poolings(params)),
        *apart(_embeddings, data),
        *(system.report(data) for system in registry.systems()),
        loss_section({model: curves for model in trained if (curves := _curves(model))}),
        # Models that can be tried so all learn from the vectors, and are normalised alike.
        robustness and titled(robustness, params.speakers.normalise),
    ]
    write_report(
        paths.REPORT,
        data,
        descriptions={model: system.models[model] for model, system in registry.models().items()},
        untrained=left_out
        | {model: _why_not(model, params, clips) for model in predictions if model not in trained},
        params=params.model_dump(),
        extra=[section for section in more if section],
        identity=identity(clips, code()),
        listened=mistakes_section(data, face_of, sound_of),
    )
    summary: dict[str, Any] = {}
    for kind, part in data.parts.items():
        for name, of_name in divided(
            named(params.corpus, kind), part.scores, data.starts_from
        ).items():
            summary |= scores.summary(name, of_name)
    scores.write_json(paths.METRICS / "summary.json", summary)
    scores.write_json(paths.METRICS / "comparisons.json", as_json(data.comparisons))


def _status_files() -> list[Path]:
    """Return the tables of statuses, those of the views beside the main descriptors last."""
    of_views = [sorted(paths.views(m).glob("*.status.parquet")) for m in paths.DESCRIPTORS]
    return [*(paths.status(stage) for stage in STAGES), *itertools.chain(*of_views)]


def _poolings(params: Any) -> dict[int, dict[str, str]]:
    """Read how each fold pooled the views of which there were several ways to choose from."""
    fisher = params.fisher.model_dump()
    found: dict[int, dict[str, str]] = {}
    for file in sorted(paths.FISHER.glob("fold-*.parquet"), key=paths.fold_number):
        facts = tables.read_facts(file)
        chosen: dict[str, str] = {}
        for modality, ways in params.pooling.model_dump().items():
            mixtures = len(fisher["components"]) * len(fisher[f"pca_{modality}"])
            if sum(1 if way == "moments" else mixtures for way in ways) > 1:
                of_views = facts.get(f"chosen_{modality}", "")
                chosen |= dict(text.split(": ") for text in of_views.split(", ") if text)
        # Rows of a whole clip are taken as they are, whatever the ways to pool others.
        found[paths.fold_number(file)] = {v: way for v, way in chosen.items() if way != "none"}
    return found


def _why_not(model: str, params: Any, clips: pd.DataFrame) -> str:
    """Say why a model that was run has no predictions."""
    if clips["emotion"].isna().all():
        return "the corpus names no emotions"
    system = registry.models()[model]
    if model not in system.offered(params):
        return "off, as params.yaml does not name what it begins with (docs/systems.md)"
    if model not in system.wanted(params):
        train = json.dumps(getattr(params, system.name).train)
        return f"switched off ({system.name}.train: {train})"
    return f"no clip has what it needs (modalities: {', '.join(params.modalities)})"


def _embeddings(data: ReportData) -> Section | None:
    """Show the models' spaces, and the planes that `evaluate` drew of them."""
    return embeddings_section(data.fold_facts, data.pictures("tsne"))


def _curves(model: str) -> dict[int, pd.DataFrame]:
    """Read the curves of each fold of a network, those of `validation_curve` where there are."""
    folder = paths.MODELS / model
    drawn = {file.with_suffix(""): file for file in folder.glob("fold-*.csv")}
    files = drawn or {file.parent: file for file in folder.glob("fold-*/curves.csv")}
    return {paths.fold_number(fold): pd.read_csv(file) for fold, file in files.items()}


def _drawn(model: str) -> dict[str, str]:
    """Read the pictures that `evaluate` drew of a model."""
    files = (paths.METRICS / "plots" / model).glob("*.svg")
    return {file.stem: inline(file.read_text(encoding="utf-8")) for file in files}


if __name__ == "__main__":
    run(main)
