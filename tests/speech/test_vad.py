import numpy as np
import pytest
import webrtcvad

from avlib.runtime.errors import MediaError
from avlib.speech import vad
from avlib.speech.vad import voiced_intervals, within

RATE = 16000


class Script:
    """Stands in for WebRTC's detector: answers from a list."""

    def __init__(self, decisions):
        self.decisions = iter(decisions)

    def __call__(self, mode):
        return self

    def is_speech(self, frame, sample_rate):
        return next(self.decisions)


def painted(decisions, hangover, min_speech, frame, duration):
    """The same rules, painted millisecond by millisecond."""
    per_frame = round(frame * 1000)
    line = np.zeros(round(duration * 1000), dtype=bool)
    i = 0
    while i < len(decisions):
        j = i
        while j < len(decisions) and decisions[j]:
            j += 1
        if (j - i) * per_frame >= round(min_speech * 1000):
            line[i * per_frame : j * per_frame + round(hangover * 1000)] = True
        i = max(j, i + 1)
    return line


def test_voice_between_pauses_is_one_interval(voice):
    intervals = voiced_intervals(voice, RATE, hangover=0.0)
    assert intervals.shape == (1, 2)
    # WebRTC itself holds speech for about 0.1 s.
    np.testing.assert_allclose(intervals, [[1.0, 2.0]], atol=0.16)


def test_level_does_not_matter(voice):
    loud = voiced_intervals(voice, RATE)
    np.testing.assert_array_equal(voiced_intervals(voice / 64, RATE), loud)
    np.testing.assert_array_equal(voiced_intervals(voice * 8, RATE), loud)


@pytest.mark.parametrize("rms", [0.0, 1e-5, 1e-4])
def test_silence_is_no_speech(rms):
    noise = np.random.default_rng(1).normal(scale=rms, size=3 * RATE).astype(np.float32)
    assert voiced_intervals(noise, RATE).shape == (0, 2)


@pytest.mark.parametrize("n", [0, 1, 100, 479])
def test_less_than_a_frame_is_no_speech(n):
    assert voiced_intervals(np.full(n, 0.5, dtype=np.float32), RATE).shape == (0, 2)


def test_full_scale_does_not_wrap():
    decided = []

    class Listener(Script):
        def is_speech(self, frame, sample_rate):
            decided.append(np.frombuffer(frame, dtype="<i2"))
            return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vad.webrtcvad, "Vad", Listener([]))
        voiced_intervals(np.full(RATE, 1.0, dtype=np.float32), RATE)
    assert (np.concatenate(decided)[: RATE - 1] > 0).all()


@pytest.mark.parametrize("frame", [0.01, 0.02, 0.03])
@pytest.mark.parametrize("seed", range(5))
def test_hangover_and_short_bursts_follow_their_rules(monkeypatch, frame, seed):
    decisions = np.random.default_rng(seed).random(80) < 0.6
    monkeypatch.setattr(vad.webrtcvad, "Vad", Script(decisions))
    duration = len(decisions) * frame
    intervals = voiced_intervals(
        np.full(round(duration * RATE), 0.1, dtype=np.float32),
        RATE,
        frame=frame,
        hangover=0.03,
        min_speech=0.06,
    )
    middles = (np.arange(round(duration * 1000)) + 0.5) / 1000
    expected = painted(decisions, 0.03, 0.06, frame, duration)
    np.testing.assert_array_equal(within(middles, intervals), expected)
    assert (np.diff(intervals.ravel()) > 0).all()
    assert intervals.max(initial=0) <= duration


def test_decisions_are_webrtcs(voice):
    detector = webrtcvad.Vad(2)
    scaled = voice * (vad.PEAK / np.abs(voice).max())
    frames = np.rint(scaled * 32767).astype("<i2").reshape(-1, 480)
    expected = [detector.is_speech(frame.tobytes(), RATE) for frame in frames]
    intervals = voiced_intervals(voice, RATE, hangover=0.0, min_speech=0.0)
    middles = (np.arange(len(frames)) + 0.5) * 0.03
    np.testing.assert_array_equal(within(middles, intervals), expected)


def test_nan_is_refused_with_its_place(voice):
    voice[1234] = np.nan
    with pytest.raises(MediaError, match="sample 1234"):
        voiced_intervals(voice, RATE)


def test_within_agrees_with_a_loop():
    intervals = np.array([[0.5, 1.0], [2.0, 2.25]])
    times = np.linspace(0, 3, 61)
    expected = [any(a <= t < b for a, b in intervals) for t in times]
    np.testing.assert_array_equal(within(times, intervals), expected)
    assert not within(times, np.empty((0, 2))).any()
