"""Noise: what it is made of, and that the mixture has the ratio that was asked for."""

import numpy as np
import pytest
from scipy.signal import hilbert, welch
from scipy.stats import kurtosis

from avlib.runtime.errors import MediaError
from avlib.speech.noise import add_noise, babble, white_noise

RATE = 16000


def talkers(voice, count=8):
    """The vowel at other pitches, swelling four times a second as syllables do."""
    vowel = voice[RATE : 2 * RATE].astype(float)
    times = np.arange(RATE) / RATE
    return [
        np.interp(np.arange(RATE) * (0.8 + 0.05 * i) % RATE, np.arange(RATE), vowel)
        * (1 + np.sin(2 * np.pi * (4 * times + i / count)))
        * 0.1 * (i + 1)
        for i in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("snr", [20.0, 0.0, -5.0])
@pytest.mark.parametrize("kind", ["white", "babble"])
def test_the_mixture_has_the_ratio_that_was_asked_for_while_somebody_speaks(voice, snr, kind):
    spoken = np.zeros(len(voice), bool)
    spoken[RATE : 2 * RATE] = True
    noise = white_noise(len(voice), 1) if kind == "white" else babble(talkers(voice), len(voice), 1)
    mixture = add_noise(voice, noise, snr, spoken).astype(float)
    # The parts of a mixture of two known signals, by least squares.
    parts = np.column_stack([voice, noise])
    gains, residual, *_ = np.linalg.lstsq(parts, mixture, rcond=None)
    assert residual[0] < 1e-6 * np.sum(mixture**2)
    heard = (parts * gains)[spoken]
    measured = 10 * np.log10(np.sum(heard[:, 0] ** 2) / np.sum(heard[:, 1] ** 2))
    assert measured == pytest.approx(snr, abs=0.01)


def test_a_loud_mixture_is_turned_down_and_never_cut_off(voice):
    mixture = add_noise(voice, white_noise(len(voice), 0), -20)
    assert np.abs(mixture).max() == pytest.approx(1)
    assert (np.abs(mixture) > 0.999).sum() == 1


def test_without_intervals_the_ratio_is_that_of_the_whole_recording(voice):
    noise = white_noise(len(voice), 0)
    everywhere = add_noise(voice, noise, 10)
    assert np.array_equal(everywhere, add_noise(voice, noise, 10, np.zeros(len(voice), bool)))
    assert np.array_equal(everywhere, add_noise(voice, noise, 10, np.ones(len(voice), bool)))


def test_silence_has_no_ratio(voice):
    with pytest.raises(MediaError, match="the signal is silent"):
        add_noise(np.zeros(1000, np.float32), white_noise(1000, 0), 0)
    spoken = np.zeros(len(voice), bool)
    spoken[:RATE] = True
    with pytest.raises(MediaError, match="the noise is silent"):
        add_noise(voice, np.zeros(len(voice)), 0, spoken)


def test_white_noise_has_a_flat_spectrum_and_no_envelope():
    noise = white_noise(20 * RATE, 3)
    _, density = welch(noise, RATE, nperseg=512)
    bands = density[1:-1].reshape(5, -1).mean(axis=1)
    assert bands.max() / bands.min() < 1.05
    assert np.mean(noise**2) == pytest.approx(1, rel=0.02)
    assert abs(kurtosis(noise)) < 0.05


def test_babble_has_the_spectrum_of_its_talkers(voice):
    voices = talkers(voice)
    noise = babble(voices, 10 * RATE, 0)
    _, density = welch(noise, RATE, nperseg=1024)
    alone = sum(welch(v / np.sqrt(np.mean(v**2)), RATE, nperseg=1024)[1] for v in voices)
    assert np.corrcoef(np.log(density[5:400]), np.log(alone[5:400]))[0, 1] > 0.98
    frequencies = np.fft.rfftfreq(1024, 1 / RATE)
    assert density[frequencies < 4000].sum() > 20 * density[frequencies >= 4000].sum()


def test_babble_swells_as_speech_does_and_white_noise_does_not(voice):
    def swelling(signal):
        envelope = np.abs(hilbert(signal))
        spectrum = np.abs(np.fft.rfft(envelope - envelope.mean())) ** 2
        rate = np.fft.rfftfreq(len(signal), 1 / RATE)
        return spectrum[(rate > 2) & (rate < 8)].sum() / spectrum.sum()

    assert swelling(babble(talkers(voice), 4 * RATE, 5)) > 10 * swelling(white_noise(4 * RATE, 5))


def test_every_talker_is_equally_loud(voice):
    """Loudness is read off by projecting on talkers that have nothing in common."""
    times = np.arange(RATE) / RATE
    voices = [(i + 1) * np.sin(2 * np.pi * 100 * (i + 1) * times) for i in range(8)]
    noise = babble(voices, RATE, 0)
    _, density = welch(noise, RATE, nperseg=1600, window="boxcar")
    lines = density[10 * np.arange(1, 9)]
    assert lines.max() / lines.min() < 1.01
    assert np.mean(noise**2) == pytest.approx(1, rel=0.01)


def test_a_babble_needs_six_voices_that_can_be_heard(voice):
    with pytest.raises(ValueError, match="of 5 talkers"):
        babble(talkers(voice, 5), 100, 0)
    with pytest.raises(ValueError, match="talker 3 of a babble is silent"):
        babble([*talkers(voice, 3), np.zeros(50), *talkers(voice, 3)], 100, 0)


def test_the_seed_decides(voice):
    voices = talkers(voice)
    for make in (lambda s: white_noise(500, s), lambda s: babble(voices, 500, s)):
        assert np.array_equal(make(1), make(1))
        assert not np.array_equal(make(1), make(2))
