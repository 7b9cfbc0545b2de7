"""What networks of several rooms share: one way to train, scaled channels."""
