"""Prepare the face network: ours is taken, VGG-Face too or fine-tuned, dlib's needs nothing."""

from avlib.descriptors.face_network import network_among, prepare
from avlib.params import load
from avlib.runtime.stage import run

PARAMS = ("face_model", "video")


def main() -> None:
    """Write ``data/face_model``."""
    params = load(PARAMS)
    video = params.video
    names = [video.descriptor, *(view.partition(".")[0] for view in video.views)]
    prepare(network_among(names), video.layer, params.face_model.model_dump())


if __name__ == "__main__":
    run(main)
