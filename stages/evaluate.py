"""Score every model's predictions, per fold and over the folds.

Models that have not changed since the last run are remembered. A model without predictions of the
present folds is left out: ``dvc repro train_merml`` and then ``dvc repro -s evaluate`` score one
model alone.
"""

import shutil
from typing import Any

from avlib.params import load
from avlib.protocols import checked_folds
from avlib.registry import models, speaker_normalisation, systems
from avlib.report.current import current_predictions, left_out_lines
from avlib.report.normalisation import named
from avlib.report.one_model import ModelTask, evaluate_model, fold_facts, input_files
from avlib.report.scores import write_json
from avlib.report.selection import selection
from avlib.runtime import paths, tables
from avlib.runtime.memo import locked
from avlib.runtime.per_fold import compute_each, content_key
from avlib.runtime.stage import run

PARAMS = ("corpus", "protocol", "speakers")


def main() -> None:
    """Write the folders models, folds, plots and predictions, and ``selection.json``."""
    # The report depends on these folders as a whole; of systems that never ran here there are none.
    for system in systems():
        for folder in (*(paths.DATA / t.name for t in system.tables), *system.folders.values()):
            folder.mkdir(exist_ok=True)
    params = load(PARAMS)
    folds = checked_folds(params.protocol.name, params.protocol.validation_by)
    predictions, left_out = current_predictions(models(), folds, tables.read_table(paths.CLIPS))
    for line in left_out_lines(left_out):
        print(line)
    tasks = {model: ModelTask(model, fisher=not models()[model].deep) for model in predictions}
    keys = {
        model: content_key(model, [evaluate_model], {"fisher": task.fisher}, input_files(task))
        for model, task in tasks.items()
    }
    with locked(paths.MEMO / "evaluate"):
        done, _ = compute_each("evaluate", evaluate_model, tasks, keys, unit="models", apart=False)
        for part in ("models", "folds", "plots", "predictions"):
            shutil.rmtree(paths.METRICS / part, ignore_errors=True)
            (paths.METRICS / part).mkdir(parents=True)
        for model, folder in done.items():
            shutil.copyfile(folder / "scores.json", paths.METRICS / "models" / f"{model}.json")
            csv = paths.METRICS / "predictions" / f"{model}.csv"
            shutil.copyfile(folder / "predictions.csv", csv)
            for part in ("folds", "plots"):
                shutil.copytree(folder / part, paths.METRICS / part / model)
    of_speakers = speaker_normalisation(params.speakers.normalise)
    selected: dict[str, dict[str, Any]] = {}
    for model in done:
        if facts := fold_facts(model):
            corpus = selected.setdefault(named(params.corpus, of_speakers[model]), {})
            corpus[model] = selection(facts, deep=models()[model].deep)
    write_json(paths.METRICS / "selection.json", selected)


if __name__ == "__main__":
    run(main)
