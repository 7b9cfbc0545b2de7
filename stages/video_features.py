"""Describe the faces with the chosen descriptors."""

from avlib import registry
from avlib.descriptors.describe_corpus import describe_corpus
from avlib.descriptors.encoder_folder import encoder_digest
from avlib.descriptors.face_network import network_weights
from avlib.descriptors.tables import VIDEO
from avlib.descriptors.video_clip import video_rows
from avlib.params import load
from avlib.runtime import paths
from avlib.runtime.stage import run

PARAMS = ("limits", "max_failed_fraction", "video")


def main() -> None:
    """Write ``data/video``, ``data/video_views`` and the status of every clip."""
    params = load(PARAMS)
    settings = params.video.model_dump() | network_weights(paths.FACE_MODEL)
    views = registry.views("video", settings | encoder_digest("video", settings))
    bounds = params.max_failed_fraction, params.limits
    describe_corpus("video", views, video_rows, paths.FACES, VIDEO, *bounds)


if __name__ == "__main__":
    run(main)
