"""Small recordings whose pictures flash and whose sound beeps at known times."""

import struct
from fractions import Fraction

import av
import numpy as np

from avlib import media

FPS, RATE = 10, 16000
CODECS = {
    ".mp4": ("libx264", "aac"),
    ".mov": ("mpeg4", "aac"),
    ".mkv": ("libx264", "aac"),
    ".flv": ("flv", "libmp3lame"),
    ".mpg": ("mpeg2video", "mp2"),
    ".ts": ("libx264", "aac"),
    ".avi": ("mpeg4", "libmp3lame"),
}


def pictures(duration, moments, fps=FPS):
    """Yield flat grey frames; those of 0.2 s from each moment on are white."""
    times = np.arange(round(duration * fps)) / fps
    for time in times:
        lit = any(moment - 1e-6 <= time < moment + 0.2 - 1e-6 for moment in moments)
        yield np.full((48, 64, 3), 235 if lit else 40, np.uint8)


def beeps(duration, moments, rate=RATE):
    """Return silence with 0.1 s of a tone from each moment on."""
    times = np.arange(round(duration * rate)) / rate
    lit = sum((times >= moment) & (times < moment + 0.1) for moment in moments)
    return 0.6 * lit * np.sin(2 * np.pi * 1000 * times)


def record(path, duration, moments, *, shift=None, fps=FPS, options=None):
    """Write pictures and sound with flashes and beeps at the same moments.

    `shift(kind, time)` says when a picture or a packet of sound claims to be, s, or None where it
    is left out.
    """
    if path.suffix == ".mpg":
        fps = 25  # MPEG knows no less
    shift = shift or (lambda kind, time: time)
    with av.open(str(path), "w", options=options or {}) as container:
        video_codec, audio_codec = CODECS[path.suffix]
        video = container.add_stream(video_codec, rate=fps)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream(audio_codec, rate=44100, layout="mono")
        video.codec_context.gop_size = fps
        container.start_encoding()
        packets = []
        for number, image in enumerate(pictures(duration, moments, fps)):
            frame = av.VideoFrame.from_ndarray(image).reformat(format="yuv420p")
            at = shift("video", number / fps)
            if at is not None:
                frame.pts, frame.time_base = round(at * fps), Fraction(1, fps)
                packets += video.encode(frame)
        packets += video.encode(None)
        pcm = (beeps(duration, moments, 44100) * 32767).astype(np.int16)[None]
        for start in range(0, pcm.shape[1], 1152):
            part = np.ascontiguousarray(pcm[:, start : start + 1152])
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 44100, start, Fraction(1, 44100)
            packets += audio.encode(frame)
        packets += audio.encode(None)
        kept = []
        for packet in packets:
            own = float(packet.pts * packet.time_base)
            at = shift("audio", own) if packet.stream is audio else own
            if at is not None:
                by = round((at - own) / packet.time_base)
                packet.pts, packet.dts = packet.pts + by, packet.dts + by
                kept.append(packet)
        for packet in sorted(kept, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def without_first_picture(whole, path):
    """Copy a recording but for its first picture, to which those of a second refer."""
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        packets = [packet for packet in source.demux() if packet.size]
        packets.remove(next(packet for packet in packets if packet.stream.type == "video"))
        for packet in packets:
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    return path


def flashes(path, start=None, end=None):
    """Return when pictures turn white, s."""
    lit = [(time, image.mean() > 150) for time, image in media.video_frames(path, start, end)]
    return [t for (t, now), (_, before) in zip(lit, [(0, False), *lit], strict=False)
            if now and not before]  # fmt: skip


def heard(path, start=None, end=None):
    """Return when the sound begins to beep, s."""
    places = np.flatnonzero(np.abs(media.read_audio(path, RATE, start, end)) > 0.2) / RATE
    return [float(t) for t, before in zip(places, [-1, *places], strict=False) if t - before > 0.3]


def with_matrix(plain, path, matrix):
    """Copy an MP4 or MOV, and have it shown by the matrix (a, b, c, d)."""
    a, b, c, d = matrix
    data = bytearray(plain.read_bytes())
    place = data.index(b"tkhd") + 44
    values = (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    data[place : place + 36] = struct.pack(">9i", *values)
    path.write_bytes(data)
    return path


def flv_tags(data):
    """Yield the kind and the place of each tag of an FLV file: 8 is sound, 9 a picture."""
    place = 13
    while place + 15 <= len(data):
        yield data[place], place
        place += 15 + int.from_bytes(data[place + 1 : place + 4])


def stamp_flv(data, place, milliseconds):
    """Write a tag's time."""
    data[place + 4 : place + 7] = (milliseconds & 0xFFFFFF).to_bytes(3)
    data[place + 7] = milliseconds >> 24 & 0xFF
