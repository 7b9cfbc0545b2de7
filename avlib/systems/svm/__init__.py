"""The baselines: an RBF-SVM on Fisher vectors."""
