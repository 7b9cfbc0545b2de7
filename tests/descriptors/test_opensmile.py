import numpy as np
import opensmile
import pytest

from avlib.descriptors.opensmile import (
    FEATURE_SETS,
    MIN_DURATION,
    SAMPLE_RATE,
    _extractor,
    frame_descriptors,
    functionals,
    windowed_functionals,
)
from avlib.runtime.errors import MediaError


@pytest.fixture
def signal():
    """A second of a gliding, beating tone with overtones and some noise: voiced for openSMILE."""
    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    phase = 2 * np.pi * (140 * times + 30 * times**2)
    tone = sum(np.sin(k * phase) / k for k in range(1, 12)) * (1 + 0.5 * np.sin(9 * times))
    noise = np.random.default_rng(0).normal(scale=0.01, size=times.shape)
    return (0.1 * tone + noise).astype(np.float32)


@pytest.mark.parametrize("name", sorted(FEATURE_SETS))
def test_dimensions_are_those_of_the_table(name, signal):
    features = FEATURE_SETS[name]
    times, values = frame_descriptors(signal, SAMPLE_RATE, name)
    assert values.shape == (len(times), features.frame_dim)
    assert functionals(signal, SAMPLE_RATE, name).shape == (features.functionals_dim,)
    assert values.dtype == np.float32
    np.testing.assert_allclose(np.diff(times), 0.01)
    assert times[0] == pytest.approx(features.window / 2)
    assert times[-1] < len(signal) / SAMPLE_RATE


def test_deltas_are_the_regression_of_the_descriptors_at_the_same_times(signal):
    _, values = frame_descriptors(signal, SAMPLE_RATE, "is10")
    levels, deltas = np.hsplit(values.astype(np.float64), 2)
    padded = np.pad(levels, ((2, 2), (0, 0)), mode="edge")
    n = len(levels)
    regression = sum(k * (padded[2 + k :][:n] - padded[2 - k :][:n]) for k in (1, 2)) / 10
    assert np.ptp(deltas, axis=0).min() > 0
    np.testing.assert_allclose(deltas, regression, atol=1e-4 * np.abs(deltas).max(), rtol=1e-4)


def test_frames_hold_both_streams_of_opensmile_aligned_by_time(signal):
    times, values = frame_descriptors(signal, SAMPLE_RATE, "is10")
    streams = []
    for level in ("LowLevelDescriptors", "LowLevelDescriptors_Deltas"):
        smile = opensmile.Smile(opensmile.FeatureSet.IS10, opensmile.FeatureLevel[level])
        frame = smile.process_signal(signal, SAMPLE_RATE)
        frame.index = frame.index.get_level_values("start").total_seconds() + 0.0125
        # The two frames that the delta stream has more repeat the last time.
        streams.append(frame[~frame.index.duplicated()])
    joined = streams[0].join(streams[1], how="inner")
    np.testing.assert_allclose(times, joined.index.to_numpy())
    np.testing.assert_array_equal(values, joined.to_numpy())


@pytest.mark.parametrize("name", sorted(FEATURE_SETS))
def test_a_second_call_gives_the_same_bytes(name, signal):
    first = frame_descriptors(signal, SAMPLE_RATE, name)[1], functionals(signal, SAMPLE_RATE, name)
    _extractor.cache_clear()
    second = frame_descriptors(signal, SAMPLE_RATE, name)[1], functionals(signal, SAMPLE_RATE, name)
    assert [a.tobytes() for a in first] == [b.tobytes() for b in second]


def test_a_sample_of_one_does_not_wrap_around(signal):
    loud = signal / np.abs(signal).max()
    loud[loud > 0.999] = 1.0
    just_below = np.minimum(loud, 32767 / 32768)
    expected = functionals(just_below, SAMPLE_RATE, "is10")
    np.testing.assert_array_equal(functionals(loud, SAMPLE_RATE, "is10"), expected)
    np.testing.assert_array_equal(
        functionals(loud * 1.0 + (loud == 1), SAMPLE_RATE, "is10"), expected
    )


@pytest.mark.parametrize("name", sorted(FEATURE_SETS))
@pytest.mark.parametrize("n", [0, 1, 400, 1119])
def test_very_short_recordings_are_filled_up_and_stay_finite(name, n, signal):
    padded = np.zeros(round(MIN_DURATION * SAMPLE_RATE), dtype=np.float32)
    padded[:n] = signal[:n]
    times, values = frame_descriptors(signal[:n], SAMPLE_RATE, name)
    assert len(times) >= 1
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(values, frame_descriptors(padded, SAMPLE_RATE, name)[1])
    assert np.isfinite(functionals(signal[:n], SAMPLE_RATE, name)).all()


@pytest.mark.parametrize("name", sorted(FEATURE_SETS))
def test_silence_stays_finite(name):
    silence = np.zeros(SAMPLE_RATE, dtype=np.float32)
    assert np.isfinite(frame_descriptors(silence, SAMPLE_RATE, name)[1]).all()
    assert np.isfinite(functionals(silence, SAMPLE_RATE, name)).all()


def test_windows_are_recordings_of_their_own(signal):
    times, values = windowed_functionals(signal, SAMPLE_RATE, "egemaps", window=0.5, hop=0.2)
    np.testing.assert_allclose(times, [0.25, 0.45, 0.65])
    for start, row in zip((0, 3200, 6400), values, strict=True):
        expected = functionals(signal[start : start + 8000], SAMPLE_RATE, "egemaps")
        np.testing.assert_array_equal(row, expected)


def test_recording_shorter_than_a_window_is_one_window(signal):
    times, values = windowed_functionals(signal[:8000], SAMPLE_RATE, "is10", window=1.0, hop=0.5)
    np.testing.assert_allclose(times, [0.25])
    np.testing.assert_array_equal(values[0], functionals(signal[:8000], SAMPLE_RATE, "is10"))


@pytest.mark.parametrize("extract", [frame_descriptors, functionals])
def test_nan_samples_are_refused(extract, signal):
    signal[5] = np.nan
    with pytest.raises(MediaError, match="sample 5"):
        extract(signal, SAMPLE_RATE, "is10")


@pytest.mark.parametrize(("rate", "name"), [(8000, "is10"), (48000, "is10"), (16000, "IS09")])
def test_other_rates_and_sets_are_refused(rate, name, signal):
    with pytest.raises(ValueError, match="expected"):
        frame_descriptors(signal, rate, name)


def test_windows_that_cannot_be_described_are_refused(signal):
    with pytest.raises(ValueError, match="at least 0"):
        windowed_functionals(signal, SAMPLE_RATE, "is10", window=0.05, hop=0.01)
