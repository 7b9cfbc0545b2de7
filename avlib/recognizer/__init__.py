"""Models to keep, and what they say of recordings that are in no corpus."""

WINDOW = 3.0  # s around a moment: about as long as the corpora's clips
