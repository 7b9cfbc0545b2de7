"""A clip as AVEF's networks see it, before and after denoising: figures 2 and 3 of its paper.

Read from the tables `speech` and `faces`, which training read too. Nothing here loads torch.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from avlib.report.page import Picture
from avlib.report.report_data import ReportData
from avlib.runtime import paths, tables
from avlib.runtime.tables import ClipRef
from avlib.speech.mel import SAMPLE_RATE, WINDOW, SegmentLength, mel_images
from avlib.speech.pcm import from_pcm
from avlib.speech.preprocess import pre_emphasis
from avlib.systems.avef import preparation_plots
from avlib.systems.avef.denoise import SpokenParts, cut_signal, spoken_parts
from avlib.systems.avef.mels import MELS
from avlib.systems.avef.params import TRANSFERRED

SHOWN = "happiness"  # what the paper's example shows, where somebody does


@dataclass(frozen=True)
class Prepared:
    """A clip, and what denoising leaves of it.

    Attributes
    ----------
    clip_id, emotion : str
    signal : float array of shape (n,)
        16 kHz in [-1, 1], as recorded.
    spoken : SpokenParts
    times : float array of shape (n_faces,)
        s; of the faces that were found.
    faces : list of bytes
        Their pictures, JPEG.
    mels : str
        How channel 0 of a mel image is drawn.
    """

    clip_id: str
    emotion: str
    signal: np.ndarray
    spoken: SpokenParts
    times: np.ndarray
    faces: list[bytes]
    mels: str

    @property
    def left(self) -> np.ndarray:
        """What is left of the signal, as it is heard."""
        return cut_signal(self.signal, self.spoken)

    def levels(self, *, denoised: bool) -> np.ndarray:
        """Return channel 0 of the whole clip, float32 of shape (n_frames, 64)."""
        signal = pre_emphasis(self.signal)
        return MELS[self.mels](cut_signal(signal, self.spoken) if denoised else signal)

    def face_at(self, moment: float) -> np.ndarray:
        """Return the face next to a moment, in s as recorded: uint8 RGB (side, side, 3)."""
        chip = self.faces[int(np.abs(self.times - moment).argmin())]
        return np.asarray(Image.open(io.BytesIO(chip)).convert("RGB"))

    def middle_image(self) -> np.ndarray:
        """Return the mel image of the middle segment, float32 of shape (3, 64, n_frames)."""
        left = cut_signal(pre_emphasis(self.signal), self.spoken)
        images = mel_images(left, MELS[self.mels], self.spoken.length)
        return images[len(images) // 2]


def preparation_pictures(data: ReportData) -> list[Picture]:
    """Draw figures 2 and 3 of a tested clip; none where nothing was cut, or nothing is heard."""
    settings = _settings(data)
    example = settings and example_of(data, settings)
    if not example:
        return []
    seconds, left = len(example.signal) / SAMPLE_RATE, example.spoken.n_samples / SAMPLE_RATE
    of_whom = f"{example.clip_id} ({example.emotion})"
    whole = f"{of_whom} before and after denoising: {seconds:.1f} s become {left:.1f} s"
    segment = f"A segment of {of_whom} as a mel image, and its three channels"
    channels = preparation_plots.mel_channels(example.middle_image(), of_whom, segment)
    return [
        Picture("avef_preparation", preparation_plots.before_and_after(example, whole), whole),
        Picture("avef_mel_image", channels, segment),
    ]


def _settings(data: ReportData) -> Mapping[str, Any] | None:
    """Return what a trained model that denoises was made with."""
    for model in ("avef", TRANSFERRED):
        if model in data.predictions:
            for file in sorted((paths.MODELS / model).glob("fold-*/settings.json")):
                return json.loads(file.read_text())["arguments"]
    return None


def example_of(data: ReportData, settings: Mapping[str, Any]) -> Prepared | None:
    """Return the clip of which denoising keeps the median share of all that show `SHOWN`.

    Where nobody shows it, of all tested clips. None where none has sound, or that one next to none.
    """
    clips = data.used_clips
    if (clips["emotion"] == SHOWN).any():
        clips = clips[clips["emotion"] == SHOWN]
    emotions = dict(zip(clips["clip_id"], clips["emotion"], strict=True))
    durations = dict(zip(clips["clip_id"], clips["duration"].astype(float), strict=True))
    heard = {ref.clip_id: ref for ref in _refs(paths.SPEECH) if ref.rows}
    shares = sorted(
        (_share(ref, durations[clip_id]), clip_id)
        for clip_id, ref in heard.items()
        if clip_id in durations
    )
    if not shares:
        return None
    clip_id = shares[len(shares) // 2][1]
    ref = heard[clip_id]
    rows = tables.read_clip(ref.path, ref.row_group, ["pcm", "intervals"])
    signal = from_pcm(rows["pcm"][0].as_py())
    if len(signal) < WINDOW:
        return None
    length = SegmentLength.nearest(settings["segment"])
    intervals = np.array(rows["intervals"][0].as_py(), float).reshape(-1, 2)
    times, faces = _faces(clip_id)
    return Prepared(
        clip_id,
        emotions[clip_id],
        signal,
        spoken_parts(len(signal), intervals, length),
        times,
        faces,
        settings["mels"],
    )


def _refs(folder: Path) -> list[ClipRef]:
    return tables.clip_refs(folder) if folder.is_dir() else []


def _share(ref: ClipRef, duration: float) -> float:
    """Return how much of a clip is spoken, as a share of its time where that is known."""
    rows = tables.read_clip(ref.path, ref.row_group, ["intervals"])
    intervals = np.array(rows["intervals"][0].as_py(), float).reshape(-1, 2)
    spoken = float(np.diff(intervals).sum())
    return spoken / duration if duration > 0 else spoken  # NaN is not


def _faces(clip_id: str) -> tuple[np.ndarray, list[bytes]]:
    """Return when faces of a clip were found, and these, as of `Prepared`."""
    for ref in _refs(paths.FACES):
        if ref.clip_id == clip_id and ref.rows:
            rows = tables.read_clip(ref.path, ref.row_group, ["time", "chip"]).to_pandas()
            rows = rows[rows["chip"].notna()]
            return rows["time"].to_numpy(float), rows["chip"].tolist()
    return np.zeros(0), []
