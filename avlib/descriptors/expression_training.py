"""How the expression network learns from FER2013: faces varied at random, weights averaged."""

import copy
import math
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn import functional

from avlib.corpora import fer2013
from avlib.descriptors.expression_net import ExpressionNet, keep_detail, standardise
from avlib.descriptors.expression_scores import network_facts, scores
from avlib.descriptors.face_images import batches, relative_blur, unpack
from avlib.networks.train_network import EpochSampler, train_network
from avlib.runtime.errors import CorpusError
from avlib.runtime.files import atomic_path
from avlib.runtime.memo import code_fingerprint, digest_of
from avlib.runtime.processor import multiplies_bfloat16
from avlib.weights import save_tensors, write_json

BATCH = 128
PEAK_RATE = 0.1  # of the one-cycle schedule, for SGD with Nesterov's momentum
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
WARM_UP = 0.2  # share of the steps until the peak
SMOOTHING = 0.1  # of the labels, of which annotators agree on about two thirds
AVERAGING = 0.998  # of the weights: over the last 500 steps
BLUR_TOLERANCE = 0.5  # pixels
DETAIL = 6.5  # cycles a face that are left in blurred faces; finer ones are under the noise

# Of the variation: at most this much, to either side.
TURN = math.radians(12)
ZOOM = 0.15  # log of the scale
STRETCH = 0.06  # log of the ratio of width and height
SHIFT = 0.08  # of the face's side
GAMMA = 0.5  # log of the exponent of the grey levels
ERASED = 0.5  # share of faces that lose a rectangle
ERASED_SIDE = (0.15, 0.45)  # of the face's


def vary(grey: Tensor, side: int) -> Tensor:
    """Return faces as the network could have met them too, from torch's random state.

    Mirrored, turned, zoomed, stretched and shifted; lit otherwise; partly hidden. Brightness and
    contrast need no varying: they fall out when a face is standardised.

    Parameters
    ----------
    grey : float Tensor of shape (n, 1, h, w)
        In grey levels of 0 to 255.
    side : int
        Of the faces returned, pixels.

    Returns
    -------
    float32 Tensor of shape (n, 1, side, side)
        Standardised, see `standardise`.
    """
    n = len(grey)
    grid = functional.affine_grid(_random_poses(n), [n, 1, side, side], align_corners=False)
    faces = functional.grid_sample(grey / 255, grid, padding_mode="border", align_corners=False)
    faces = faces.clamp(0, 1) ** torch.exp(_uniform(n, GAMMA)).view(n, 1, 1, 1)
    return _erase(standardise(255 * faces))


def _random_poses(n: int) -> Tensor:
    """Affine maps (n, 2, 3) from the varied face to the given one, in half sides."""
    turn, zoom, stretch = _uniform(n, TURN), _uniform(n, ZOOM), _uniform(n, STRETCH)
    mirror = 1.0 - 2.0 * torch.randint(2, (n,))
    width, height = torch.exp(zoom + stretch), torch.exp(zoom - stretch)
    first = torch.stack([mirror * width * turn.cos(), -height * turn.sin()], 1)
    second = torch.stack([mirror * width * turn.sin(), height * turn.cos()], 1)
    shift = torch.stack([_uniform(n, 2 * SHIFT), _uniform(n, 2 * SHIFT)], 1)
    return torch.cat([torch.stack([first, second], 1), shift.unsqueeze(2)], 2)


def _erase(faces: Tensor) -> Tensor:
    """Hide a random rectangle of some faces behind their mean grey."""
    n, size = len(faces), faces.shape[-1]
    low, high = ERASED_SIDE
    sides = size * (low + (high - low) * torch.rand(n, 2)) * (torch.rand(n, 1) < ERASED)
    starts = (size - sides) * torch.rand(n, 2)
    place = torch.arange(size) + 0.5
    # (n, axis, size): whether a row, or a column, is inside.
    inside = (place >= starts[..., None]) & (place < (starts + sides)[..., None])
    return faces.masked_fill((inside[:, 0, :, None] & inside[:, 1, None, :]).unsqueeze(1), 0.0)


def _uniform(n: int, reach: float) -> Tensor:
    return reach * (2 * torch.rand(n) - 1)


