"""AVEF's networks: AlexNet, C3D, and a deep belief network of Boltzmann machines over both."""
