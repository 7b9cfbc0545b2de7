"""VGG-Face taught emotions on FER2013: the face descriptor of the paper on MERML, section 4."""

import logging
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
from lightning.pytorch import LightningModule
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from avlib.corpora import fer2013
from avlib.descriptors.face_images import batches, enlarge, relative_blur, unpack
from avlib.descriptors.face_network import FACE_MODEL
from avlib.descriptors.vgg_face import FULLY_CONNECTED, VGGFace
from avlib.networks.channels import scaled
from avlib.networks.train_network import EpochSampler, train_network
from avlib.runtime.device import device
from avlib.runtime.digests import file_digest
from avlib.runtime.files import atomic_path
from avlib.runtime.memo import code_fingerprint, digest_of
from avlib.weights import load_tensors, save_tensors, write_json

Trainable = Literal["head", "fc6", "all"]

HEAD = 1000
# How the names of the parameters begin that are learned.
LEARNED = {"head": ("emotion",), "fc6": ("emotion", "fc6"), "all": ("",)}
BLUR_NOTED = 1.0  # pixels
KEPT_RATE = 0.1  # of the head's learning rate: kept layers start where they are already good


class FaceModel(VGGFace):
    """VGG-Face up to fc6, then new layers of 1000 and 7 units.

    The kept layers keep their names, so `VGGFace(last="fc6")` loads from this network's file.
    """

    def __init__(self, width: float = 1.0):
        super().__init__("fc6", width=width)
        self.emotion1 = nn.Linear(scaled(FULLY_CONNECTED, width), HEAD)
        self.emotion2 = nn.Linear(HEAD, len(fer2013.EMOTIONS))

    def classify(self, x: Tensor) -> Tensor:
        """Return emotion logits, (n, 3, 224, 224) to (n, 7), in the order of `EMOTIONS`."""
        x = functional.dropout(self(x, "fc6"), 0.5, self.training)
        x = functional.dropout(functional.relu(self.emotion1(x)), 0.5, self.training)
        return self.emotion2(x)


def fine_tune(
    faces: Path,
    pretrained: Path,
    out: Path,
    *,
    checkpoints: Path,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    patience: int,
    seed: int,
    trainable: Trainable = "all",
    width: float = 1.0,
) -> dict:
    """Fine-tune VGG-Face on FER2013 and write it with its report.

    Trains on Training, stops and selects by the accuracy on PublicTest; the accuracy on
    PrivateTest is computed once, from the selected epoch, and decides nothing. Of folders of
    pictures it trains on seven eighths of train, selects by the rest, and tests on test.

    The paper fine-tunes "by keeping the convolutional and the FCL layer 6" and then describes
    faces by fc6: resolved as kept in place and trained on, because an fc6 that does not move would
    describe faces just as before. Hence ``trainable="all"`` by default, kept layers at a tenth of
    the learning rate; "fc6" freezes the convolutions, "head" all that was kept.

    Parameters
    ----------
    faces : Path
        ``fer2013.csv``, or a folder of pictures, of whose train part an eighth, drawn by `seed`, is
        held out as there is no PublicTest; see `avlib.corpora.fer2013.read_faces`.
    pretrained : Path
        Published VGG-Face weights as safetensors.
    out : Path
        Folder for ``face_model.safetensors`` (conv1_1 to fc6, emotion1, emotion2),
        ``curves.csv`` and ``report.json``.
    checkpoints : Path
        Where an interrupted run finds its last epoch, in a folder that a complete run removes.
        Must outlive `out`, which DVC removes before it runs a stage.
    epochs, batch_size, patience, seed : int
        `patience` epochs without a better accuracy end the training.
    learning_rate : float
        Of the new layers, for AdamW (the paper names no optimiser).
    trainable : {"head", "fc6", "all"}
    width : float
        Of the pretrained network, see `VGGFace`.

    Returns
    -------
    dict
        The report: images per part, rejected rows by reason, loss and accuracy per epoch, the
        best epoch and its accuracy on PrivateTest.

    Raises
    ------
    CorpusError
        FER2013 is missing or lacks a column or a part.
    WeightsError
        `pretrained` is missing or holds another network.
    ParamsError
        The training diverged.
    """
    model = _initial(pretrained, width, seed)
    next(fer2013.read_faces(faces, Counter()), None)  # says what is wrong with it, if anything is
    # Named after all that decides the result, so that no other run finds the checkpoints.
    files = [fer2013.digest(faces), file_digest(pretrained)]
    arguments = [epochs, batch_size, learning_rate, patience, seed, trainable, width]
    work = checkpoints / digest_of([[code_fingerprint(fine_tune), *files], arguments])[:16]
    work.mkdir(parents=True, exist_ok=True)
    rejected: Counter[str] = Counter()
    parts = unpack(faces, work, rejected, seed)
    blur = relative_blur(parts["train"], parts["validation"])
    if blur > BLUR_NOTED:
        logging.getLogger(__name__).warning(
            "%s: the faces to train on are blurred against those to validate with, by a Gaussian of"
            " %.1f pixels; FER2013 as published has both sharp",
            faces,
            blur,
        )
    task = _Task(model, learning_rate, trainable)
    train_network(
        task,
        batches(parts["train"], batch_size, EpochSampler(len(parts["train"]), seed)),
        batches(parts["validation"], batch_size),
        folder=work,
        max_epochs=epochs,
        patience=patience,
        seed=seed,
        monitor="validation_accuracy",
        mode="max",
    )

    curves = pd.read_csv(work / "curves.csv").to_dict("records")
    chosen = max(curves, key=lambda row: row["validation_accuracy"])  # the first of equals
    report = {
        "trainable": trainable,
        "validated_on": "held-out train" if faces.is_dir() else "PublicTest",
        "images": {part: len(images) for part, images in parts.items()},
        "rejected": dict(sorted(rejected.items())),
        "blur": blur,
        "epochs": curves,
        "best_epoch": chosen["epoch"],
        "validation_accuracy": chosen["validation_accuracy"],
        "test_accuracy": _accuracy(task.model, batches(parts["test"], batch_size)),
    }
    with atomic_path(out / FACE_MODEL) as scratch:
        save_tensors(task.model.state_dict(), scratch)
    shutil.copyfile(work / "curves.csv", out / "curves.csv")
    write_json(out / "report.json", report)
    shutil.rmtree(work)
    return report


