"""What systems share: the interface, the one way to train, the stream cache, the kernel SVM."""
