"""Models to keep, and what they say of recordings that are in no corpus."""