class _Task(LightningModule):
    """Softmax cross-entropy; what counts is the running average of the weights, `averaged`."""

    def __init__(self, side: int, blur: float, steps: int):
        super().__init__()
        self.blur, self.steps = blur, steps
        network = ExpressionNet(side, DETAIL if blur else 0.0)
        # torch knows this call of modules; its type stubs do not.
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stub
        self.averaged = copy.deepcopy(self.network).requires_grad_(False)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = torch.optim.SGD(
            self.network.parameters(),
            PEAK_RATE,
            momentum=MOMENTUM,
            weight_decay=WEIGHT_DECAY,
            nesterov=True,
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, PEAK_RATE, self.steps, pct_start=WARM_UP, cycle_momentum=False
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        if index == 0:
            self.started = time.monotonic()
        pixels, emotions = batch
        grey = keep_detail(pixels.unsqueeze(1).float(), float(self.network.detail), self.blur)
        faces = vary(grey, int(self.network.side)).to(memory_format=torch.channels_last)
        # Half the time where bfloat16 is multiplied, else several times; weights stay float32.
        with torch.autocast("cpu", torch.bfloat16, enabled=multiplies_bfloat16()):
            logits = self.network(faces)
        loss = functional.cross_entropy(logits.float(), emotions, label_smoothing=SMOOTHING)
        self.log("train_loss", loss, batch_size=len(emotions), on_step=False, on_epoch=True)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, index: int) -> None:
        # A young average forgets faster, or it would long remember the random weights.
        kept = min(AVERAGING, (1 + self.global_step) / (10 + self.global_step))
        for mean, now in zip(
            self.averaged.state_dict().values(), self.network.state_dict().values(), strict=True
        ):
            mean.lerp_(now, 1 - kept) if mean.is_floating_point() else mean.copy_(now)

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        pixels, emotions = batch
        self.averaged.eval()
        logits = self.averaged(self.averaged.see(pixels.unsqueeze(1).float()))
        loss = functional.cross_entropy(logits, emotions)
        hits = (logits.argmax(1) == emotions).float().mean()
        values = {"validation_loss": loss, "validation_accuracy": hits}
        self.log_dict(values, batch_size=len(emotions), on_step=False, on_epoch=True)

    def on_train_epoch_end(self) -> None:
        self.log("seconds", time.monotonic() - self.started)


def train_expression(
    faces: Path,
    out: Path,
    *,
    checkpoints: Path,
    epochs: int,
    side: int,
    blur: float,
    seed: int,
) -> dict[str, Any]:
    """Train the network on FER2013 and write it with its report.

    Trains on Training, selects the epoch by the accuracy on PublicTest; PrivateTest is scored once,
    with the selected epoch, and decides nothing. On one thread: maps this small gain little from a
    second one, and lose much where another program has it.

    Parameters
    ----------
    faces : Path
        ``fer2013.csv`` or what else `avlib.corpora.fer2013.read_faces` reads.
    out : Path
        Folder for ``expression.safetensors`` and ``training.json``, the report.
    checkpoints : Path
        Where an interrupted run finds its last epoch, in a folder that a complete run removes.
    epochs, seed : int
    side : int
        Of the faces that the network works on, pixels, even.
    blur : float
        Of Training against PublicTest, see `relative_blur`; 0 for FER2013 as published. There is a
        copy in which Training alone was blurred: its faces are sharpened as far as noise allows,
        and the network keeps no finer detail of any face.

    Returns
    -------
    dict
        The report: the network, how it was trained, its scores, see `expression_scores.scores`.

    Raises
    ------
    CorpusError
        FER2013 is missing or lacks a column or a part, or Training is blurred otherwise than said.
    ParamsError
        The training diverged.
    """
    next(fer2013.read_faces(faces, Counter()), None)  # says what is wrong with it, if anything is
    # Named after all that decides the result, so that no other run finds the checkpoints.
    arguments = [
        code_fingerprint(train_expression),
        fer2013.digest(faces),
        epochs,
        side,
        blur,
        seed,
    ]
    work = checkpoints / digest_of(arguments)[:16]
    work.mkdir(parents=True, exist_ok=True)
    rejected: Counter[str] = Counter()
    parts = unpack(faces, work, rejected, seed)
    _check_blur(relative_blur(parts["train"], parts["validation"]), blur, faces)
    train = batches(parts["train"], BATCH, EpochSampler(len(parts["train"]), seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        task = _Task(side, blur, epochs * len(train))
    train_network(
        task,
        train,
        batches(parts["validation"], 256),
        folder=work,
        max_epochs=epochs,
        seed=seed,
        monitor="validation_accuracy",
        mode="max",
        label="expression",
    )
    curves = pd.read_csv(work / "curves.csv").to_dict("records")
    chosen = max(curves, key=lambda row: row["validation_accuracy"])  # the first of equals
    network = task.averaged.eval().to(memory_format=torch.contiguous_format)  # as files are
    with atomic_path(out / "expression.safetensors") as scratch:
        save_tensors(network.state_dict(), scratch)
    report = {
        "network": network_facts(network, out / "expression.safetensors"),
        "seed": seed,
        "epochs": epochs,
        "side": side,
        "blur": blur,
        "best_epoch": chosen["epoch"],
        "seconds": round(sum(row["seconds"] for row in curves)),
        "images": {part: len(images) for part, images in parts.items()},
        "rejected": dict(sorted(rejected.items())),
        "scores": {p: scores(network, parts[p]) for p in ("validation", "test") if len(parts[p])},
        "curves": curves,
    }
    write_json(out / "training.json", report)
    shutil.rmtree(work)
    return report


def _check_blur(measured: float, said: float, faces: Path) -> None:
    if abs(measured - said) > BLUR_TOLERANCE:
        raise CorpusError(
            f"{faces}: the faces to train on are blurred against those to validate with, by a"
            f" Gaussian of {measured:.1f} pixels, expected {said:.1f}; get FER2013 as published"
            f" (blur 0), or train with blur {measured:.1f}"
        )
