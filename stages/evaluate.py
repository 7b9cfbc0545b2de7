"""Score every model's predictions, per fold and over the folds.

Models that have not changed since the last run are remembered. A model without predictions is left
out: ``dvc repro train_merml`` and then ``dvc repro -s evaluate`` score one model alone.
"""

import shutil
from pathlib import Path

from avlib.params import load
from avlib.protocols import check_folds
from avlib.report.one_model import evaluate_model, input_files
from avlib.runtime import tables
from avlib.runtime.memo import locked
from avlib.runtime.per_fold import MEMO, compute_each, content_key
from avlib.runtime.stage import run
from avlib.systems.registry import DEEP, MODELS

PARAMS = ("protocol",)
METRICS = Path("metrics")


def main() -> None:
    """Write ``metrics/models``, ``metrics/folds`` and ``metrics/plots``."""
    clips, folds = tables.read_table("data/clips.parquet"), tables.read_table("data/folds.parquet")
    protocol = load(PARAMS).protocol.name
    check_folds(folds, clips, protocol)
    predicted = [m for m in MODELS if Path(f"data/predictions/{m}.parquet").is_file()]
    payloads = {model: {"model": model, "fisher": model not in DEEP} for model in predicted}
    keys = {
        model: content_key(
            model, [evaluate_model], payload, input_files(model, fisher=model not in DEEP)
        )
        for model, payload in payloads.items()
    }
    with locked(MEMO / "evaluate"):
        done, _ = compute_each("evaluate", evaluate_model, payloads, keys, unit="models")
        for part in ("models", "folds", "plots"):
            shutil.rmtree(METRICS / part, ignore_errors=True)
            (METRICS / part).mkdir(parents=True)
        for model, folder in done.items():
            shutil.copyfile(folder / "scores.json", METRICS / "models" / f"{model}.json")
            for part in ("folds", "plots"):
                shutil.copytree(folder / part, METRICS / part / model)


if __name__ == "__main__":
    run(main)
