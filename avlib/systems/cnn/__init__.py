"""A plain convolutional network on log mel bands: what every deep system should beat."""
