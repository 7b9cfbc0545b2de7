import numpy as np
import pytest
from scipy.signal import medfilt

from avlib.report.concordance import ccc
from avlib.systems.emobed.traces import postprocessing
from avlib.systems.emobed.traces.postprocessing import PostProcessing, choices, smoothed


def fit_postprocessing(recordings):
    return postprocessing.fit_postprocessing(recordings, 0.04)


def test_windows_and_shifts_are_the_papers_whatever_the_labels_step():
    assert choices(0.04) == ([1, 3, 5, 7, 9, 11], list(range(16)))
    windows, delays = choices(0.1)
    assert windows == [1, 3, 5]  # 0.12 s are nearer to one frame, 0.44 s to five, than to others
    assert delays == list(range(7))
    assert choices(0.02)[1] == list(range(0, 31, 2))


def slow(n, seed):
    """A trace like a rating: slow waves, in [-1, 1]."""
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    waves = [np.sin(2 * np.pi * (t / period + rng.random())) for period in (90, 210, 370)]
    return np.sum(waves, axis=0) / 3


def spoilt(truth, seed, *, early=9, scale=0.3, shift=0.4, spikes=0.05):
    """The same, ahead of time, scaled, shifted, and with spikes."""
    rng = np.random.default_rng(seed)
    ahead = truth[np.minimum(np.arange(len(truth)) + early, len(truth) - 1)]
    noise = np.where(rng.random(len(truth)) < spikes, rng.choice([-1, 1], len(truth)), 0.0)
    return shift + scale * ahead + noise


def partition(seeds, n=1500, **how):
    traces = [slow(n, seed) for seed in seeds]
    return [(truth, spoilt(truth, 100 + k, **how)) for k, truth in zip(seeds, traces, strict=True)]


def joined(recordings, chain):
    refined = [chain.apply(predicted) for _, predicted in recordings]
    return ccc(np.concatenate([truth for truth, _ in recordings]), np.concatenate(refined))


def test_spoilt_signal_is_restored_on_recordings_that_nothing_was_chosen_on():
    chain = fit_postprocessing(partition([1, 2, 3]))
    test = partition([4, 5])
    assert joined(test, PostProcessing()) < 0.4
    assert joined(test, chain) > 0.97
    assert chain.delay == 9
    assert chain.window > 1
    # What undoes shift and scale of the predictions without their spikes.
    assert chain.scale == pytest.approx(1 / 0.3, rel=0.1)
    assert chain.middle + chain.bias == pytest.approx(0.0, abs=0.1)


def test_signal_that_is_right_is_left_alone():
    recordings = [(truth, truth.copy()) for truth in (slow(500, 1), slow(300, 2))]
    assert fit_postprocessing(recordings) == PostProcessing()


def test_each_step_is_taken_alone_where_it_alone_helps():
    truth = slow(900, 3) - slow(900, 3).mean()
    shifted = fit_postprocessing([(truth, truth + 0.5)])
    assert (shifted.window, shifted.scale, shifted.delay) == (1, 1.0, 0)
    assert shifted.bias == pytest.approx(-0.5)
    scaled = fit_postprocessing([(truth, 0.5 * truth)])
    assert (scaled.window, scaled.bias, scaled.delay) == (1, 0.0, 0)
    assert scaled.scale == pytest.approx(2.0)
    early = fit_postprocessing([(np.roll(truth, 4)[4:], truth[4:])])
    assert (early.window, early.delay) == (1, 4)


def test_development_ccc_is_the_highest_of_all_combinations_and_never_below_doing_nothing():
    recordings = partition([6, 7], n=300, spikes=0.2)
    chain = fit_postprocessing(recordings)
    truth = np.concatenate([t for t, _ in recordings])
    scores = []
    windows, delays = choices(0.04)
    for window in windows:
        smooth = [medfilt(np.pad(p, window // 2, "edge"), window) for _, p in recordings]
        smooth = [s[window // 2 : len(s) - window // 2] for s in smooth]
        every = np.concatenate(smooth)
        for bias in (0.0, truth.mean() - every.mean()):
            for scale in (1.0, truth.std() / every.std()):
                for delay in delays:
                    late = [np.concatenate([np.full(delay, s[0]), s])[: len(s)] for s in smooth]
                    line = (np.concatenate(late) - every.mean()) * scale + every.mean() + bias
                    scores.append(ccc(truth, line))
    assert joined(recordings, chain) == pytest.approx(max(scores), abs=1e-8)
    assert max(scores) >= scores[0]


def test_median_filter_is_that_of_scipy_signal_inside_and_repeats_the_ends():
    values = np.random.default_rng(0).normal(size=40)
    padded = np.concatenate([np.full(3, values[0]), values, np.full(3, values[-1])])
    assert smoothed(values, 7).tolist() == medfilt(padded, 7)[3:-3].tolist()


@pytest.mark.parametrize("n", [0, 1, 4])
def test_recordings_shorter_than_window_and_shift_are_refined_too(n):
    chain = PostProcessing(window=11, bias=0.5, scale=2.0, delay=15)
    assert chain.apply(np.zeros(n)).tolist() == [0.5] * n


def test_labels_that_say_nothing_choose_nothing():
    predicted = slow(50, 1)
    assert fit_postprocessing([(np.full(50, 0.2), predicted)]) == PostProcessing()
    assert fit_postprocessing([(np.full(50, np.nan), predicted)]) == PostProcessing()
    assert fit_postprocessing([]) == PostProcessing()
    assert fit_postprocessing([(slow(50, 2), np.full(50, 0.2))]) == PostProcessing()


def test_frames_without_a_label_do_not_change_the_choice():
    truth, predicted = partition([1])[0]
    holes = truth.copy()
    holes[-200:] = np.nan
    predicted_other = predicted.copy()
    predicted_other[-180:] = 50.0  # away from what filter and shift can carry over
    assert fit_postprocessing([(holes, predicted)]) == fit_postprocessing(
        [(holes, predicted_other)]
    )
