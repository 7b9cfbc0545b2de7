"""The face_model stage: which weights describe the faces.

What loads torch is imported where it is used: dlib's network needs nothing here, and torch seconds.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avlib.runtime import paths
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import ParamsError
from avlib.runtime.files import atomic_path, link

FACE_MODEL = "face_model.safetensors"  # the name of VGG-Face in `paths.FACE_MODEL`


def prepare(descriptor: str, layer: str, settings: Mapping[str, Any]) -> None:
    """Lay out the face network that the video_features stage reads.

    VGG-Face is taken as published, or fine-tuned where FER2013 is given; other descriptors need no
    file.

    Parameters
    ----------
    descriptor, layer
        Of section ``video`` of params.yaml.
    settings
        Section ``face_model`` of params.yaml.

    Raises
    ------
    WeightsError
        The published weights of VGG-Face are missing.
    ParamsError
        fc7 is asked for, but fine-tuning replaces it.
    """
    fer2013, out = paths.RAW / "fer2013" / "fer2013.csv", paths.FACE_MODEL
    out.mkdir(parents=True, exist_ok=True)
    fine_tuned = descriptor == "vgg_face" and fer2013.is_file()
    if fine_tuned and layer == "fc7":
        raise ParamsError(
            f"video.layer is fc7, but fine-tuning on {fer2013} replaces that layer; set it to fc6,"
            " or move the csv away to use VGG-Face as published"
        )
    if fine_tuned:
        from avlib.descriptors.face_model import fine_tune
        from avlib.weights import require_weights

        published, checkpoints = require_weights("vgg_face"), paths.MEMO / "face_model"
        fine_tune(fer2013, published, out, checkpoints=checkpoints, **settings)
    elif descriptor == "vgg_face":
        from avlib.weights import require_weights

        link(require_weights("vgg_face"), out / FACE_MODEL)
    facts = {"descriptor": descriptor, "fine_tuned_on": "fer2013" if fine_tuned else None}
    with atomic_path(out / "network.json") as scratch:
        scratch.write_text(json.dumps(facts, indent=2) + "\n")


def network_weights(folder: Path) -> dict[str, Any]:
    """Return file and digest of the prepared network's tensors; nothing where it needs none."""
    file = (folder / FACE_MODEL).absolute()
    return {"weights": file, "sha256": file_digest(file)} if file.is_file() else {}
