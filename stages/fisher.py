"""Encode each clip's descriptors as Fisher vectors, fitted inside each fold's training clips."""

from pathlib import Path

from avlib import registry
from avlib.fisher.encoder import FisherEncoder
from avlib.fisher.fold import DESCRIPTORS, encode_fold
from avlib.params import load
from avlib.runtime import tables
from avlib.runtime.device import device
from avlib.runtime.per_fold import Folds, run_foldwise
from avlib.runtime.stage import run

PARAMS = ("audio", "fisher", "modalities", "video")


def main() -> None:
    """Write ``data/fisher`` and ``data/fisher_encoders``, a file and a folder per fold."""
    params = load(PARAMS)
    encoder = FisherEncoder(backend=params.fisher.backend)
    settings = {
        "fisher": params.fisher.model_dump(),
        "levels": {
            modality: registry.descriptor(modality, section.model_dump()).level
            for modality, section in (("audio", params.audio), ("video", params.video))
        },
        "modalities": params.modalities,
    }
    folds = sorted(tables.read_table("data/folds.parquet")["fold"].unique().tolist())
    sources = [path for folder in DESCRIPTORS.values() for path in Path(folder).glob("*.parquet")]
    work = Folds(
        {fold: {"fold": fold, **settings} for fold in folds},
        out={"fisher": Path("data/fisher"), "encoders": Path("data/fisher_encoders")},
        params={**settings, "encoder": [encoder.backend_, device()]},
        inputs=[Path("data/folds.parquet"), *sources],
    )
    run_foldwise("fisher", encode_fold, {"": work})


if __name__ == "__main__":
    run(main)
