"""The face_model stage: which weights describe the faces.

What loads torch is imported where it is used: dlib's network needs nothing here, and torch seconds.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avlib.corpora import fer2013
from avlib.runtime import paths
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import ParamsError
from avlib.runtime.files import atomic_path, link

FACE_MODEL = "face_model.safetensors"  # the name of VGG-Face in `paths.FACE_MODEL`
NETWORKS = ("vgg_face", "expression")  # descriptors whose weights stand there


def network_among(descriptors: Sequence[str]) -> str:
    """Return the descriptor of which weights are laid out, by default the first.

    Raises
    ------
    ParamsError
        Several need weights.
    """
    needed = [name for name in descriptors if name in NETWORKS]
    if len(needed) > 1:
        raise ParamsError(
            f"video.descriptor and video.views name {' and '.join(needed)}; expected one network at"
            " most that needs weights; name one of them, and dlib_resnet or geometry beside it"
        )
    return needed[0] if needed else descriptors[0]


def prepare(descriptor: str, layer: str, settings: Mapping[str, Any]) -> None:
    """Lay out the face network that the video_features stage reads.

    VGG-Face is taken as published, or fine-tuned where FER2013 is given; the expression network is
    taken as it comes with the repository; other descriptors need no file. ``network.json`` says
    whether something was fine-tuned, on which copy of FER2013, or why not.

    Parameters
    ----------
    descriptor, layer
        Of section ``video`` of params.yaml.
    settings
        Section ``face_model`` of params.yaml.

    Raises
    ------
    WeightsError
        The weights of VGG-Face or of the expression network are missing.
    ParamsError
        fc7 is asked for, but fine-tuning replaces it.
    """
    out = paths.FACE_MODEL
    out.mkdir(parents=True, exist_ok=True)
    faces = fer2013.find(paths.RAW / "fer2013") if descriptor == "vgg_face" else None
    if faces and layer == "fc7":
        raise ParamsError(
            f"video.layer is fc7, but fine-tuning on {faces} replaces that layer; set it to fc6,"
            " or move FER2013 away to use VGG-Face as published"
        )
    if faces:
        from avlib.descriptors.face_model import fine_tune
        from avlib.weights import require_weights

        published, checkpoints = require_weights("vgg_face"), paths.MEMO / "face_model"
        fine_tune(faces, published, out, checkpoints=checkpoints, **settings)
        facts = {"fine_tuned_on": "fer2013", "faces": faces.as_posix(), "reason": None}
    else:
        if descriptor in NETWORKS:
            from avlib.weights import require_weights

            link(require_weights(descriptor), out / FACE_MODEL)
        reason = _why_not(descriptor)
        logging.getLogger(__name__).info("face_model: nothing is fine-tuned: %s", reason)
        facts = {"fine_tuned_on": None, "faces": None, "reason": reason}
    with atomic_path(out / "network.json") as scratch:
        scratch.write_text(json.dumps({"descriptor": descriptor, **facts}, indent=2) + "\n")


def _why_not(descriptor: str) -> str:
    """Say why nothing is fine-tuned."""
    if descriptor != "vgg_face":
        return f"video.descriptor is {descriptor}, and only vgg_face is fine-tuned"
    looked = fer2013.where_looked(paths.RAW / "fer2013")
    return f"no FER2013 found, so VGG-Face stays as published ({looked})"


def network_weights(folder: Path) -> dict[str, Any]:
    """Return file and digest of the prepared network's tensors; nothing where it needs none."""
    file = (folder / FACE_MODEL).absolute()
    return {"weights": file, "sha256": file_digest(file)} if file.is_file() else {}
