"""Torch modules whose parameters carry the published weights' names, and the weights registry."""
