"""Faces: detect, follow, place landmarks, align; one row per decoded frame."""

from avlib.faces.alignment import decode_chips
from avlib.faces.tracking import track_faces

__all__ = ["decode_chips", "track_faces"]
