"""What a page plays: the recording as it is, encoded anew, or too large."""

import base64

import av
import numpy as np
import pytest
from kept_models import RATE, buzz
from recordings import with_matrix

from avlib.media import probe, read_audio, video_frames, write_clip
from avlib.recognizer import playable as module
from avlib.recognizer.playable import playable

FPS = 25


def pictures(n=50, height=48, width=64):
    """Grey pictures, each a little lighter than the one before."""
    return [np.full((height, width, 3), 40 + 2 * i, np.uint8) for i in range(n)]


def recording(path, frames, signal, **codecs):
    write_clip(path, frames, FPS if frames else None, signal, RATE, **codecs)
    return path


def embedded(found, folder):
    """Write what an address holds, and return the file."""
    head, _, content = found.address.partition(",")
    kind, _, coding = head.removeprefix("data:").partition(";")
    assert coding == "base64"
    file = folder / f"embedded.{kind.partition('/')[2]}"
    file.write_bytes(base64.b64decode(content))
    return file


@pytest.mark.parametrize(
    ("name", "frames", "codecs", "address"),
    [
        ("a.mp4", pictures(), {}, "data:video/mp4;base64,"),
        ("a.wav", None, {"audio_codec": "pcm_s16le"}, "data:audio/wav;base64,"),
        ("a.flac", None, {"audio_codec": "flac"}, "data:audio/flac;base64,"),
    ],
)
def test_what_browsers_play_is_embedded_byte_for_byte(tmp_path, name, frames, codecs, address):
    path = recording(tmp_path / name, frames, buzz("anger", 1, 2.0), **codecs)
    found = playable(path, probe(path))
    assert found.address.startswith(address)
    assert embedded(found, tmp_path).read_bytes() == path.read_bytes()
    assert not found.said


@pytest.mark.parametrize(
    ("name", "size", "codecs"),
    [
        ("a.avi", (48, 64), {"video_codec": "mpeg4", "audio_codec": "libmp3lame"}),
        ("a.flv", (720, 960), {"video_codec": "flv"}),
        ("odd.mp4", (49, 63), {}),  # 4:4:4, which not every browser decodes
    ],
)
def test_what_they_do_not_play_is_encoded_anew_at_the_same_times(tmp_path, name, size, codecs):
    path = recording(tmp_path / name, pictures(50, *size), buzz("calm", 1, 2.0), **codecs)
    found = playable(path, probe(path))
    assert found.kind == "video"
    assert "encoded anew" in found.said
    file = embedded(found, tmp_path)
    with av.open(file) as container:
        video = container.streams.video[0].codec_context
        assert (video.name, video.pix_fmt) == ("h264", "yuv420p")
        assert container.streams.audio[0].codec_context.name == "aac"
        assert video.height <= 360
        assert video.width / video.height == pytest.approx(size[1] / size[0], rel=0.05)
    assert probe(file).duration == pytest.approx(2.0, abs=0.1)
    greys, expected = (
        [next(f.mean() for t, f in video_frames(of) if t > moment) for moment in (0.5, 1.0, 1.5)]
        for of in (file, path)
    )
    assert greys == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("live", [False, True])
def test_webm_is_embedded_unless_it_does_not_say_how_long_it_is(tmp_path, live):
    """As browsers record it, which then cannot go to a moment of it."""
    path = tmp_path / "a.webm"
    options = {"live": "1"} if live else {}
    with av.open(path, "w", format="webm", options=options) as container:
        stream = container.add_stream("libvpx", rate=FPS, width=64, height=48)
        for image in pictures(25):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(stream.encode(None))
    found = playable(path, probe(path))
    assert found.address.startswith("data:video/mp4" if live else "data:video/webm")
    assert bool(found.said) == live


def test_sound_alone_of_another_kind_is_encoded_anew(tmp_path):
    signal = buzz("anger", 1, 2.0)
    path = recording(tmp_path / "a.avi", None, signal, audio_codec="libmp3lame")
    found = playable(path, probe(path))
    assert found.kind == "audio"
    heard = read_audio(embedded(found, tmp_path), RATE)
    assert abs(len(heard) - len(signal)) < 0.1 * RATE
    assert np.corrcoef(heard[:RATE], signal[:RATE])[0, 1] > 0.9  # nor is it late


def test_pictures_that_begin_after_the_sound_play_on_our_time(tmp_path):
    """A browser counts from the sound, which is a second earlier."""
    plain = recording(tmp_path / "plain.mp4", pictures(), buzz("calm", 1, 3.0))
    late = tmp_path / "late.mp4"
    with av.open(plain) as source, av.open(late, "w") as target:
        streams = {s: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is None:
                continue
            shift = round(1 / packet.time_base) if packet.stream.type == "video" else 0
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = streams[packet.stream]
            target.mux(packet)
    found = playable(late, probe(late))
    assert "encoded anew" in found.said
    file = embedded(found, tmp_path)
    assert probe(file).duration == pytest.approx(2.0, abs=0.1)
    heard, expected = read_audio(file, RATE), read_audio(late, RATE)
    n = min(len(heard), len(expected))
    assert np.corrcoef(heard[:n], expected[:n])[0, 1] > 0.9


@pytest.mark.parametrize("mirrored", [False, True])
def test_pictures_that_are_mirrored_are_encoded_anew(tmp_path, mirrored):
    """Browsers turn pictures as an MP4 says, and mirror none."""
    image = np.full((48, 64, 3), 40, np.uint8)
    image[:, :20] = 220
    plain = recording(tmp_path / "plain.mp4", [image] * 10, buzz("calm", 1, 0.4))
    matrix = (-1, 0, 0, 1) if mirrored else (-1, 0, 0, -1)
    path = with_matrix(plain, tmp_path / "a.mp4", matrix)
    found = playable(path, probe(path))
    assert ("encoded anew" in found.said) == mirrored
    _, shown = next(video_frames(embedded(found, tmp_path)))
    assert shown[:, 50:].mean() > 180 > shown[:, :40].mean()


def test_what_is_too_large_says_so_and_is_not_embedded(tmp_path, monkeypatch):
    path = recording(tmp_path / "a.wav", None, buzz("anger", 1, 2.0), audio_codec="pcm_s16le")
    monkeypatch.setattr(module, "LARGEST", 1000)
    too_large = playable(path, probe(path))
    monkeypatch.setattr(module, "LONGEST", {"audio": 1.0})
    too_long = playable(path, probe(path))
    for found in (too_large, too_long):
        assert (found.kind, found.address) == ("audio", "")
        assert "too much for a page" in found.said


def test_what_cannot_be_encoded_says_so(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise av.error.NotImplementedError(38, "Function not implemented", "clip.mp4")

    path = recording(tmp_path / "a.avi", pictures(5), None, video_codec="mpeg4")
    monkeypatch.setattr(module, "write_clip", broken)
    found = playable(path, probe(path))
    assert found.address == ""
    assert found.said == "it cannot be encoded anew (Function not implemented)"


def test_pictures_of_any_rate_are_held_until_the_next():
    times = [0.0, 0.04, 0.3, 0.31, 0.52, 1.0]
    found = list(module._at_rate(((t, np.array(i)) for i, t in enumerate(times)), 10))
    expected = [max(i for i, t in enumerate(times) if round(10 * t) <= tick) for tick in range(11)]
    assert [int(image) for image in found] == expected
