"""How well the expression network does on FER2013, and the tables of its card."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import confusion_matrix

from avlib.corpora.fer2013 import EMOTIONS
from avlib.descriptors.expression_net import ExpressionNet
from avlib.descriptors.face_images import FaceImages, batches
from avlib.runtime.digests import file_digest

PARTS = {"validation": "PublicTest", "test": "PrivateTest"}
LIBRARIES = ("torch", "lightning", "numpy")


def network_facts(network: ExpressionNet, path: Path) -> dict[str, Any]:
    """Return what identifies a network, its file, and the libraries that made it."""
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "bytes": path.stat().st_size,
        "sha256": file_digest(path),
        "versions": {
            "python": platform.python_version(),
            **{library: version(library) for library in LIBRARIES},
        },
    }


@torch.inference_mode()
def scores(network: ExpressionNet, faces: FaceImages) -> dict[str, Any]:
    """Score a network on faces.

    Returns
    -------
    dict
        ``accuracy``, of the faces as they are; ``accuracy_mirrored``, of the mean logits of a face
        and its mirror image; ``confusions`` of the former, a row a true emotion; 7 x 7.
    """
    truth, found, mirrored = [], [], []
    for pixels, emotions in batches(faces, 256):
        x = network.see(pixels.unsqueeze(1).float())
        logits = network(x)
        truth.append(emotions)
        found.append(logits.argmax(1))
        mirrored.append((logits + network(x.flip(3))).argmax(1))
    true, plain, both = (torch.cat(each).numpy() for each in (truth, found, mirrored))
    confusions = confusion_matrix(true, plain, labels=np.arange(len(EMOTIONS)))
    return {
        "accuracy": float(np.mean(plain == true)),
        "accuracy_mirrored": float(np.mean(both == true)),
        "confusions": confusions.tolist(),
    }


def card_tables(report: dict[str, Any]) -> str:
    """Return the report's scores as the Markdown tables of the weights' card."""
    found = {PARTS[part]: values for part, values in report["scores"].items()}
    lines = ["| part | accuracy, % | with the mirror image, % |", "| --- | ---: | ---: |"]
    for part, values in found.items():
        accuracies = (100 * values[key] for key in ("accuracy", "accuracy_mirrored"))
        lines.append(f"| {part} | {' | '.join(f'{value:.1f}' for value in accuracies)} |")
    for part, values in found.items():
        lines += ["", f"{part}: faces by true (row) and recognised emotion, and recall in %.", ""]
        lines.append(f"| | {' | '.join(EMOTIONS)} | recall |")
        lines.append("| --- |" + " ---: |" * (len(EMOTIONS) + 1))
        for k, row in enumerate(values["confusions"]):
            recall = 100 * row[k] / max(sum(row), 1)
            lines.append(f"| {EMOTIONS[k]} | {' | '.join(map(str, row))} | {recall:.1f} |")
    return "\n".join(lines) + "\n"
