"""The systems: one folder a paper, what they share in `common`."""
