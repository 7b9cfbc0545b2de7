"""Faces: detect, follow, place landmarks, align; one row per decoded frame."""
