"""What is heard of several channels, and when they cancel each other."""

import av
import numpy as np
import pytest
from recordings import beeps

from avlib import media
from avlib.media import line as line_module
from avlib.media.line import Line

RATE = 16000


def noise(seed, seconds=1.0):
    return np.random.default_rng(seed).normal(0, 0.05, round(seconds * RATE)).astype("f4")


def write(path, channels, layout="stereo", codec="pcm_f32le"):
    """Write channels as they are; each is an array of shape (n,)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout=layout)
        packed = np.stack(channels, axis=1).astype("f4").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


def test_a_rule_chooses_what_is_heard_of_two_channels(tmp_path):
    left, right = noise(0), 2 * noise(1)
    path = write(tmp_path / "a.mka", [left, right])
    heard = {rule: media.read_audio(path, RATE, channels=rule) for rule in ("left", "right")}
    np.testing.assert_array_equal(heard["left"], left)
    np.testing.assert_array_equal(heard["right"], right)
    np.testing.assert_array_equal(media.read_audio(path, RATE, channels="loudest"), right)
    np.testing.assert_allclose(media.read_audio(path, RATE), (left + right) / 2, atol=1e-7)


def test_the_loudest_channel_is_that_of_the_span(tmp_path):
    left, right = np.r_[noise(0), 0 * noise(0), noise(2)], np.r_[0 * noise(0), noise(1), noise(3)]
    path = write(tmp_path / "a.mka", [left, right])
    heard = media.read_audio(path, RATE, 0.25, 0.75, channels="loudest")
    np.testing.assert_array_equal(heard, left[4000:12000])
    heard = media.read_audio(path, RATE, 1.25, 1.75, channels="loudest")
    np.testing.assert_array_equal(heard, right[20000:28000])


@pytest.mark.parametrize("rule", ["mean", "left", "right", "loudest"])
def test_of_one_channel_every_rule_hears_the_same(tmp_path, rule):
    path = write(tmp_path / "a.mka", [noise(0)], "mono")
    np.testing.assert_array_equal(media.read_audio(path, RATE, channels=rule), noise(0))


@pytest.mark.parametrize(("place", "weight"), [(0, 0.7071), (2, 1.0), (3, 0.0), (5, 0.5)])
def test_five_channels_and_one_of_low_frequencies_are_mixed_as_itu_r_bs_775_says(
    tmp_path, place, weight
):
    voice = noise(0)
    channels = [voice if number == place else 0 * voice for number in range(6)]
    path = write(tmp_path / "a.wav", channels, "5.1")  # which says where they are
    expected = voice * weight / (2 * 0.7071 + 1.0 + 2 * 0.5)
    np.testing.assert_allclose(media.read_audio(path, RATE), expected, atol=1e-7)
    assert media.read_sound(path, RATE).lost == 0.0


def test_the_loudest_channel_is_not_that_of_low_frequencies(tmp_path):
    channels = [number / 10 * noise(number) for number in (1, 1, 3, 9, 1, 1)]
    path = write(tmp_path / "a.wav", channels, "5.1")  # which says where they are
    np.testing.assert_array_equal(
        media.read_audio(path, RATE, channels="loudest"), channels[2].astype("f4")
    )


@pytest.mark.parametrize("rest", [0.0, 0.01, 0.1])
def test_channels_that_cancel_are_told_with_how_much_is_lost(tmp_path, rest):
    voice = noise(0)
    path = write(tmp_path / "a.mka", [voice, (rest - 1) * voice])
    expected = 20 * np.log10(2 / rest) if rest else 120.0
    assert media.read_sound(path, RATE).lost == pytest.approx(expected, abs=0.1)
    assert media.read_sound(path, RATE, channels="left").lost == 0.0


@pytest.mark.parametrize(
    "channels",
    [
        [noise(0), noise(0)],
        [noise(0), noise(1)],
        [noise(0), 0 * noise(0)],
        [0 * noise(0), 0 * noise(0)],
        [1e-6 * noise(0), -1e-6 * noise(0)],
    ],
)
def test_channels_that_do_not_cancel_lose_nothing(tmp_path, channels):
    assert media.read_sound(write(tmp_path / "a.mka", channels), RATE).lost == 0.0


@pytest.mark.parametrize("own", [8000, 44100, 48000])
def test_long_sound_is_resampled_on_the_way_to_the_same_bits(own, monkeypatch):
    """Also with a gap longer than what is held, and a block that lies over the one before."""
    random, blocks, place = np.random.default_rng(own), [], -300
    for number in range(60):
        samples = random.normal(0, 0.1, random.integers(1, own // 4)).astype("f4")
        place += {20: 7 * own, 40: -own // 2}.get(number, 0)
        blocks.append((place, samples))
        place += len(samples)

    def laid():
        line = Line(own, 16000, np.inf)
        for at, samples in blocks:
            line.lay(at, samples)
        return line.end()

    whole = laid()
    monkeypatch.setattr(line_module, "_BLOCK", 2)
    monkeypatch.setattr(line_module, "_HELD_BACK", 1)
    np.testing.assert_array_equal(laid(), whole)


def test_samples_behind_the_last_wanted_one_are_dropped():
    line = Line(8000, 8000, 100)
    line.lay(50, np.ones(60, "f4"))
    line.lay(120, np.ones(60, "f4"))
    np.testing.assert_array_equal(line.end(), np.r_[np.zeros(50), np.ones(50)])


def test_a_lossy_recording_whose_channels_cancel_is_told(tmp_path):
    path = write(tmp_path / "a.mka", [beeps(2, [1]), -beeps(2, [1])], codec="aac")
    assert media.read_sound(path, RATE).lost > 20


@pytest.mark.parametrize(("first", "n", "share"), [(0, 4, 0.4), (3, 1, 0.1), (9, 1, 0.1)])
def test_a_part_in_which_channels_cancel_is_told_as_a_share_of_the_loud_seconds(
    tmp_path, first, n, share
):
    left, quiet = noise(0, 10), 0.001 * noise(1, 10)  # seconds of pauses are not counted
    right = left.copy()
    right[first * RATE : (first + n) * RATE] *= -1
    path = write(tmp_path / "a.mka", [np.r_[left, quiet], np.r_[right, -quiet]], codec="pcm_s16le")
    sound = media.read_sound(path, RATE)
    assert sound.lost == 0.0
    assert sound.cancelled == pytest.approx(share)
    assert media.read_sound(path, RATE, channels="left").cancelled == 0.0
    whole = (4, 9) if first < 4 else (0, 3)
    assert media.read_sound(path, RATE, *whole).cancelled == 0.0


def test_a_short_rest_and_what_channels_do_not_share_cancel_nothing(tmp_path):
    left, right = noise(0, 5.01), noise(1, 5.01)
    right[-160:] = -left[-160:]
    sound = media.read_sound(write(tmp_path / "a.mka", [left, right]), RATE)
    assert (sound.lost, sound.cancelled) == (0.0, 0.0)
