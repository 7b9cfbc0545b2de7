"""Prepare the face network: dlib's needs nothing, VGG-Face is taken or fine-tuned on FER2013."""

from pathlib import Path

from avlib.descriptors.face_network import prepare
from avlib.params import load
from avlib.runtime.stage import RAW, run

PARAMS = ("face_model", "video")


def main() -> None:
    """Write ``data/face_model``."""
    params = load(PARAMS)
    prepare(
        params.video.descriptor,
        params.video.layer,
        fer2013=RAW / "fer2013" / "fer2013.csv",
        out=Path("data/face_model"),
        checkpoints=Path(".memo/face_model"),
        settings=params.face_model.model_dump(),
    )


if __name__ == "__main__":
    run(main)
