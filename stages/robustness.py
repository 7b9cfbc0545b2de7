"""Try one model on test clips with noise, with covered faces, and without one of the modalities.

python -m stages.robustness MODEL
"""

import sys

import pandas as pd

from avlib import registry
from avlib.descriptors.encoder_folder import encoder_digest
from avlib.descriptors.face_network import network_weights
from avlib.params import load
from avlib.protocols import checked_folds
from avlib.report.scores import write_json
from avlib.robustness.curves import curves, missing_modality
from avlib.robustness.predictions import corrupted_predictions, require_readable
from avlib.robustness.tables import ROBUSTNESS
from avlib.runtime import paths, tables
from avlib.runtime.stage import run

PARAMS = ("audio", "fisher", "max_failed_fraction", "protocol", "robustness", "video")


def main() -> None:
    """Write ``data/robustness/<model>.parquet`` and ``metrics/robustness/<model>.json``."""
    model = sys.argv[1]
    require_readable(model)
    params = load(PARAMS)
    clips = tables.read_table(paths.CLIPS, ["clip_id", "subject"])
    folds = checked_folds(params.protocol.name, params.protocol.validation_by)
    saved = tables.read_table(paths.PREDICTIONS / f"{model}.parquet")
    out = paths.ROBUSTNESS / f"{model}.parquet"
    metrics = paths.METRICS / "robustness" / f"{model}.json"
    if not len(saved):  # no clip has what the model needs; the report says so
        tables.write_table(out, tables.no_rows(ROBUSTNESS), ROBUSTNESS)
        write_json(metrics, {"model": model, "clips": 0})
        return
    settings = params.robustness.model_dump(exclude={"models"}) | {
        "backend": params.fisher.backend,
        "max_failed_fraction": params.max_failed_fraction,
    }
    subjects = dict(zip(clips["clip_id"], clips["subject"], strict=True))
    settings_of = {
        "audio": params.audio.model_dump(),
        "video": params.video.model_dump() | network_weights(paths.FACE_MODEL),
    }
    descriptors = {
        modality: list(registry.views(modality, given | encoder_digest(modality, given)).values())
        for modality, given in settings_of.items()
    }
    corrupted = corrupted_predictions(model, folds, subjects, settings, descriptors)
    missing = missing_modality(saved, params.robustness.missing, params.robustness.seed)
    table = pd.concat([corrupted, missing], ignore_index=True)
    tables.write_table(out, table, ROBUSTNESS)
    write_json(metrics, curves(table, folds))


if __name__ == "__main__":
    run(main)
