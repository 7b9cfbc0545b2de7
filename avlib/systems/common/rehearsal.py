"""A fold of a deep system on a few clips of noise, to tell what a whole fold will cost."""

import io
import math
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from PIL import Image

from avlib.networks.rehearsal import rehearsing
from avlib.speech.pcm import SAMPLE_RATE
from avlib.systems.common.model import BOTH, Clips
from avlib.systems.common.pieces import Piece
from avlib.systems.common.recipe import Recipe

# How many clips are tried, and how long they are at most, s. A network that is done soon with some
# gets the next ones, which are more like the corpus; one that is not computes for hours anyway.
TRIALS = ((4, 0.7), (4, math.inf), (24, math.inf))
_SOON = 2.0  # s
_FPS = 25.0
DIMS = 135  # of descriptors, which may not be there yet; expression has as many


@dataclass(frozen=True)
class FoldCost:
    """What training one fold takes, without reading what is learned from and without predicting.

    Attributes
    ----------
    operations : float
        Two for each multiply-add of convolutions and products of matrices.
    seconds : float
        On one device or one thread of an idle processor.
    memory : float
        Bytes: of the largest network, its gradients, what the optimiser remembers and what a
        mini-batch keeps for the gradients.
    disk : float
        Bytes that stay until all folds are done: checkpoints and the trained networks.
    scratch : float
        Bytes that lie on disk while it learns.
    """

    operations: float
    seconds: float
    memory: float
    disk: float
    scratch: float


@dataclass(frozen=True)
class Rehearsal:
    """What to try of a model of which a piece is a clip; other systems derive their own.

    Attributes
    ----------
    recipe : Recipe
    arguments : tuple
        Of the model, before the recipe's settings.
    n_clips : float
        That a fold learns from.
    seconds : float
        Of a clip.
    """

    recipe: Recipe
    arguments: tuple[Any, ...]
    n_clips: float
    seconds: float

    @property
    def settings(self) -> dict[str, Any]:
        """What the model is made with."""
        return self.recipe.settings

    def model(self) -> Any:
        """Return the model, unfitted."""
        return self.recipe.make(*self.arguments, **self.settings)

    def parts(self, n: int, seconds: float) -> tuple[Any, Any]:
        """Return what the model's ``fit`` takes, of `n` clips of noise as long as that."""
        clips = noise_clips(self.recipe.source, n, seconds, n_classes=self.arguments[0])
        return clips, clips.select(np.arange(n if self.settings["patience"] else 0))

    def n_pieces(self, clips: Any) -> int:
        """Return how many pieces, such as windows, the networks compute of clips in an epoch."""
        return len(clips)

    def n_once(self, clips: Any) -> int:
        """Return how many pieces of clips are computed once, of wholly frozen networks."""
        return self.n_pieces(clips)

    def at_once(self, per_clip: float) -> float:
        """Return how many pieces a mini-batch holds, where clips have so many."""
        how = self.settings.get("modern") or self.settings
        return how["batch_size"] * per_clip

    def scratch(self, n_pieces: float) -> float:
        """Return the bytes that lie on disk while a fold learns from so many pieces."""
        return 0.0


def rehearse_fold(task: Rehearsal) -> FoldCost:
    """Train an epoch on some clips of noise and scale it to a fold's (in a worker).

    The model's own ``fit`` runs, so that whatever it computes in an epoch is in the times.

    Raises
    ------
    WeightsError, ParamsError
        Weights to start from are missing, or do not fit.
    """
    for n, longest in TRIALS:
        train, validation = task.parts(n, min(longest, task.seconds))
        with rehearsing() as trainings:
            task.model().fit(train, validation)
        tried = task.n_pieces(train)
        if sum(training.seconds for training in trainings) > _SOON:
            break
    one = task.parts(1, task.seconds)[0]
    per_clip = task.n_pieces(one)
    pieces = task.n_clips * per_clip
    # As many times what was tried does a fold compute in an epoch, and once before it.
    times = {
        False: pieces / tried,
        True: task.n_clips * task.n_once(one) / task.n_once(train),
    }
    at_once = min(task.at_once(per_clip), pieces)
    copies = 2 if task.settings["patience"] is None else 3  # the last weights, the best, the model
    return FoldCost(
        operations=sum(t.epochs * t.operations * times[t.once] for t in trainings),
        seconds=sum(t.epochs * t.seconds * times[t.once] for t in trainings),
        memory=max(2 * t.weights + t.remembered + t.kept / tried * at_once for t in trainings),
        disk=sum(copies * t.weights + t.remembered for t in trainings),
        scratch=task.scratch(pieces),
    )


def noise_clips(source: Any, n: int, seconds: float, n_classes: int) -> Clips:
    """Return clips of noise, each of a subject of its own; every emotion comes in pairs.

    Parameters
    ----------
    source
        A `PieceReader`.
    n
        How many.
    seconds
        Of each.
    n_classes
        Of the corpus.
    """
    one = cast(Clips, source.of_pieces([_noise(seconds)]))
    clips = one.select(np.zeros(n, int))  # all show the same: it is in memory once
    names = np.array([f"noise {k}" for k in range(n)], str)
    emotion = np.arange(n) // 2 % n_classes
    return replace(clips, clip_id=names, subject=names, emotion=emotion)


def _noise(seconds: float) -> Piece:
    rng = np.random.default_rng(0)
    times = np.arange(max(1, round(seconds * _FPS))) / _FPS
    described = {m: (times, rng.normal(size=(len(times), DIMS)).astype(np.float32)) for m in BOTH}
    sound = rng.normal(0, 0.1, round(seconds * SAMPLE_RATE)).astype(np.float32)
    picture = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(picture, "JPEG")
    faces = times, [picture.getvalue()] * len(times)
    return Piece(sound, np.array([[0.0, seconds]]), faces, described)
