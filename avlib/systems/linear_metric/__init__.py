"""LMNN, ITML and GMML in the RBF-SVM."""
