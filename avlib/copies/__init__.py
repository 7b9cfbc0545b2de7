"""Which clips are copies of each other, though their bytes differ: by sound, and by pictures."""
