import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import chirp
from threadpoolctl import threadpool_limits

from avlib.speech.mel import differences, log_mel, mel_bank, mel_images, standard_log_mel

RATE = 16000


@pytest.fixture(scope="module")
def signal():
    t = np.arange(int(1.4 * RATE)) / RATE
    sweep = 0.5 * chirp(t, 100, 1.4, 7000) * (1 + np.sin(2 * np.pi * 3 * t)) / 2
    return (sweep + np.random.default_rng(0).normal(scale=0.02, size=t.shape)).astype(np.float32)


def written_out(signal):
    """The paper's formulas frame by frame, bin by bin, in double precision."""
    mel = np.linspace(0, 1127 * np.log(1 + 8000 / 700), 66)  # the same scale in natural logarithms
    corners = 700 * (np.exp(mel / 1127) - 1)
    hamming = [0.54 - 0.46 * np.cos(2 * np.pi * i / 399) for i in range(400)]
    rows = []
    for start in range(0, len(signal) - 399, 160):
        frame = signal[start : start + 400].astype(np.float64) * hamming
        turns = np.exp(-2j * np.pi * np.outer(np.arange(257), np.arange(400)) / 512)
        power = np.abs(turns @ frame) ** 2
        row = []
        for low, centre, high in zip(corners, corners[1:], corners[2:], strict=False):
            total = 0.0
            for k in range(257):
                f = k * 31.25
                if low < f <= centre:
                    total += power[k] * (f - low) / (centre - low)
                elif centre < f < high:
                    total += power[k] * (high - f) / (high - centre)
            row.append(np.log(total + 0.01))
        rows.append(row)
    return np.array(rows)


def slopes(c):
    d = np.zeros_like(c)
    last = len(c) - 1
    for t in range(len(c)):
        for n in (1, 2):
            d[t] += n * (c[min(t + n, last)] - c[max(t - n, 0)])
        d[t] /= 2 * (1**2 + 2**2)
    return d


def test_images_are_the_papers_formulas_written_out_in_loops(signal):
    static = written_out(signal)
    first = slopes(static)
    second = slopes(first)
    images = mel_images(signal)
    assert images.shape == (3, 3, 64, 64)
    assert images.dtype == np.float32
    for number, begin in enumerate((0, 34, 68)):
        for channel, values in enumerate((static, first, second)):
            np.testing.assert_allclose(
                images[number, channel], values[begin : begin + 64].T, atol=2e-4
            )
    assert static.std() > 1, "a flat spectrogram would show nothing"


def test_bank_is_librosas_htk_bank_and_no_band_is_empty():
    expected = librosa.filters.mel(sr=RATE, n_fft=512, n_mels=64, htk=True, norm=None)
    np.testing.assert_allclose(mel_bank(), expected, atol=1e-6)
    assert mel_bank().sum(axis=1).min() > 0.5


def test_log_mel_is_librosas(signal):
    # librosa centres a window in its transform, which turns phases and no power.
    mel = librosa.feature.melspectrogram(
        y=np.pad(signal, 56),
        sr=RATE,
        n_fft=512,
        hop_length=160,
        win_length=400,
        window=np.hamming(400),
        center=False,
        n_mels=64,
        htk=True,
        norm=None,
    )
    found = log_mel(signal)
    assert len(found) == (len(signal) - 400) // 160 + 1
    np.testing.assert_allclose(found, np.log(mel.T + 0.01)[: len(found)], atol=2e-4)


def test_standard_log_mel_is_librosas_standardised(signal):
    powers = np.exp(written_out(signal)) - 0.01
    levels = librosa.power_to_db(powers, ref=np.max, top_db=80)
    expected = (levels - levels.mean(0)) / levels.std(0)
    np.testing.assert_allclose(standard_log_mel(signal), expected, atol=2e-3)


def test_standard_log_mel_knows_neither_level_nor_colour(signal):
    found = standard_log_mel(signal)
    np.testing.assert_allclose(standard_log_mel(signal / 200), found, atol=1e-4)
    coloured = standard_log_mel(np.convolve(signal, [1, -0.5])[: len(signal)].astype(np.float32))
    assert np.abs(coloured - found).mean() < 0.1  # deviations are 1


@pytest.mark.parametrize("level", [0.0, 0.25])
def test_standard_log_mel_of_what_does_not_vary_is_zero(level):
    found = standard_log_mel(np.full(RATE, level, np.float32))
    assert found.shape == (98, 64)
    assert not found.any()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_log_mel_does_not_depend_on_the_number_of_threads(signal, threads):
    with threadpool_limits(threads):
        found = log_mel(signal)
    with threadpool_limits(4):
        np.testing.assert_array_equal(log_mel(signal), found)


def test_differences_are_librosas_and_twice_those_are_the_second():
    values = np.random.default_rng(1).normal(size=(30, 5))
    once = librosa.feature.delta(values, width=5, axis=0, mode="nearest")
    np.testing.assert_allclose(differences(values), once, atol=1e-12)
    twice = librosa.feature.delta(once, width=5, axis=0, mode="nearest")
    np.testing.assert_allclose(differences(differences(values)), twice, atol=1e-12)


def test_differences_of_a_ramp_are_its_slope_and_fall_off_at_the_ends():
    ramp = 3.0 * np.arange(10)[:, None]
    expected = np.full((10, 1), 3.0)
    # First frame: (1 * (3 - 0) + 2 * (6 - 0)) / 10; second: (1 * (6 - 0) + 2 * (9 - 0)) / 10.
    expected[[0, -1]], expected[[1, -2]] = 1.5, 2.4
    np.testing.assert_allclose(differences(ramp), expected)


@settings(max_examples=25, deadline=None)
@given(st.integers(10480, 60000))
def test_there_is_an_image_every_340_ms_as_long_as_655_ms_are_left(n_samples):
    starts = range(0, n_samples - 10480 + 1, 5440)
    assert len(mel_images(np.zeros(n_samples, np.float32))) == len(starts)


def test_silence_is_the_logarithm_of_the_floor():
    images = mel_images(np.zeros(10480, np.float32))
    np.testing.assert_allclose(images[:, 0], np.log(0.01), rtol=1e-6)
    assert not images[:, 1:].any()


def test_neighbours_share_thirty_frames_and_blocks_leave_no_seam(signal):
    long = np.tile(signal, 6)  # more frames than are transformed at once
    images = mel_images(long)
    np.testing.assert_array_equal(images[:-1, :, :, 34:], images[1:, :, :, :30])
    later = mel_images(long[34 * 160 * 12 :])
    np.testing.assert_allclose(images[12:, 0], later[:, 0], atol=1e-5)


def test_less_than_a_segment_is_refused():
    with pytest.raises(ValueError, match="10479 samples; a segment needs 10480"):
        mel_images(np.zeros(10479, np.float32))
