"""Linear SVR over time, the baseline."""

import numpy as np
import pytest
from scipy.optimize import minimize
from trace_recordings import recordings

from avlib.report.regression import partition_scores
from avlib.runtime.errors import DataError
from avlib.systems.emobed.traces.svr import EPSILON, TraceSVR

HOW = {"system": "svr", "delay": 0.2, "step": 0.04}


def fitted(c=(0.1, 10.0, 1000.0), **changes):
    model = TraceSVR("audio", c=list(c), **{**HOW, **changes})
    return model.fit(recordings(12, 0), recordings(4, 1))


def scores(model, test):
    found = [refined for _, refined in model.predict(test)]
    return [
        partition_scores([(r.labels[:, k], f[:, k]) for r, f in zip(test, found, strict=True)])
        for k in range(2)
    ]


def test_it_follows_what_is_linear_in_the_features():
    for of_dimension in scores(fitted(), recordings(6, 2)):
        assert of_dimension["ccc_concatenated"] > 0.7


def test_its_weights_minimise_the_objective_on_what_the_labels_were_given_for():
    train, late, c = recordings(12, 0), round(HOW["delay"] / HOW["step"]), 30.0
    model = fitted(c=[c])
    x = np.concatenate([r.features["audio"] for r in train]).astype(float)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    kept = np.concatenate([np.arange(len(r.labels)) < len(r.labels) - late for r in train])
    x = np.column_stack([x, np.ones(len(x))])[kept]
    for k in range(2):
        y = np.concatenate([r.labels[late:, k] for r in train])

        def objective(w, y=y):
            beyond = np.maximum(np.abs(y - x @ w) - EPSILON, 0)
            return w @ w / 2 + c / len(y) * np.square(beyond).sum()

        best = minimize(objective, np.zeros(x.shape[1]), method="L-BFGS-B", tol=1e-12)
        np.testing.assert_allclose(model.weights_[k], best.x, atol=2e-3)


def test_c_is_what_scores_best_on_the_validation_recordings():
    model = fitted(c=[1e-6, 10.0])
    assert model.chosen_["c"] == {"arousal": 10.0, "valence": 10.0}
    assert fitted(c=[10.0, 10.0]).chosen_["c"] == {"arousal": 10.0, "valence": 10.0}


def test_it_is_kept_whole(tmp_path):
    model, test = fitted(), recordings(2, 2)
    model.save(tmp_path)
    again = TraceSVR.load(tmp_path).predict(test)
    for one, two in zip(model.predict(test), again, strict=True):
        np.testing.assert_array_equal(one, two)


def test_labels_that_do_not_outlast_the_delay_are_an_error():
    with pytest.raises(DataError, match=r"svr, audio: none of the 12 training .* later than 9 s"):
        fitted(delay=9.0)
