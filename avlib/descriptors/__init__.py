"""Frame descriptors of voice and face: arrays in, arrays out."""
