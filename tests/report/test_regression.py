import numpy as np
import pytest
import torch
from torchmetrics.functional import concordance_corrcoef

from avlib.report.regression import partition_scores, pearson, rmse


def series(n=200, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.cumsum(rng.normal(size=n)) / 10
    return truth, 0.6 * truth + 0.2 + 0.3 * rng.normal(size=n)


def by_eq_9(truth, predicted):
    r = np.corrcoef(truth, predicted)[0, 1]
    gap = np.mean(truth) - np.mean(predicted)
    spread = np.std(truth) ** 2 + np.std(predicted) ** 2 + gap**2
    return 2 * r * np.std(truth) * np.std(predicted) / spread


def test_ccc_of_a_partition_is_that_of_the_joined_recordings_not_the_mean_of_theirs():
    first, second = series(100, 1), series(300, 2)
    second = (second[0] + 5, second[1] + 5)  # between recordings there is much to get right
    found = partition_scores([first, second])
    joined = [np.concatenate(pair) for pair in zip(first, second, strict=True)]
    assert found["ccc_concatenated"] == pytest.approx(by_eq_9(*joined), abs=1e-12)
    each = [by_eq_9(*first), by_eq_9(*second)]
    assert found["ccc_per_recording"] == pytest.approx(np.mean(each), abs=1e-12)
    assert found["ccc_concatenated"] > found["ccc_per_recording"] + 0.1
    assert found["pearson_concatenated"] == pytest.approx(np.corrcoef(*joined)[0, 1])
    assert found["rmse"] == pytest.approx(np.sqrt(((joined[0] - joined[1]) ** 2).mean()))
    assert (found["frames"], found["recordings"], found["recordings_total"]) == (400, 2, 2)


def test_recording_with_constant_labels_has_no_ccc_and_leaves_the_mean_alone():
    varied, constant = series(50), (np.full(50, 0.1), np.linspace(0, 1, 50))
    found = partition_scores([varied, constant])
    assert found["ccc_per_recording"] == pytest.approx(by_eq_9(*varied))
    assert (found["recordings"], found["recordings_total"], found["frames"]) == (1, 2, 100)


@pytest.mark.parametrize("recordings", [[], [(np.full(9, 0.3), np.arange(9.0))]])
def test_partition_whose_labels_never_vary_has_no_correlation(recordings):
    found = partition_scores(recordings)
    assert (
        found["ccc_concatenated"]
        is found["ccc_per_recording"]
        is found["pearson_concatenated"]
        is None
    )


def test_frames_without_a_label_count_nowhere():
    truth, predicted = series(80)
    holes = truth.copy()
    holes[::3] = np.nan
    kept = np.isfinite(holes)
    expected = partition_scores([(truth[kept], predicted[kept])])
    assert partition_scores([(holes, predicted)]) == expected
    assert rmse(np.full(3, np.nan), np.ones(3)) is None


def test_constant_prediction_of_varying_labels_scores_nothing():
    truth, _ = series()
    assert pearson(truth, np.full_like(truth, 0.1)) == 0.0


def test_prediction_that_is_no_number_is_refused_with_its_place():
    with pytest.raises(ValueError, match="prediction 2 is nan"):
        partition_scores([(np.arange(4.0), np.array([0, 1, np.nan, 2]))])


def test_ccc_is_that_of_torchmetrics_but_for_its_division_by_n_minus_1():
    truth, predicted = series(5000)
    found = partition_scores([(truth, predicted)])["ccc_concatenated"]
    oracle = concordance_corrcoef(torch.from_numpy(predicted), torch.from_numpy(truth))
    assert found == pytest.approx(float(oracle), abs=1e-3)
