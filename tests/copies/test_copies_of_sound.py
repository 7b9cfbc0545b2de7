import numpy as np
import pytest
import soxr
from acted import RATE, speak
from hypothesis import given, settings
from hypothesis import strategies as st

from avlib.copies.search import likenesses, same_as
from avlib.copies.sound import ALIKE, MOMENTS, sound_fingerprint, variants
from avlib.media import read_audio, write_clip


def found(*signals):
    """Return for each sound the first that it is a copy of."""
    return same_as(np.stack([sound_fingerprint(s) for s in signals]), variants, ALIKE).tolist()


def likeness(one, other):
    rows = np.stack([sound_fingerprint(one), sound_fingerprint(other)])
    [(_, cosines)] = likenesses(rows, variants)
    return cosines[0, 1]


def encoded(suffix, codec, rate=RATE, more=b""):
    def copy(signal, folder):
        path = folder / f"a{suffix}"
        signal = soxr.resample(signal, RATE, rate)
        write_clip(path, None, None, signal, rate, audio_codec=codec, audio_bitrate=64_000)
        path.write_bytes(path.read_bytes() + more)
        return read_audio(path, RATE)

    return copy


def cut(before=0, after=0):
    """Cut off so many ms."""
    return lambda signal, _: signal[16 * before : len(signal) - 16 * after]


def joined(before=0, after=0):
    """Put so many ms of silence at the ends."""
    return lambda signal, _: np.pad(signal, (16 * before, 16 * after))


def noisy(signal, _):
    noise = np.random.default_rng(0).normal(size=len(signal))
    return signal + 0.02 * signal.std() * noise


NEAR_COPIES = {
    "mp3": encoded(".flv", "libmp3lame", 44100),
    "aac": encoded(".mp4", "aac"),
    "flac": encoded(".flac", "flac"),
    "wav with a byte more": encoded(".wav", "pcm_s16le", more=b"\0"),
    "44.1 kHz": encoded(".wav", "pcm_s16le", 44100),
    "8 kHz": encoded(".wav", "pcm_s16le", 8000),
    "-1 dB": lambda signal, _: signal * 10 ** (-1 / 20),
    "-20 dB": lambda signal, _: signal / 10,
    "turned over": lambda signal, _: -signal,
    "10 ms less before": cut(before=10),
    "10 ms less after": cut(after=10),
    "50 ms less at both ends": cut(50, 50),
    "33 ms later": joined(before=33),
    "a second of silence around": joined(500, 500),
    "noise": noisy,
}


@pytest.mark.parametrize("change", NEAR_COPIES)
def test_a_copy_of_a_sound_is_found(voices, change, tmp_path):
    copy = NEAR_COPIES[change](voices[1], tmp_path)
    assert found(*voices, copy) == [0, 1, 2, 1]


@settings(max_examples=20, deadline=None)
@given(seeds=st.lists(st.integers(0, 10_000), min_size=2, max_size=2, unique=True))
def test_voices_that_have_nothing_to_do_with_each_other_are_no_copies(seeds):
    assert likeness(*map(speak, seeds)) < 0.6 * ALIKE


def tone(frequency, seconds):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


@pytest.mark.parametrize(
    "signal",
    [
        np.zeros(0), np.zeros(RATE), np.full(RATE, 0.25), np.eye(1, RATE, 500)[0], tone(440, 3),
        np.pad(tone(1000, 1), RATE), speak(0, 0.15), np.zeros(1), np.eye(1, 2)[0],
    ],
    ids=["nothing", "silence", "constant", "click", "tone", "beep", "short", "1 sample", "2"],
)  # fmt: skip
def test_a_sound_that_says_too_little_has_no_fingerprint(signal):
    assert sound_fingerprint(signal) is None


def test_a_word_has_a_fingerprint_that_fits_its_variants():
    one = sound_fingerprint(speak(4, 0.8))
    assert (one.dtype, one.size % MOMENTS) == (np.int8, 0)
    assert all(rows.shape == (1, one.size) for rows in variants(one[None]))
