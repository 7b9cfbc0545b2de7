"""One clip of the visual_features stage."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avlib.clipwise import ClipRows
from avlib.device import device
from avlib.faces.alignment import decode_chips
from avlib.features.backbone import Backbone
from avlib.features.visual import backbone, subsample
from avlib.tables import no_rows, read_clip


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
        return ClipRows(no_rows("visual"), payload["status"], payload["reason"])
    faces = read_clip(payload["path"], payload["row_group"], ["frame", "time", "chip"])
    times = faces["time"].to_numpy()
    chips = faces["chip"].to_pylist()
    seen = np.array([i for i, chip in enumerate(chips) if chip is not None], dtype=int)
    chosen = seen[subsample(times[seen], params["fps"])]
    if not len(chosen):
        return ClipRows(no_rows("visual"), "degraded", f"no face found in {len(chips)} frames")
    network = _network(params["backbone"], params["layer"], payload["weights"])
    return ClipRows(
        {
            "frame": faces["frame"].to_numpy()[chosen],
            "time": times[chosen],
            "descriptor": network.describe(decode_chips([chips[i] for i in chosen])),
        }
    )


@functools.cache
def _network(name: str, layer: str, weights: str | None) -> Backbone:
    """One network per process."""
    file = Path(weights) if weights else None
    return backbone(name, layer=layer, weights=file, device=device())
