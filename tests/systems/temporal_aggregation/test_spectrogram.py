import librosa
import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from avlib.speech.mel import differences
from avlib.systems.temporal_aggregation.spectrogram import (
    log_spectrogram,
    row_statistics,
    with_differences,
)

RATE = 16000
SAMPLES = 20480  # 1.28 s


def noise(n, samples=SAMPLES, seed=0):
    return 0.1 * np.random.default_rng(seed).normal(size=(n, samples))


def sine(frequency, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(SAMPLES) / RATE)


def picture(wave, frequencies="linear"):
    waves = torch.from_numpy(np.atleast_2d(wave))
    return log_spectrogram(waves, frequencies=frequencies)[:, 0].numpy()


def test_picture_is_scipys_spectrogram_in_decibels():
    waves = noise(3)
    margin = (SAMPLES - 20376) // 2  # 384 + 119 * 168
    frequencies, times, magnitude = scipy.signal.spectrogram(
        waves[:, margin:],
        RATE,
        window="hann",
        nperseg=384,
        noverlap=384 - 168,
        detrend=False,
        scaling="spectrum",
        mode="magnitude",
    )
    level = 20 * np.log10(2 * magnitude[:, 1:])
    assert level.min() > -100
    np.testing.assert_allclose(picture(waves), level / 100 + 1, atol=1e-10)
    assert len(times) == 120
    assert frequencies[-1] == 8000


def test_mel_bands_are_librosas_of_scipys_spectrogram():
    wave = noise(1)
    _, _, magnitude = scipy.signal.spectrogram(
        wave[:, (SAMPLES - 20376) // 2 :],
        RATE,
        window="hann",
        nperseg=384,
        noverlap=384 - 168,
        nfft=512,
        detrend=False,
        scaling="spectrum",
        mode="magnitude",
    )
    bank = librosa.filters.mel(sr=RATE, n_fft=512, n_mels=64, htk=True, norm=None)
    level = 10 * np.log10(bank @ (2 * magnitude[0]) ** 2)
    np.testing.assert_allclose(picture(wave, "mel")[0], level / 100 + 1, atol=1e-6)


def test_differences_over_time_are_those_of_mel_images():
    values = torch.from_numpy(noise(2, 64 * 120)).view(2, 1, 64, 120)
    found = with_differences(values)
    assert found.shape == (2, 3, 64, 120)
    for clip, (static, first, second) in zip(values, found, strict=True):
        np.testing.assert_allclose(static, clip[0])
        np.testing.assert_allclose(first.T, differences(clip[0].T.numpy()), atol=1e-12)
        np.testing.assert_allclose(second.T, differences(first.T.numpy()), atol=1e-12)


@pytest.mark.parametrize("samples", [503, 8000, SAMPLES, 40001])
def test_any_length_of_sound_fills_the_picture(samples):
    waves = noise(2, samples)
    found = picture(waves)
    assert found.shape == (2, 192, 120)
    hop = (samples - 384) // 119
    margin = (samples - 384 - 119 * hop) // 2
    for column in (0, 71, 119):
        piece = waves[1, margin + column * hop :][:384]
        window = np.sin(np.pi * np.arange(384) / 384) ** 2
        level = 20 * np.log10(np.abs(np.fft.fft(piece * window))[1:193] / 96)
        np.testing.assert_allclose(found[1, :, column], level / 100 + 1, atol=1e-10)


@pytest.mark.parametrize("row", [0, 23, 190])
@pytest.mark.parametrize("decibels", [0, -40])
def test_a_sine_is_a_line_in_its_row_with_its_level(row, decibels):
    found = picture(sine((row + 1) * RATE / 384, 10 ** (decibels / 20)))[0]
    assert (found.argmax(axis=0) == row).all()
    np.testing.assert_allclose(found[row, :], 1 + decibels / 100, atol=0.01)


def test_a_click_is_a_line_in_its_columns():
    wave = np.zeros(SAMPLES)
    wave[SAMPLES // 2] = 1.0
    lit = np.flatnonzero(picture(wave)[0].max(axis=0))
    assert set(lit) <= {58, 59, 60, 61}
    assert len(lit) >= 2


def test_silence_is_black():
    assert (picture(np.zeros((2, SAMPLES))) == 0).all()


def test_clips_do_not_see_each_other():
    waves = torch.from_numpy(noise(4)).float()
    together = log_spectrogram(waves)
    assert together.dtype == torch.float32
    assert together.shape == (4, 1, 192, 120)
    for k in range(4):
        alone = log_spectrogram(waves[k : k + 1])[0]
        torch.testing.assert_close(alone, together[k], rtol=1e-4, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.floats(-160, 0), st.integers(0, 99))
def test_louder_is_brighter_by_as_many_decibels_down_to_the_floor(decibels, seed):
    wave = noise(1, seed=seed)
    before, after = picture(wave), picture(wave * 10 ** (decibels / 20))
    np.testing.assert_allclose(after, np.maximum(before + decibels / 100, 0), atol=1e-9)


@pytest.mark.parametrize(
    "waves",
    [torch.zeros(SAMPLES), torch.zeros(2, 502), torch.zeros(2, SAMPLES, dtype=torch.int16)],
)
def test_what_is_no_batch_of_waves_is_refused(waves):
    with pytest.raises(ValueError, match="at least 503 samples"):
        log_spectrogram(waves)


def test_rows_of_a_standardised_sound_have_mean_0_and_deviation_1():
    wave = torch.from_numpy(0.05 * noise(1, 384 + 192 * 60)[0])
    floor, (mean, spread) = row_statistics(wave)
    frames = wave.unfold(0, 384, 192).numpy() * scipy.signal.windows.hann(384, sym=False)
    levels = 20 * np.log10(np.abs(np.fft.rfft(frames))[:, 1:] / 96)
    assert float(floor) == pytest.approx(levels.max() - 80)
    levels = 1 + np.maximum(levels, levels.max() - 80) / 100
    np.testing.assert_allclose(mean, levels.mean(0), atol=1e-9)
    np.testing.assert_allclose(spread, levels.std(0), atol=1e-9)


@pytest.mark.parametrize("frequencies", ["linear", "mel"])
def test_standardised_spectrograms_know_no_level(frequencies):
    waves = torch.from_numpy(noise(1, 3 * SAMPLES))
    pictures = []
    for level in (1.0, 0.05):
        floor, (mean, spread) = row_statistics(level * waves[0], frequencies)
        wave = level * waves[:, SAMPLES : 2 * SAMPLES]
        seen = log_spectrogram(wave, floor[None], frequencies)[0, 0]
        pictures.append((seen - mean[:, None]) / spread[:, None])
    torch.testing.assert_close(*pictures)


@pytest.mark.parametrize("samples", [1, 383, 16000])
def test_silence_of_any_length_has_statistics_to_divide_by(samples):
    floor, (mean, spread) = row_statistics(torch.zeros(samples))
    assert torch.isfinite(floor)
    assert torch.isfinite(mean).all()
    assert (spread == 1).all()
