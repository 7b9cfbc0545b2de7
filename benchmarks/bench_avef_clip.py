"""Time that a trained AVEF takes for a clip of five seconds: to prepare it, and to decide.

The paper (Ma et al. 2019, section 4.3.2) takes 50 s to prepare one, faces included, and less than
1 s to decide. The networks' weights are random here; their time does not depend on them.
"""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch

from avlib.speech.mel import SAMPLE_RATE
from avlib.speech.pcm import steps_of
from avlib.speech.vad import voiced_intervals
from avlib.systems.avef.inference import pool_segments
from avlib.systems.avef.network import JointNetwork
from avlib.systems.avef.polynomial_svm import PolynomialSVM
from avlib.systems.avef.segments import Segments, cut_segments
from avlib.systems.avef.spoken import cut_clips
from avlib.systems.avef.weights import build
from avlib.systems.common.deep import frozen
from avlib.systems.common.model import BOTH
from avlib.systems.common.sequences import SequenceClips
from avlib.systems.common.streams import HeldStreams, StreamFormat
from benchmarks.bench_avef_preparation import spoken
from benchmarks.machine import one_core, take_turns
from benchmarks.table import Table

DURATION, FPS = 5.0, 25.0  # s; chips per second
CLASSES, TRAINED = 6, 700  # clips that the SVM learned from, as many as RML has
LITERAL: dict[str, Any] = {"batch_norm": False, "pooling": "flatten"}
PAPER = LITERAL | {"side": 112, "mel_side": 224, "width": 1.0, "dropout": 0.3}
DEMO = LITERAL | {"side": 32, "mel_side": 64, "width": 0.0625, "dropout": 0.1}
ROUNDS = 3


def tables() -> list[Table]:
    """Measure on one core, and the paper's networks on a CUDA device where there is one."""
    with one_core():
        rows = [
            row("small, as on the demo", DEMO, "one core", process_time),
            row("the paper's", PAPER, "one core", process_time),
        ]
    if torch.cuda.is_available():
        rows.append(row("the paper's", PAPER, "CUDA", perf_counter))
    return [
        Table(
            f"A clip of {DURATION:.0f} s with a face in every picture.",
            "Target: decided within 1 s, as in the paper on its GPU. Preparation: voice activity,"
            " the cut, mel images, which chips a segment has; decoding and faces are in `prepare`."
            " Decision: both networks, the deep belief network, the mean, the SVM, on all segments"
            " of the clip, none cut. CPU seconds on one core, seconds on CUDA; best of"
            f" {ROUNDS}.",
            ["networks", "on", "segments", "preparation (s)", "decision (s)"],
            rows,
        )
    ]


def row(name: str, settings: dict[str, Any], on: str, clock: Callable[[], float]) -> list[str]:
    """Time both parts with networks of one size."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        clips = recorded(int(settings["side"]))
        whole = cut_segments(cut_clips(clips, {}), folder / "whole")
        network = JointNetwork(
            {m: build(m, CLASSES, settings) for m in BOTH}, CLASSES, width=settings["width"]
        )
        frozen(network)
        steps: dict[str, Callable[[], object]] = {
            "prepare": functools.partial(prepare, clips, folder / "cut"),
            "decide": functools.partial(decide, network, trained(network), whole),
        }
        times = take_turns(steps, ROUNDS, clock)
    return [name, on, str(len(whole)), f"{times['prepare']:.3f}", f"{times['decide']:.2f}"]


def prepare(clips: SequenceClips, folder: Path) -> Segments:
    """Find what is spoken, cut it into segments and draw them."""
    found = {
        clip_id: voiced_intervals(streams.sound().astype(np.float32) / 32768, SAMPLE_RATE)
        for clip_id, streams in zip(clips.clip_id, clips.streams, strict=True)
    }
    return cut_segments(cut_clips(clips, found), folder)


def decide(network: JointNetwork, svm: PolynomialSVM, segments: Segments) -> np.ndarray:
    """Return the emotions' probabilities of each clip."""
    return svm.predict_proba(pool_segments(network, segments, BOTH).features)


def trained(network: JointNetwork) -> PolynomialSVM:
    """Return an SVM of the network's features that has learned from noise."""
    features = np.random.default_rng(0).random((TRAINED, network.classifier.in_features))
    return PolynomialSVM(CLASSES, c=1.0, degree=3).fit(features, np.arange(TRAINED) % CLASSES)


def recorded(side: int) -> SequenceClips:
    """Return a clip whose chips are noise."""
    sound, n_chips = steps_of(spoken(DURATION, 0)), int(DURATION * FPS)
    chips = np.random.default_rng(0).integers(0, 256, (n_chips, side, side, 3), np.uint8)
    kept = StreamFormat(side, FPS, SAMPLE_RATE)
    streams = np.empty(1, object)
    streams[0] = HeldStreams(kept, np.ones(n_chips, bool), len(sound), chips, sound)
    one = np.ones(1, bool)
    return SequenceClips(
        np.array(["clip"]), np.array(["S"]), np.zeros(1, int), dict.fromkeys(BOTH, one), streams
    )
