"""Pool each clip's descriptors into vectors, fitted inside each fold's training clips."""

from avlib import registry
from avlib.fisher.encoder import FisherEncoder
from avlib.fisher.fold import FisherTask, encode_fold
from avlib.fisher.view import View
from avlib.params import load
from avlib.protocols import checked_folds
from avlib.runtime import paths
from avlib.runtime.device import device
from avlib.runtime.per_fold import FoldJobs, run_per_fold
from avlib.runtime.stage import run

PARAMS = ("audio", "fisher", "modalities", "pooling", "protocol", "speakers", "video")


def main() -> None:
    """Write ``data/fisher`` and ``data/fisher_encoders``, a file and a folder per fold."""
    params = load(PARAMS)
    views: dict[str, list[View]] = {
        modality: registry.described_views(modality, section.model_dump())
        for modality, section in (("audio", params.audio), ("video", params.video))
        if modality in params.modalities
    }
    settings, pooling = params.fisher.model_dump(), params.pooling.model_dump()
    speakers = params.speakers.model_dump()
    encoder = FisherEncoder(backend=params.fisher.backend)
    protocol = params.protocol
    folds = checked_folds(protocol.name, protocol.validation_by)["fold"].unique().tolist()
    sources = [view.source for found in views.values() for view in found]
    descriptors = [path for folder in sources for path in folder.glob("*.parquet")]
    jobs = FoldJobs(
        {fold: FisherTask(fold, views, pooling, speakers, settings) for fold in sorted(folds)},
        out={"fisher": paths.FISHER, "encoders": paths.FISHER_ENCODERS},
        params={
            "fisher": settings,
            "pooling": pooling,
            "speakers": speakers,
            "views": {m: [[view.name, view.level] for view in v] for m, v in views.items()},
            "encoder": [encoder.backend_, device()],
        },
        inputs=[paths.CLIPS, paths.FOLDS, *descriptors],
    )
    run_per_fold("fisher", encode_fold, {"": jobs})


if __name__ == "__main__":
    run(main)
