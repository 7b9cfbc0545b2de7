"""The systems: what each is called, and what it is in one line."""

MODELS = {
    "svm_audio": "RBF-SVM on the audio Fisher vector",
    "svm_video": "RBF-SVM on the video Fisher vector",
    "svm_concat": "RBF-SVM on the audio and video Fisher vectors side by side",
    "lmnn": "LMNN on the PCA of both Fisher vectors side by side, in an RBF-SVM",
    "itml": "ITML on the PCA of both Fisher vectors side by side, in an RBF-SVM",
    "gmml": "GMML on the PCA of both Fisher vectors side by side, in an RBF-SVM",
    "merml": "MERML: one learned metric per modality, their weighted sum in an RBF-SVM",
    "gating": "Gating paradigm: I3D and SoundNet per window, drawn together, LSTMs, neighbours",
    "gating_lstm": "The same, but the modalities trained apart: A-LSTM and V-LSTM side by side",
    "gating_global": "The same without LSTMs: one window in the middle of the clip, trained apart",
    "temporal_aggregation": "Temporal aggregation: a face and sound per segment, networks summed",
    "avef": "AVEF: spoken segments in AlexNet and C3D, a deep belief network, their mean in an SVM",
    "avef_raw": "The same without denoising: silence is kept in both streams (case 1)",
    "emobed": "EmoBed: a GRU network per modality, trained with the other's loss and triplets",
    "emobed_classic": "The same networks, each trained on its modality alone",
    "emobed_joint": "The same with the other modality's loss, without triplets",
    "emobed_triplet": "The same with crossmodal triplets, without the other modality's loss",
}
# Systems that read the recordings' streams, not Fisher vectors; each with its section of params.
DEEP = {
    "gating": "gating",
    "gating_lstm": "gating",
    "gating_global": "gating",
    "temporal_aggregation": "temporal_aggregation",
    "avef": "avef",
    "avef_raw": "avef",
    "emobed": "emobed",
    "emobed_classic": "emobed",
    "emobed_joint": "emobed",
    "emobed_triplet": "emobed",
}
OVER_TIME = ("gating", "gating_lstm", "gating_global")  # of these, those that decide at every gate
