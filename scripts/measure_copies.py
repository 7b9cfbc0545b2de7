"""Measure how alike copies are, and clips that are none: the leak check's bound stands between.

    python scripts/measure_copies.py FOLDER [FOLDER ...] [--sample 24]

Every recording below the folders is compared with every other; of a sample, drawn by the digests of
their names, copies are made and compared with their originals. A likeness is the cosine of two
fingerprints; at ``ALIKE`` of `avlib.copies.sound` and `pictures` and above, clips are copies.
"""

import argparse
import functools
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import soxr

from avlib.copies.corpus import MEDIA
from avlib.copies.pictures import picture_fingerprint
from avlib.copies.search import likenesses
from avlib.copies.sound import RATE, sound_fingerprint
from avlib.corpora.common.files import MEDIA_SUFFIXES
from avlib.faces.detection import to_grey
from avlib.faces.thumbnail import cells_of, thumbnail
from avlib.media import probe, read_audio, video_frames, write_clip
from avlib.runtime.digests import name_digest
from avlib.runtime.errors import MediaError

Frames = Iterator[tuple[float, np.ndarray]]


def encoded(suffix: str, codec: str, rate: int, signal: np.ndarray) -> np.ndarray:
    """Return a sound as a codec gives it back, at 64 kbit/s."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sound{suffix}"
        signal = soxr.resample(signal, RATE, rate)
        write_clip(path, None, None, signal, rate, audio_codec=codec, audio_bitrate=64_000)
        return read_audio(path, RATE)


SOUNDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mp3, 44.1 kHz, 64 kbit/s": functools.partial(encoded, ".flv", "libmp3lame", 44100),
    "aac, 64 kbit/s": functools.partial(encoded, ".mp4", "aac", RATE),
    "flac": functools.partial(encoded, ".flac", "flac", RATE),
    "8 kHz": functools.partial(encoded, ".wav", "pcm_s16le", 8000),
    "-1 dB": lambda signal: signal * 10 ** (-1 / 20),
    "-20 dB": lambda signal: signal / 10,
    "10 ms cut off": lambda signal: signal[RATE // 100 :],
    "100 ms cut off at both ends": lambda signal: signal[RATE // 10 : -RATE // 10],
    "33 ms later": lambda signal: np.concatenate([np.zeros(RATE * 33 // 1000), signal]),
    "half a second of silence after": lambda signal: np.concatenate([signal, np.zeros(RATE // 2)]),
}


def squeezed(frames: Frames, fps: float) -> Frames:
    """Return pictures of half the size as H.264 gives them back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pictures.mp4"
        write_clip(path, (halved(image) for _, image in frames), fps, None, None)
        yield from video_frames(path)


def halved(image: np.ndarray) -> np.ndarray:
    """Return a picture of half the size, both sides even."""
    height, width = (side // 4 * 4 for side in image.shape[:2])
    parts = image[:height, :width].reshape(height // 2, 2, width // 2, 2, 3)
    return parts.mean(axis=(1, 3)).astype(np.uint8)


PICTURES: dict[str, Callable[[Frames, float], Frames]] = {
    "H.264, half the size": squeezed,
    "mirrored": lambda frames, fps: ((time, image[:, ::-1]) for time, image in frames),
    "darker by a tenth": lambda frames, fps: ((t, (im * 0.9).astype(np.uint8)) for t, im in frames),
    "33 ms later": lambda frames, fps: ((time + 0.033, image) for time, image in frames),
    "100 ms cut off": lambda frames, fps: (pair for pair in frames if pair[0] >= 0.1),
    "every other picture": lambda frames, fps: (p for i, p in enumerate(frames) if i % 2 == 0),
}


def of_pictures(frames: Frames) -> np.ndarray | None:
    """Return the fingerprint of pictures."""
    pairs = [(time, cells_of(thumbnail(to_grey(image)))) for time, image in frames]
    return picture_fingerprint(*map(np.array, zip(*pairs, strict=True)))


def likeness(medium: str, one: np.ndarray, other: np.ndarray | None) -> float:
    """Return how alike two fingerprints are, 0 where one of them says too little."""
    if other is None:
        return 0.0
    [(_, cosines)] = likenesses(np.stack([one, other]), MEDIA[medium].variants)
    return float(cosines[0, 1])


def report(
    medium: str, found: dict[str, np.ndarray | None], copies: dict[str, list[float]]
) -> None:
    """Print what there is of sound, or of pictures."""
    known = {name: one for name, one in found.items() if one is not None}
    print(f"\n{medium}: {len(found)} recordings, {len(found) - len(known)} say too little")
    if len(known) > 1:
        names, pairs = list(known), []
        rows = np.array(list(known.values()))
        for start, cosines in likenesses(rows, MEDIA[medium].variants):
            for place, values in enumerate(cosines):
                values[: place + 1] = -1
                nearest = np.argsort(values)[-3:]
                pairs += [(values[i], names[start + place], names[start + i]) for i in nearest]
        print("recordings that are most alike:")
        for value, one, other in sorted(pairs, reverse=True)[:8]:
            print(f"  {value:.3f}  {one}  {other}")
    for change, values in copies.items():
        print(f"copies, {change}: {min(values):.3f} at least, of {len(values)}")
    print(f"bound: {MEDIA[medium].ALIKE}")


def main() -> None:
    """Fingerprint, make copies, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--sample", type=int, default=24, help="recordings to make copies of")
    asked = parser.parse_args()
    files: Iterable[Path] = (p for folder in asked.folders for p in sorted(folder.rglob("*")))
    files = [path for path in files if path.suffix.lower() in MEDIA_SUFFIXES]
    files.sort(key=lambda path: name_digest(path.name))
    sounds: dict[str, np.ndarray | None] = {}
    pictures: dict[str, np.ndarray | None] = {}
    of_sounds: dict[str, list[float]] = {change: [] for change in SOUNDS}
    of_frames: dict[str, list[float]] = {change: [] for change in PICTURES}
    for path in files:
        try:
            info = probe(path)
        except MediaError as error:
            print(error)
            continue
        if info.has_audio:
            signal = read_audio(path, RATE)
            sounds[str(path)] = here = sound_fingerprint(signal)
            if here is not None and len(sounds) <= asked.sample:
                for change, copy in SOUNDS.items():
                    there = sound_fingerprint(copy(signal))
                    of_sounds[change].append(likeness("sound", here, there))
        if info.has_video:
            pictures[str(path)] = here = of_pictures(video_frames(path))
            if here is not None and len(pictures) <= asked.sample:
                for change, made in PICTURES.items():
                    there = of_pictures(made(video_frames(path), info.fps or 25.0))
                    of_frames[change].append(likeness("pictures", here, there))
    for medium, found, made_of in (("sound", sounds, of_sounds), ("pictures", pictures, of_frames)):
        if found:
            report(medium, found, {change: got for change, got in made_of.items() if got})


if __name__ == "__main__":
    main()
