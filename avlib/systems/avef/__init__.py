"""AVEF: spoken segments, the weights and the training of its networks, its SVM, the system."""
