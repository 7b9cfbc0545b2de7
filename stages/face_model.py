"""Prepare the face network: dlib's needs nothing, VGG-Face is taken or fine-tuned on FER2013."""

from avlib.descriptors.face_network import prepare
from avlib.params import load
from avlib.runtime.stage import run

PARAMS = ("face_model", "video")


def main() -> None:
    """Write ``data/face_model``."""
    params = load(PARAMS)
    prepare(params.video.descriptor, params.video.layer, params.face_model.model_dump())


if __name__ == "__main__":
    run(main)
