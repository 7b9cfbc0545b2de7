import numpy as np
from test_gating import SETTINGS, clips

from avlib.systems.common.model import concatenate
from avlib.systems.gating.judge import by_training_clips
from avlib.systems.gating.model import GatingModel


def test_validation_clips_are_judged_by_training_clips_and_not_by_themselves(tmp_path):
    everything = clips(tmp_path / "clips", 7)
    train, validation = (everything.select(np.arange(*part)) for part in ((8,), (8, 14)))
    rng = np.random.default_rng(0)
    validation.emotion[:] = rng.permutation(validation.emotion)  # others' labels must not help
    settings = SETTINGS | {"neighbours": 1, "patience": 2, "softmax_epochs": 0}
    model = GatingModel(2, **settings).fit(train, validation)
    alone = model.predict_proba(validation).argmax(axis=1)
    np.testing.assert_array_equal(alone, validation.emotion)  # each is its own neighbour
    found = by_training_clips(model, train, validation).argmax(axis=1)
    embedded = model.embed(concatenate(train, validation)).gates
    last = np.hstack([values[:, -1] for values in embedded.values()])
    known, asked = last[: len(train)], last[len(train) :]
    nearest = np.linalg.norm(asked[:, None] - known[None], axis=2).argmin(axis=1)
    np.testing.assert_array_equal(found, train.emotion[nearest])
    np.testing.assert_array_equal(model.predict_proba(validation).argmax(axis=1), alone)
