"""Encode each clip's descriptors as Fisher vectors, fitted inside each fold's training clips."""

from avlib import registry
from avlib.fisher.encoder import FisherEncoder
from avlib.fisher.fold import FisherTask, encode_fold
from avlib.params import load
from avlib.runtime import paths, tables
from avlib.runtime.device import device
from avlib.runtime.per_fold import FoldJobs, run_per_fold
from avlib.runtime.stage import run

PARAMS = ("audio", "fisher", "modalities", "video")


def main() -> None:
    """Write ``data/fisher`` and ``data/fisher_encoders``, a file and a folder per fold."""
    params = load(PARAMS)
    settings, modalities = params.fisher.model_dump(), tuple(params.modalities)
    levels = {
        modality: registry.descriptor(modality, section.model_dump()).level
        for modality, section in (("audio", params.audio), ("video", params.video))
    }
    encoder = FisherEncoder(backend=params.fisher.backend)
    folds = sorted(tables.read_table(paths.FOLDS)["fold"].unique().tolist())
    descriptors = [p for folder in paths.DESCRIPTORS.values() for p in folder.glob("*.parquet")]
    jobs = FoldJobs(
        {fold: FisherTask(fold, modalities, levels, settings) for fold in folds},
        out={"fisher": paths.FISHER, "encoders": paths.FISHER_ENCODERS},
        params={
            "fisher": settings,
            "levels": levels,
            "modalities": modalities,
            "encoder": [encoder.backend_, device()],
        },
        inputs=[paths.FOLDS, *descriptors],
    )
    run_per_fold("fisher", encode_fold, {"": jobs})


if __name__ == "__main__":
    run(main)
