"""The systems: what each is called, what it is in one line, and the section that makes it."""

from collections.abc import Sequence

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


def of_section(section: str) -> list[str]:
    """Return the deep systems that a section of params.yaml makes."""
    return [name for name, own in DEEP.items() if own == section]


def wanted(section: str, train: bool | Sequence[str]) -> list[str]:
    """Return which of a section's systems its ``train`` asks for: all, none or those it names."""
    return [name for name in of_section(section) if train is True or (train and name in train)]
