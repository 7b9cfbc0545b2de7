"""Trained systems on corrupted test clips."""
