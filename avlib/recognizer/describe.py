"""From a span of a recording to the vectors of its windows, as the stages make a clip's."""

from collections.abc import Mapping, Sequence

import numpy as np

from avlib.descriptors.audio import AudioDescriptor
from avlib.descriptors.descriptor import Descriptor
from avlib.descriptors.video import VideoDescriptor
from avlib.fisher.view import ViewEncoder
from avlib.recognizer.observe import Span, part_of_faces, part_of_sound
from avlib.speech.pcm import SAMPLE_RATE
from avlib.systems.common.model import VectorClips

Window = tuple[float, float] | None  # s, in the span; None is all of it
Described = tuple[np.ndarray, np.ndarray]  # times (s) and rows


class Describer:
    """Descriptors and encoders of a kept model.

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

    def clips(self, span: Span, windows: Sequence[Window]) -> VectorClips:
        """Return the windows of a span as clips without labels; each may lack a modality."""
        features, present, widths = {}, {}, []
        for modality, views in self.descriptors.items():
            rows = {view: _windows_rows(span, d, windows) for view, d in views.items()}
            there = np.array([all(len(r[i]) for r in rows.values()) for i in range(len(windows))])
            vectors = []
            for view, encoder in zip(rows, self.encoders[modality].values(), strict=True):
                chosen = [rows[view][i] for i in np.flatnonzero(there)]
                vectors.append(_encoded(encoder, chosen, len(windows), there))
                widths.append((f"{modality}.{view}", vectors[-1].shape[1]))
            features[modality], present[modality] = np.hstack(vectors), there
        n = len(windows)
        ids = np.array([f"window {i}" for i in range(n)])
        nobody = np.full(n, "")
        return VectorClips(ids, nobody, np.zeros(n, int), present, features, tuple(widths))


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


def _windows_rows(
    span: Span, descriptor: Descriptor, windows: Sequence[Window]
) -> list[np.ndarray]:
    """Describe each window.

    Where a row describes a frame, the span is described once, and a window has the rows within it;
    where a row describes more than a frame, each window is described by itself.
    """
    if descriptor.level != "frames":
        return [_describe(span, descriptor, window)[1] for window in windows]
    times, rows = _describe(span, descriptor, None)
    return [_rows_within(span, descriptor, times, rows, window) for window in windows]


def _rows_within(
    span: Span, descriptor: Descriptor, times: np.ndarray, rows: np.ndarray, window: Window
) -> np.ndarray:
    """Return the rows of a window; none of silence, as a clip of silence has none."""
    if window is None:
        return rows
    start, end = window
    if isinstance(descriptor, AudioDescriptor) and not np.any(part_of_sound(span, start, end)):
        return rows[:0]
    return rows[(times >= start) & (times < end)]


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
