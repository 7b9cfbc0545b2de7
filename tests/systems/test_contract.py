"""What every model promises, whichever paper it is of: a newly registered one is checked too.

It may need a line in `contract.TINY`, and one in `contract_clips.MAKERS` where its source is of a
new kind.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from contract import Case, Killed, Operations, OptimiserSteps, TraceCase, files
from contract_clips import N_CLASSES

from avlib import registry
from avlib.runtime.errors import DataError
from avlib.systems.common.model import BOTH, concatenate

# With transfer it is the same model, with weights to begin with.
EMOTIONS = {m: s for m, s in registry.models().items() if m != "avef_transfer"}
# Another description of faces is no other model.
TRACES = {m: registry.system("traces") for m in registry.system("traces").models
          if "appearance" not in m}  # fmt: skip
SYSTEMS = EMOTIONS | TRACES


def is_deep(name):
    return SYSTEMS[name].deep and name.partition("-")[0] != "svr"


def each(models, deep=(False, True)):
    return pytest.mark.parametrize(
        "case", [name for name in models if is_deep(name) in deep], indirect=True
    )


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """By name, each fitted once."""
    return {}, tmp_path_factory.mktemp("cases")


@pytest.fixture
def case(request, cases):
    known, folder = cases
    if (name := request.param) not in known:
        kind = TraceCase if name in TRACES else Case
        known[name] = kind(SYSTEMS[name], name, folder / name)
    return known[name]


@each(SYSTEMS)
def test_fit_returns_the_model_and_leaves_its_settings(case):
    assert case.returned is case.model
    assert case.recipe.settings == case.given


@each(SYSTEMS)
def test_saved_and_loaded_model_is_the_same(case, tmp_path):
    loaded = type(case.model).load(case.folder / "saved")
    np.testing.assert_equal(case.said(loaded), case.said(case.model))
    loaded.save(tmp_path)
    assert files(tmp_path) == case.saved


@each(SYSTEMS)
def test_fit_computes_nothing_in_a_way_of_one_maker_of_processors(case):
    assert not case.operations.of_a_maker()
    assert case.operations.found or not is_deep(case.recipe.name)


def test_what_is_computed_in_a_way_of_one_maker_is_seen():
    x, sequence = torch.rand(3, requires_grad=True), torch.rand(1, 2, 3)
    x.sum().backward()
    ways = {
        "sqrt": [x.sqrt, lambda: x**0.5, torch.optim.Adam([x]).step],
        "log": [x.double().log],
        "log2": [x.log2],
        "log10": [x.log10],
        "mkldnn_rnn_layer": [lambda: torch.nn.LSTM(3, 3)(sequence)],
        None: [x.log, x.rsqrt, lambda: x**2, torch.optim.Adam([x], fused=True).step],
    }
    for name, computations in ways.items():
        for compute in computations:
            with Operations() as operations:
                compute()
            assert operations.of_a_maker() == ({name} if name else set())


@each(SYSTEMS)
def test_two_fits_give_the_same_bytes(case, tmp_path):
    case.unfitted().fit(case.train, case.validation).save(tmp_path)
    assert files(tmp_path) == case.saved


@each(SYSTEMS, deep=(True,))
def test_killed_and_resumed_training_ends_with_the_same_bytes(case, tmp_path, monkeypatch):
    monkeypatch.setattr("avlib.networks.train_network.SAVE_EVERY", 0.0)
    in_the_last_epochs = case.steps.taken * 3 // 4
    models = [case.unfitted(), case.unfitted()]
    for model in models:
        model.checkpoints = tmp_path / "fold-0"
    with OptimiserSteps(until=in_the_last_epochs), pytest.raises(Killed):
        models[0].fit(case.train, case.validation)
    with OptimiserSteps() as resumed:
        models[1].fit(case.train, case.validation)
    assert resumed.taken < case.steps.taken
    models[1].save(tmp_path / "saved")
    assert files(tmp_path / "saved") == case.saved


@each(EMOTIONS, deep=(True,))
def test_without_patience_validation_clips_are_training_clips(case, tmp_path):
    assert case.recipe.settings["patience"] is None
    everything = concatenate(case.train, case.validation)
    case.unfitted().fit(everything, everything.select([])).save(tmp_path)
    assert files(tmp_path) == case.saved


@each(EMOTIONS)
def test_probabilities_are_finite_and_sum_to_one(case):
    test = case.clips(6, 3)
    for allowed in case.conditions():
        probabilities = case.model.predict_proba(test, allowed)
        assert probabilities.shape == (6, N_CLASSES)
        assert (probabilities >= 0).all()
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert case.model.predict_proba(test.select([])).shape == (0, N_CLASSES)


@each(EMOTIONS)
def test_clip_without_a_modality_is_scored_from_the_other(case):
    whole, some = case.clips(6, 3), case.clips(6, 3, audio=[0, 1], video=[2, 3])
    for there, rows in {("video",): [0, 1], ("audio",): [2, 3], BOTH: [4, 5]}.items():
        allowed = tuple(m for m in there if m in case.used)
        assert case.model.scorable(some)[rows].tolist() == [bool(allowed)] * 2
        if allowed:
            found = case.model.predict_proba(some.select(rows))
            expected = case.model.predict_proba(whole.select(rows), allowed)
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@each(EMOTIONS)
def test_clip_without_a_usable_modality_is_refused_by_name(case):
    lost = case.clips(6, 3, audio=[1], video=[1])
    assert case.model.scorable(lost).tolist() == [k != 1 for k in range(6)]
    with pytest.raises(DataError, match="clip 3-01 has none of audio, video"):
        case.model.predict_proba(lost)
    for modality in set(BOTH) - set(case.used):
        assert not case.model.scorable(lost, (modality,)).any()


@each(EMOTIONS)
def test_embeddings_are_nan_where_a_clip_lacks_what_a_space_needs(case):
    whole, some = case.clips(6, 3), case.clips(6, 3, audio=[0, 1], video=[2, 3])
    rows = np.flatnonzero(case.model.scorable(some))
    expected, found = (case.model.embeddings(clips.select(rows)) for clips in (whole, some))
    needed = {"audio": ("audio",), "video": ("video",), "joint": case.used}
    for space, values in found.items():
        assert values.dtype == np.float32
        there, top = some.select(rows).has(needed[space]), np.abs(expected[space]).max()
        np.testing.assert_allclose(values[there], expected[space][there], 1e-4, 1e-5 * top)
        assert np.isnan(values[~there]).all()


@each(EMOTIONS)
def test_training_clips_of_one_emotion_are_refused(case):
    parts = (part.select(part.emotion == 0) for part in (case.train, case.validation))
    with pytest.raises(DataError, match=r"at least two|two at least"):
        case.unfitted().fit(*parts)


# Streams are integers; of frames that become functionals, the source leaves out what is NaN.
@each(EMOTIONS, deep=(False,))
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vector_that_is_not_finite_names_its_clip(case, value):
    modality = case.used[0]
    spoilt = []
    for clips in (case.train, case.clips(6, 3)):
        features = {m: values.copy() for m, values in clips.features.items()}
        features[modality][4, 0] = value
        spoilt.append(replace(clips, features=features))
    train, test = spoilt
    with pytest.raises(DataError, match=f"{modality} vector of clip 1-04 is not finite"):
        case.unfitted().fit(train, case.validation)
    with pytest.raises(DataError, match=f"{modality} vector of clip 3-04 is not finite"):
        case.model.predict_proba(test)
