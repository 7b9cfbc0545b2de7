from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import opensmile
import pytest
from opensmile.core.lib import SMILE_FAIL, OpenSmileException

from avlib.descriptors.opensmile import IS10, EGeMAPS, EGeMAPSv01a, _extractor
from avlib.descriptors.opensmile_frames import _extractor as frames_alone
from avlib.descriptors.opensmile_stream import streamed
from avlib.runtime.errors import MediaError
from avlib.speech.pcm import SAMPLE_RATE

BOTH = [IS10, EGeMAPS, EGeMAPSv01a]


def frames(kind, signal):
    return kind().describe(signal, SAMPLE_RATE)


def functionals(kind, signal):
    """Statistics of the whole signal, of shape (functionals_dim,)."""
    return kind(level="clip").describe(signal, SAMPLE_RATE)[1][0]


@pytest.fixture
def signal():
    """A second of a gliding, beating tone with overtones and some noise: voiced for openSMILE."""
    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    phase = 2 * np.pi * (140 * times + 30 * times**2)
    tone = sum(np.sin(k * phase) / k for k in range(1, 12)) * (1 + 0.5 * np.sin(9 * times))
    noise = np.random.default_rng(0).normal(scale=0.01, size=times.shape)
    return (0.1 * tone + noise).astype(np.float32)


@pytest.mark.parametrize(("kind", "frame"), [(IS10, 0.025), (EGeMAPS, 0.020), (EGeMAPSv01a, 0.020)])
def test_times_are_the_middles_of_the_analysis_frames(kind, frame, signal):
    times, _ = frames(kind, signal)
    np.testing.assert_allclose(times, frame / 2 + 0.01 * np.arange(len(times)))


def test_deltas_are_the_regression_of_the_descriptors_at_the_same_times(signal):
    _, values = frames(IS10, signal)
    levels, deltas = np.hsplit(values.astype(np.float64), 2)
    padded = np.pad(levels, ((2, 2), (0, 0)), mode="edge")
    n = len(levels)
    regression = sum(k * (padded[2 + k :][:n] - padded[2 - k :][:n]) for k in (1, 2)) / 10
    assert np.ptp(deltas, axis=0).min() > 0
    np.testing.assert_allclose(deltas, regression, atol=1e-4 * np.abs(deltas).max(), rtol=1e-4)


def test_frames_hold_both_streams_of_opensmile_aligned_by_time(signal):
    times, values = frames(IS10, signal)
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


@pytest.mark.filterwarnings("ignore:Feature set")
@pytest.mark.parametrize("kind", BOTH)
def test_frames_are_those_of_the_package_without_its_functionals(kind, signal):
    table = opensmile.Smile(kind.feature_set, kind.frame_level).process_signal(signal, SAMPLE_RATE)
    starts = table.index.get_level_values("start").total_seconds()
    times, values = frames(kind, signal)
    np.testing.assert_array_equal(times, starts + kind.frame / 2)
    np.testing.assert_array_equal(values, table.to_numpy())


@pytest.mark.parametrize("kind", BOTH)
def test_frames_do_not_depend_on_the_recording_before(kind, signal):
    others = [signal[::-1], 0 * signal, signal[:3000]]
    alone = []
    for each in (signal, *others):
        frames_alone.cache_clear()
        alone.append(frames(kind, each))
    for number in (1, 0, 2, 0, 3, 0):
        for got, expected in zip(
            frames(kind, [signal, *others][number]), alone[number], strict=True
        ):
            np.testing.assert_array_equal(got, expected)


