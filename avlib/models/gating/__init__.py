"""The gating paradigm: windows, batches, training, the system, its streaming form."""

from avlib.models.gating.model import GatingModel
from avlib.models.gating.stream import GatingStreamer

__all__ = ["GatingModel", "GatingStreamer"]
