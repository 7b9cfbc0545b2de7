"""Write clips whose bytes depend on nothing but their content."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from avlib.runtime.files import atomic_path

_SUFFIXES = (".mp4", ".flv", ".avi", ".wav", ".flac")


def write_clip(
    path: Path | str,
    frames: Iterable[np.ndarray] | None,
    fps: float | Fraction | None,
    signal: np.ndarray | None,
    sample_rate: int | None,
    *,
    video_codec: str = "libx264",
    audio_codec: str = "aac",
    audio_bitrate: int = 128_000,
) -> None:
    """Write a clip; the same input gives the same bytes on the same library versions.

    The container follows the suffix: .mp4, .flv, .avi, .wav or .flac. The file appears whole or
    not at all.

    Parameters
    ----------
    path : Path or str
        Where to write; its folder exists.
    frames : iterable of numpy.ndarray of shape (height, width, 3), or None
        RGB, uint8, all of one size; consumed one by one.
    fps : float, Fraction or None
        Frames per second; None without video.
    signal : numpy.ndarray of shape (n_samples,) or (n_samples, n_channels), or None
        Clipped to [-1, 1] and stored as, or encoded from, 16 bits; 1 or 2 channels.
    sample_rate : int or None
        In Hz; None without audio.
    video_codec, audio_codec : str
        FFmpeg's encoder names: libx264, flv, mpeg4; aac, libmp3lame, pcm_s16le, flac.
    audio_bitrate : int
        In bits per second, for lossy codecs.

    Raises
    ------
    ValueError
        The suffix is unknown, or there is neither a frame nor a signal.
    """
    path = Path(path)
    if path.suffix not in _SUFFIXES:
        raise ValueError(f"{path}: expected one of the suffixes {', '.join(_SUFFIXES)}")
    images = iter(frames) if frames is not None else iter(())
    first = next(images, None)
    if first is None and signal is None:
        raise ValueError(f"{path}: nothing to write, got neither a frame nor a signal")
    options = {"fflags": "bitexact"}
    with (
        atomic_path(path) as partial,
        av.open(partial, "w", format=path.suffix[1:], options=options) as container,
    ):
        tracks = []
        if first is not None:
            rate = Fraction(fps or 0).limit_denominator(1001)
            pictures = itertools.chain([first], images)
            tracks.append(_video_track(container, video_codec, pictures, rate, first.shape))
        if signal is not None:
            rate_hz = int(sample_rate or 0)
            tracks.append(_audio_track(container, audio_codec, signal, rate_hz, audio_bitrate))
        for stream, _ in tracks:
            stream.codec_context.flags |= av.codec.context.Flags.bitexact.value
            stream.codec_context.thread_count = 1
        container.start_encoding()
        encoded = [_encoded(stream, source) for stream, source in tracks]
        for packet in heapq.merge(*encoded, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)


def _video_track(
    container: Any, codec: str, images: Iterable[np.ndarray], rate: Fraction, shape: tuple[int, ...]
) -> tuple[Any, Iterator[Any]]:
    stream = container.add_stream(codec, rate=rate)
    stream.height, stream.width = shape[:2]
    # 4:2:0 needs even sizes in H.264; odd ones keep their colour at full resolution.
    odd = stream.height % 2 or stream.width % 2
    stream.pix_fmt = "yuv444p" if odd and codec == "libx264" else "yuv420p"
    if codec == "libx264":
        # Macroblock-tree rate control reads memory that it never set in this build's assembly:
        # the same frames then give other bytes once the heap has been used.
        stream.options = {"preset": "superfast", "crf": "23", "x264-params": "mbtree=0"}
    else:
        stream.bit_rate = 4_000_000
    return stream, _pictures(images, rate, stream.pix_fmt)


def _audio_track(
    container: Any, codec: str, signal: np.ndarray, sample_rate: int, bitrate: int
) -> tuple[Any, Iterator[Any]]:
    samples = np.atleast_2d(np.asarray(signal).T)
    layout = {1: "mono", 2: "stereo"}[len(samples)]
    stream = container.add_stream(codec, rate=sample_rate, layout=layout)
    stream.bit_rate = bitrate
    if codec == "aac":
        stream.options = {"aac_coder": "fast"}  # half the time of the default
    return stream, _sounds(samples, sample_rate, layout)


def _pictures(images: Iterable[np.ndarray], rate: Fraction, pix_fmt: str) -> Iterator[Any]:
    for number, image in enumerate(images):
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = picture.reformat(format=pix_fmt, threads=1)
        frame.pts, frame.time_base = number, 1 / rate
        yield frame


def _sounds(samples: np.ndarray, rate: int, layout: str, block: int = 1024) -> Iterator[Any]:
    """Quantise (n_channels, n_samples) to 16 bits and cut it into interleaved blocks."""
    pcm = np.rint(np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16)
    for start in range(0, pcm.shape[1], block):
        part = np.ascontiguousarray(pcm[:, start : start + block].T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield frame


def _encoded(stream: Any, frames: Iterable[Any]) -> Iterator[Any]:
    for frame in frames:
        yield from stream.encode(frame)
    yield from stream.encode(None)