def test_frames_of_several_threads_are_not_mixed_up(signal):
    recordings = [np.roll(signal, 100 * k)[: 4000 + 1000 * k] for k in range(4)]
    expected = [frames(IS10, recording)[1] for recording in recordings]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda recording: frames(IS10, recording)[1], recordings))
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_frames_after_an_error_of_opensmile_are_right(signal, monkeypatch):
    expected = frames(IS10, signal)[1]
    with monkeypatch.context() as patched:
        patched.setattr("opensmile.core.lib.OpenSMILE.run", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            frames(IS10, signal[:8000])
    np.testing.assert_array_equal(frames(IS10, signal)[1], expected)


@pytest.mark.parametrize("kind", BOTH)
def test_a_second_extractor_gives_the_same_bytes(kind, signal):
    first = frames(kind, signal)[1], functionals(kind, signal)
    _extractor.cache_clear()
    frames_alone.cache_clear()
    second = frames(kind, signal)[1], functionals(kind, signal)
    assert [a.tobytes() for a in first] == [b.tobytes() for b in second]


def test_a_sample_of_one_does_not_wrap_around(signal):
    loud = signal / np.abs(signal).max()
    loud[loud > 0.999] = 1.0
    just_below = np.minimum(loud, 32767 / 32768)
    expected = functionals(IS10, just_below)
    np.testing.assert_array_equal(functionals(IS10, loud), expected)
    np.testing.assert_array_equal(functionals(IS10, loud * 1.0 + (loud == 1)), expected)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("n", [0, 1, 400, 1119])
def test_very_short_recordings_are_filled_up_and_stay_finite(kind, n, signal):
    padded = np.zeros(SAMPLE_RATE // 10, dtype=np.float32)
    padded[:n] = signal[:n]
    times, values = frames(kind, signal[:n])
    assert len(times) >= 1
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(values, frames(kind, padded)[1])
    assert np.isfinite(functionals(kind, signal[:n])).all()


@pytest.mark.parametrize("kind", BOTH)
def test_silence_stays_finite(kind):
    silence = np.zeros(SAMPLE_RATE, dtype=np.float32)
    assert np.isfinite(frames(kind, silence)[1]).all()
    assert np.isfinite(functionals(kind, silence)).all()


def test_windows_are_recordings_of_their_own(signal):
    times, values = EGeMAPS("windows", 0.5, 0.2).describe(signal, SAMPLE_RATE)
    np.testing.assert_allclose(times, [0.25, 0.45, 0.65])
    for start, row in zip((0, 3200, 6400), values, strict=True):
        expected = functionals(EGeMAPS, signal[start : start + 8000])
        np.testing.assert_array_equal(row, expected)


def test_recording_shorter_than_a_window_is_one_window(signal):
    times, values = IS10("windows", 1.0, 0.5).describe(signal[:8000], SAMPLE_RATE)
    np.testing.assert_allclose(times, [0.25])
    np.testing.assert_array_equal(values[0], functionals(IS10, signal[:8000]))


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("level", ["frames", "clip"])
def test_long_sound_is_streamed_to_the_same_bits(kind, level, signal, monkeypatch):
    """With buffers that are written anew several times, and with pauses of all lengths."""
    gains = np.random.default_rng(1).uniform(0, 1, 9) * [1, 1, 0, 1, 0, 0, 0, 1, 1]
    long = np.concatenate([gain * signal for gain in gains])
    times, values = kind(level=level).describe(long, SAMPLE_RATE)
    monkeypatch.setattr("avlib.descriptors.opensmile.AT_ONCE", 1)
    monkeypatch.setattr("avlib.descriptors.opensmile_stream._BUFFER", 3)
    streamed_times, streamed_values = kind(level=level).describe(long, SAMPLE_RATE)
    np.testing.assert_array_equal(streamed_times, times)
    np.testing.assert_array_equal(streamed_values, values)


@pytest.mark.parametrize("kind", BOTH)
def test_functionals_of_long_sound_are_the_mean_over_equal_pieces(kind, signal, monkeypatch):
    long = np.concatenate([signal, signal[::-1] / 2, signal / 4])
    monkeypatch.setattr("avlib.descriptors.opensmile.LONGEST_WHOLE", 1.2)
    times, values = kind(level="clip").describe(long, SAMPLE_RATE)
    assert times.tolist() == [1.5]
    expected = [functionals(kind, piece) for piece in np.split(long, 3)]
    np.testing.assert_allclose(values[0], np.mean(expected, axis=0), rtol=1e-5, atol=1e-5)


def test_an_error_of_opensmile_while_it_is_fed_is_raised(signal, monkeypatch):
    def fail(self):
        raise OpenSmileException(SMILE_FAIL, "no more")

    monkeypatch.setattr("opensmile.core.lib.OpenSMILE.run", fail)
    monkeypatch.setattr("avlib.descriptors.opensmile_stream._BUFFER", 3)
    with pytest.raises(OpenSmileException, match="no more"):
        list(streamed(opensmile.FeatureSet.IS10, "lld", np.tile(signal, 9), SAMPLE_RATE))


def test_rows_that_have_no_room_are_an_error(signal, monkeypatch):
    def full():
        return Path("/dev/full").open("w+b")

    monkeypatch.setattr("avlib.descriptors.opensmile_stream.nameless_file", full)
    with pytest.raises(OSError, match="No space left"):
        list(streamed(opensmile.FeatureSet.IS10, "lld;lld_de", np.tile(signal, 9), SAMPLE_RATE))


@pytest.mark.parametrize("describe", [frames, functionals])
def test_nan_samples_are_refused(describe, signal):
    signal[5] = np.nan
    with pytest.raises(MediaError, match="sample 5"):
        describe(IS10, signal)


@pytest.mark.parametrize(("window", "hop"), [(0.05, 0.01), (1.0, 0.0)])
def test_windows_that_cannot_be_described_are_refused(window, hop):
    with pytest.raises(ValueError, match=r"at least 0\.1 s and a positive hop"):
        IS10("windows", window, hop)
