"""From a span of a recording to clips of its windows, as the stages make a corpus's clips."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from avlib.descriptors.audio import AudioDescriptor
from avlib.descriptors.descriptor import Descriptor
from avlib.descriptors.video import VideoDescriptor
from avlib.fisher.view import ViewEncoder
from avlib.recognizer.kept import Kept
from avlib.recognizer.observe import Span, part_of_faces, part_of_sound
from avlib.speech.pcm import SAMPLE_RATE
from avlib.systems.common.fold_clips import FisherVectors, PieceReader
from avlib.systems.common.model import Clips, VectorClips
from avlib.systems.common.pieces import Piece, unlabelled

Window = tuple[float, float] | None  # s, in the span; None is all of it
Described = tuple[np.ndarray, np.ndarray]  # times (s) and rows


class Describer(Protocol):
    """What makes clips of windows.

    Attributes
    ----------
    at_once : int or None
        Windows that should be asked for together, as each holds much; None: all of a span, as they
        share work.
    rate : int
        Of the sound that they are made of, Hz; that at 16 kHz is there in any case.
    """

    at_once: int | None
    rate: int

    def clips(self, span: Span, windows: Sequence[Window]) -> Clips:
        """Return the windows of a span as clips without labels; each may lack a modality."""


class PieceDescriber:
    """What systems learn from that see and hear themselves, or read descriptors of frames.

    Parameters
    ----------
    source : PieceReader
    descriptors : dict of str to dict of str to Descriptor
        By modality and view; the first view is read.
    """

    def __init__(
        self, source: PieceReader, descriptors: Mapping[str, Mapping[str, Descriptor]]
    ) -> None:
        self.source = source
        self.rate = getattr(getattr(source, "format", None), "rate", SAMPLE_RATE)
        self.at_once: int | None = None if descriptors else 8
        self.descriptors = {m: next(iter(views.values())) for m, views in descriptors.items()}

    def clips(self, span: Span, windows: Sequence[Window]) -> Clips:
        """Return the windows of a span; see `Describer`."""
        described = {m: _windows(span, d, windows) for m, d in self.descriptors.items()}
        return self.source.of_pieces(
            [
                _piece(span, window, {m: found[i] for m, found in described.items()})
                for i, window in enumerate(windows)
            ]
        )


class VectorDescriber:
    """Descriptors and encoders of a kept model of vectors.

    Parameters
    ----------
    descriptors : dict of str to dict of str to Descriptor
        By modality and view.
    encoders : dict of str to dict of str to ViewEncoder
        Likewise, under the views' full names.
    """

    def __init__(
        self,
        descriptors: Mapping[str, Mapping[str, Descriptor]],
        encoders: Mapping[str, Mapping[str, ViewEncoder]],
    ) -> None:
        self.descriptors, self.encoders = descriptors, encoders
        self.at_once: int | None = None
        self.rate = SAMPLE_RATE

    def clips(self, span: Span, windows: Sequence[Window]) -> VectorClips:
        """Return the windows of a span; see `Describer`."""
        features, present, widths = {}, {}, []
        for modality, views in self.descriptors.items():
            rows = {
                view: [found for _, found in _windows(span, d, windows)]
                for view, d in views.items()
            }
            there = np.array([all(len(r[i]) for r in rows.values()) for i in range(len(windows))])
            vectors = []
            for view, encoder in zip(rows, self.encoders[modality].values(), strict=True):
                chosen = [rows[view][i] for i in np.flatnonzero(there)]
                vectors.append(_encoded(encoder, chosen, len(windows), there))
                widths.append((f"{modality}.{view}", vectors[-1].shape[1]))
            features[modality], present[modality] = np.hstack(vectors), there
        labels = unlabelled(len(windows))
        return VectorClips(**labels, present=present, features=features, views=tuple(widths))


def describer(model: Kept) -> Describer:
    """Return what makes clips for a kept model."""
    if isinstance(model.source, FisherVectors):
        return VectorDescriber(model.descriptors, model.encoders)
    return PieceDescriber(model.source, model.descriptors)


def _piece(span: Span, window: Window, described: Mapping[str, Described]) -> Piece:
    """Return what is seen and heard in a window."""
    sound, wider, voiced, faces = span.sound, span.wider, span.voiced, span.faces
    if window is not None:
        sound = None if sound is None else part_of_sound(span, *window)
        if wider is not None:
            rate, samples = wider
            wider = rate, samples[slice(*(round(time * rate) for time in window))]
        voiced = np.clip(voiced, *window) - window[0]
        voiced = voiced[voiced[:, 1] > voiced[:, 0]]
        faces = None if faces is None else part_of_faces(faces, *window)
    seen = None if faces is None else (faces.times, faces.jpegs)
    return Piece(sound, voiced, seen, described, wider)


def _encoded(
    encoder: ViewEncoder, rows: Sequence[np.ndarray], n: int, there: np.ndarray
) -> np.ndarray:
    """Encode the windows that are there; the rows of others hold zeros."""
    if not rows:
        return np.zeros((n, 0), np.float32)
    found = encoder.encode(rows, np.full(len(rows), ""))
    vectors = np.zeros((n, found.shape[1]), np.float32)
    vectors[there] = found
    return vectors


def _windows(span: Span, descriptor: Descriptor, windows: Sequence[Window]) -> list[Described]:
    """Describe each window; times count from its start.

    Where a row describes a frame, the span is described once, and a window has the rows within it;
    where a row describes more than a frame, each window is described by itself.
    """
    if descriptor.level != "frames":
        return [_describe(span, descriptor, window) for window in windows]
    whole = _describe(span, descriptor, None)
    return [_within(span, descriptor, whole, window) for window in windows]


def _within(span: Span, descriptor: Descriptor, whole: Described, window: Window) -> Described:
    """Return the rows of a window; none of silence, as a clip of silence has none."""
    times, rows = whole
    if window is None:
        return whole
    start, end = window
    if isinstance(descriptor, AudioDescriptor) and not np.any(part_of_sound(span, start, end)):
        return times[:0], rows[:0]
    inside = (times >= start) & (times < end)
    return times[inside] - start, rows[inside]


def _describe(span: Span, descriptor: Descriptor, window: Window) -> Described:
    """Describe a window; no rows where there is nothing to describe, as in the stages."""
    nothing = np.empty(0), np.empty((0, 0), np.float32)
    if isinstance(descriptor, AudioDescriptor):
        if span.sound is None:
            return nothing
        sound = span.sound if window is None else part_of_sound(span, *window)
        return descriptor.describe(sound, SAMPLE_RATE) if np.any(sound) else nothing
    assert isinstance(descriptor, VideoDescriptor)
    if span.faces is None:
        return nothing
    return descriptor.describe(span.faces if window is None else part_of_faces(span.faces, *window))
