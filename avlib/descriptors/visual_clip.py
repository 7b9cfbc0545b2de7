"""One clip of the visual_features stage."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avlib.descriptors.backbone import Backbone
from avlib.descriptors.tables import VISUAL
from avlib.descriptors.visual import backbone, subsample
from avlib.faces.alignment import decode_chips
from avlib.runtime.device import device
from avlib.runtime.per_clip import ClipRows
from avlib.runtime.tables import no_rows, read_clip


def visual_rows(payload: Mapping[str, Any], params: Mapping[str, Any]) -> ClipRows:
    """Return the rows of table `visual` of one clip.

    Parameters
    ----------
    payload
        ``path``, ``row_group`` and ``rows`` of the clip in table `faces`, and its ``status`` and
        ``reason`` there; ``weights``: file of the face network's tensors, None where it has none.
    params
        Section ``visual`` of params.yaml.
    """
    if not payload["rows"]:
        return ClipRows(no_rows(VISUAL), payload["status"], payload["reason"])
    frames, times, chips = chosen_chips(payload, params["fps"])
    if not len(chips):
        return ClipRows(no_rows(VISUAL), "degraded", f"no face found in {payload['rows']} frames")
    network = face_network(params["backbone"], params["layer"], payload["weights"])
    return ClipRows({"frame": frames, "time": times, "descriptor": network.describe(chips)})


def chosen_chips(
    payload: Mapping[str, Any], fps: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read the faces of a clip that are to be described.

    Parameters
    ----------
    payload
        ``path`` and ``row_group`` of the clip in table `faces`.
    fps
        Frames per second (see `subsample`).

    Returns
    -------
    frames : int array of shape (n,)
    times : array of shape (n,), float64
        In seconds.
    chips : uint8 array of shape (n, 224, 224, 3)
    """
    faces = read_clip(payload["path"], payload["row_group"], ["frame", "time", "chip"])
    times = faces["time"].to_numpy()
    chips = faces["chip"].to_pylist()
    seen = np.array([i for i, chip in enumerate(chips) if chip is not None], dtype=int)
    chosen = seen[subsample(times[seen], fps)]
    return (
        faces["frame"].to_numpy()[chosen],
        times[chosen],
        decode_chips([chips[i] for i in chosen]),
    )


@functools.cache
def face_network(name: str, layer: str, weights: str | None) -> Backbone:
    """Load the network of section ``visual``, once per process; `weights` is its file, if any."""
    file = Path(weights) if weights else None
    return backbone(name, layer=layer, weights=file, device=device())