class _Task(LightningModule):
    """Softmax cross-entropy; frozen layers are neither trained nor written into checkpoints."""

    def __init__(self, model: FaceModel, learning_rate: float, trainable: Trainable):
        super().__init__()
        self.model = model
        self.learning_rate = learning_rate
        self.strict_loading = False
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name.startswith(LEARNED[trainable])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        named = list(self.model.named_parameters())
        new = [p for n, p in named if n.startswith("emotion")]
        kept = [p for n, p in named if not n.startswith("emotion")]
        slow: dict[str, Any] = {"params": kept, "lr": KEPT_RATE * self.learning_rate}
        return torch.optim.AdamW([{"params": new}, slow], self.learning_rate, fused=True)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        pixels, emotions = batch
        loss = functional.cross_entropy(self.model.classify(enlarge(pixels)), emotions)
        self._log(len(emotions), train_loss=loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        pixels, emotions = batch
        logits = self.model.classify(enlarge(pixels))
        loss = functional.cross_entropy(logits, emotions)
        hits = (logits.argmax(1) == emotions).float().mean()
        self._log(len(emotions), validation_loss=loss, validation_accuracy=hits)

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        for name, parameter in self.named_parameters():
            if not parameter.requires_grad:
                del checkpoint["state_dict"][name]

    def _log(self, n: int, **values: Tensor) -> None:
        self.log_dict(
            values, batch_size=n, on_step=False, on_epoch=True, prog_bar=True, sync_dist=True
        )


def _initial(pretrained: Path, width: float, seed: int) -> FaceModel:
    """Kept layers from the file, new ones drawn from the seed."""
    with torch.device("meta"):
        kept = VGGFace("fc6", width=width)
    load_tensors(pretrained, kept)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = FaceModel(width)
    model.load_state_dict(kept.state_dict(), strict=False)
    return model


@torch.inference_mode()
def _accuracy(model: FaceModel, loader: DataLoader) -> float | None:
    """Share of faces recognised; None where there are none."""
    processor = device()
    model.to(processor).eval()
    hits = total = 0
    for pixels, emotions in track(loader, description="PrivateTest", total=len(loader)):
        logits = model.classify(enlarge(pixels.to(processor)))
        hits += int((logits.argmax(1).cpu() == emotions).sum())
        total += len(emotions)
    model.cpu()
    return hits / total if total else None
