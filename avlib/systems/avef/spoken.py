"""Clips cut into segments, of what is spoken alone or of everything."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avlib.runtime import paths
from avlib.runtime.tables import clip_refs, read_clip
from avlib.speech.mel import PAPERS, SAMPLE_RATE, SegmentLength
from avlib.systems.avef.binary import binary_codes
from avlib.systems.avef.denoise import SpokenParts, face_frames, spoken_parts
from avlib.systems.common.pieces import Piece
from avlib.systems.common.sequences import CachedStreams, SequenceClips
from avlib.systems.common.streams import Streams


@dataclass(frozen=True)
class SpokenClips(SequenceClips):
    """Clips of which it is known what is spoken.

    Attributes
    ----------
    spoken : object array of shape (n,)
        Of `SpokenParts`, whose segments are the clip's.
    binary : dict of str to int array of shape (n,)
        Codes of binary "arousal" and "valence", -1 for none; empty where nobody asked for them.
    """

    spoken: np.ndarray
    binary: dict[str, np.ndarray] = field(default_factory=dict)

    def frames(self, row: int) -> np.ndarray:
        """Return the chips of each segment of a clip, int of shape (n_segments, 16); -1: none."""
        return segment_chips(self.streams[row], self.spoken[row])

    def of_task(self, task: str) -> "SpokenClips":
        """Return the clips that a binary task has a label for, with it in the emotion's place."""
        labelled = self.select(self.binary[task] >= 0)
        return replace(labelled, emotion=labelled.binary[task])

    def spoken_share(self) -> float:
        """Return the share of all clips' time that is spoken."""
        return float(np.average([s.share for s in self.spoken], weights=self.durations))


@dataclass(frozen=True)
class SpokenStreams(CachedStreams):
    """A `Source`: streams, cut by voice activity or not at all.

    Attributes
    ----------
    format : StreamFormat
        At 16 kHz.
    denoise : bool
        Keep only what is spoken: case 2 of Ma et al. 2019 (AVEF), section 2.1; case 1 keeps all.
    binary : bool
        Read the labels of binary arousal and valence too.
    length : SegmentLength
        Of the segments.
    """

    denoise: bool
    binary: bool = False
    length: SegmentLength = PAPERS

    def read(
        self, labelled: pd.DataFrame, emotions: list[str], inputs: Sequence[Path]
    ) -> dict[str, Any]:
        """Say where the streams of a fold's clips lie and what of them is spoken; see `Source`."""
        parts = super().read(labelled, emotions, inputs)
        intervals = spoken_intervals(paths.SPEECH) if self.denoise else {}
        cut = {part: cut_clips(clips, intervals, self.length) for part, clips in parts.items()}
        if self.binary:
            cut = {
                part: replace(clips, binary=binary_codes(clips.clip_id, paths.CLIPS))
                for part, clips in cut.items()
            }
        return cut

    def of_pieces(self, pieces: Sequence[Piece]) -> SpokenClips:
        """Return pieces of recordings as clips without labels, cut in the same way."""
        clips = super().of_pieces(pieces)
        heard = {
            clip_id: piece.voiced
            for clip_id, piece in zip(clips.clip_id, pieces, strict=True)
            if piece.sound is not None
        }
        return cut_clips(clips, heard if self.denoise else {}, self.length)


def spoken_intervals(speech: Path) -> dict[str, np.ndarray]:
    """Return where somebody speaks in each clip with sound, s, arrays of shape (n_intervals, 2)."""
    found = {}
    for ref in clip_refs(speech):
        if ref.rows:
            rows = read_clip(ref.path, ref.row_group, ["intervals"])
            found[ref.clip_id] = np.array(rows["intervals"][0].as_py(), float).reshape(-1, 2)
    return found


def cut_clips(
    clips: SequenceClips, intervals: dict[str, np.ndarray], length: SegmentLength = PAPERS
) -> SpokenClips:
    """Choose what of each clip denoising leaves.

    A clip that `intervals` does not name stays whole: nobody knows where it speaks. One without
    sound has no images to learn from, but segments of as many chips as it is long. Video counts as
    missing where no segment shows a face.

    Parameters
    ----------
    clips : SequenceClips
    intervals : dict of str to float array of shape (n_intervals, 2)
        Where somebody speaks, in seconds, by clip_id.
    length : SegmentLength, optional
    """
    spoken = np.empty(len(clips), object)
    has_face = np.zeros(len(clips), bool)
    for row, (clip_id, streams) in enumerate(zip(clips.clip_id, clips.streams, strict=True)):
        if streams.samples:
            spoken[row] = spoken_parts(streams.samples, intervals.get(clip_id), length)
        else:
            samples = max(1, round(streams.duration * SAMPLE_RATE))
            spoken[row] = spoken_parts(samples, None, length)
        has_face[row] = (segment_chips(streams, spoken[row]) >= 0).any()
    present = clips.present | {"video": has_face}
    return SpokenClips(clips.clip_id, clips.subject, clips.emotion, present, clips.streams, spoken)


def segment_chips(streams: Streams, spoken: SpokenParts) -> np.ndarray:
    """Return the chips that show each segment's face, int of shape (n_segments, 16); -1: none."""
    return face_frames(spoken, np.arange(len(streams.seen)) / streams.format.fps, streams.seen)
