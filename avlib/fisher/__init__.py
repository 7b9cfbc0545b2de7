"""Fisher vectors: from the frame descriptors of a clip to one vector of fixed length."""
