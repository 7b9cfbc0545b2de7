"""Frame descriptors of the face: from aligned chips to one vector per frame.

| name | dimensions | network |
| --- | --- | --- |
| dlib_resnet | 128 | dlib's face recogniser, whose weights come with the environment |
| vgg_face | 4096 | VGG-Face, fc6 or fc7, needs its published weights |
"""

from pathlib import Path

import numpy as np

from avlib.descriptors.backbone import Backbone
from avlib.descriptors.dlib_resnet import DlibResNetDescriptor
from avlib.descriptors.vgg_face import load_vgg_face
from avlib.runtime.errors import ParamsError

NAMES = ("dlib_resnet", "vgg_face")


def backbone(
    name: str, *, layer: str = "fc6", weights: Path | None = None, device: str = "cpu"
) -> Backbone:
    """Make the network `name`, ready to describe chips.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    layer : {"fc6", "fc7"}
        Of VGG-Face.
    weights : Path, optional
        VGG-Face's tensors as safetensors: the published ones (the default) or fine-tuned ones.
    device : str
        Of torch.

    Raises
    ------
    ParamsError
        No such network or layer.
    WeightsError
        Its weights are missing or not its own.
    """
    if name == "dlib_resnet":
        return DlibResNetDescriptor(device)
    if name == "vgg_face":
        return load_vgg_face(layer, weights, device)
    raise ParamsError(f"visual.backbone is {name!r}; expected one of {', '.join(NAMES)}")


def subsample(times: np.ndarray, fps: float | None) -> np.ndarray:
    """Pick about `fps` frames per second, by their times.

    Time is cut into slots of 1 / fps seconds from the first frame on; the first frame of each slot
    is taken. A slot without a frame gives none, so a variable frame rate needs no special case.

    Parameters
    ----------
    times : (n,)
        In seconds, increasing.
    fps : float or None
        Above 0, in frames per second; None, or a rate above the clip's own, takes every frame.

    Returns
    -------
    (m,) int64
        Indices into `times`, increasing.

    Raises
    ------
    ValueError
        `fps` is not above 0.
    """
    times = np.asarray(times, dtype=float)
    if fps is None or not len(times):
        return np.arange(len(times))
    if not fps > 0:
        raise ValueError(f"fps is {fps}; expected a number above 0, or None for every frame")
    # A frame that rounding puts just before its slot belongs to it.
    slots = np.floor((times - times[0]) * fps + 1e-6)
    return np.flatnonzero(np.diff(slots, prepend=-1.0) > 0)
