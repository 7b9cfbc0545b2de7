"""The systems: what each is called, and what it is in one line."""

MODELS = {
    "svm_audio": "RBF-SVM on the audio Fisher vector",
    "svm_video": "RBF-SVM on the video Fisher vector",
    "svm_concat": "RBF-SVM on the audio and video Fisher vectors side by side",
    "lmnn": "LMNN on the PCA of both Fisher vectors side by side, in an RBF-SVM",
    "itml": "ITML on the PCA of both Fisher vectors side by side, in an RBF-SVM",
    "gmml": "GMML on the PCA of both Fisher vectors side by side, in an RBF-SVM",
    "merml": "MERML: one learned metric per modality, their weighted sum in an RBF-SVM",
}
