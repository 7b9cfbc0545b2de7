"""EmoBed: sequences of frame features, their preparation, training, and what follows it."""
