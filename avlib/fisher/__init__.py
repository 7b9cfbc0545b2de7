"""Fisher vectors: from the frame descriptors of a clip to one vector of fixed length."""

from avlib.fisher.encoder import FisherEncoder
from avlib.fisher.mixture import Mixture

__all__ = ["FisherEncoder", "Mixture"]
