"""Temporal aggregation: sampling of segments, batches, training, and the system."""
