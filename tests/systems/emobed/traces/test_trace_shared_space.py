"""Moments of both modalities in networks that are kept on request."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from trace_recordings import LATE, SETTINGS, recordings

from avlib.params import load
from avlib.runtime import tables
from avlib.systems.emobed.system import used_weights
from avlib.systems.emobed.tables import SHARED_FILE, SHARED_MOMENTS
from avlib.systems.emobed.traces import model as trace_model
from avlib.systems.emobed.traces.model import TraceModel
from avlib.systems.emobed.traces.shared_space import moment_spaces
from avlib.systems.emobed.traces.system import TracesSystem
from avlib.systems.emobed.traces.train_fold import _write_shared
from stages import train_traces

KEPT = {"keep_joint": True, "epochs": 2}


def fitted(system="emobed", target="audio", dimension="", **changes):
    auxiliary = {"audio": "video", "video": "audio"}[target]
    settings = used_weights(system, SETTINGS | KEPT | changes)
    if dimension:
        settings["dimensions"] = [dimension]
    model = TraceModel(
        target, None if system == "emobed_classic" else auxiliary, system=system, **settings
    )
    return model.fit(of(recordings(8, 0), dimension), of(recordings(3, 1), dimension))


def of(given, dimension):
    """Return recordings with the labels of one dimension, or of both."""
    if not dimension:
        return given
    column = [("arousal", "valence").index(dimension)]
    return [replace(recording, labels=recording.labels[:, column]) for recording in given]


def test_what_is_kept_stands_beside_a_network_that_is_as_it_was(tmp_path):
    found = {}
    for name in ("on", "off"):
        fitted(keep_joint=name == "on").save(tmp_path / name)
        found[name] = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
    assert set(found["on"]) - set(found["off"]) == {"joint_audio.safetensors"}
    for name in ("network.safetensors", "curves.csv"):
        assert found["on"][name] == found["off"][name]


def test_moments_are_embedded_as_a_forward_pass_does_and_beside_what_was_felt(tmp_path):
    fitted().save(tmp_path)
    model = TraceModel.load(tmp_path)
    test = recordings(3, 2)
    found = pd.DataFrame({k: list(v) for k, v in model.shared_space(test).items()})
    assert set(found["target"]) == {"audio"}
    standards = {"audio": model.standardiser_, **model.helping_}
    for modality, of in found.groupby("modality"):
        for recording in test:
            own = of[of["clip_id"] == recording.clip_id].sort_values("frame")
            # All moments but the last, which have no label of what is felt there.
            assert own["frame"].tolist() == list(range(len(recording.labels) - LATE))
            features = torch.from_numpy(standards[modality].apply(recording.features[modality]))
            output = model.joint_["audio"](modality, features[None])
            expected = output.embeddings[0].numpy()[own["frame"]]
            np.testing.assert_allclose(np.stack(own["embedding"]), expected, atol=1e-5)
            felt = recording.labels[own["frame"] + LATE] - model.middle_
            np.testing.assert_allclose(own[["arousal", "valence"]], felt, atol=1e-6)


def test_of_many_moments_some_are_taken_evenly(monkeypatch):
    model, test = fitted("emobed_classic"), recordings(6, 2)
    every = model.shared_space(test)
    monkeypatch.setattr(trace_model, "MOMENTS", 50)
    some = model.shared_space(test)
    n = len(every["frame"])
    assert n > 100
    step = -(-n // 50)
    np.testing.assert_array_equal(some["embedding"], every["embedding"][::step])
    assert set(some["modality"]) == {"audio"}


def test_validation_recordings_stand_in_for_test_recordings_without_labels(tmp_path):
    model, known = fitted(), recordings(3, 2)
    awaited = recordings(3, 3)
    for recording in awaited:
        recording.labels[:] = np.nan
    for name, test in (("test", known), ("validation", awaited), ("none", awaited)):
        parts = {"test": test, "validation": awaited if name == "none" else known}
        (tmp_path / name).mkdir()
        _write_shared(model, parts, tmp_path / name)
    assert set(tables.read_table(tmp_path / "test" / SHARED_FILE)["part"]) == {"test"}
    assert set(tables.read_table(tmp_path / "validation" / SHARED_FILE)["part"]) == {"validation"}
    assert not list((tmp_path / "none").iterdir())


def test_what_nobody_asks_for_is_in_no_recipe():
    params = load(train_traces.PARAMS)
    for asked in (False, True):
        traces = params.traces.model_copy(update={"keep_joint": asked})
        recipe = TracesSystem().recipe(
            "emobed-audio+geometry", params.model_copy(update={"traces": traces})
        )
        assert recipe.settings.get("keep_joint", "not there") == (asked or "not there")


@pytest.mark.parametrize("place", ["", "apart"])
def test_the_report_sets_both_modalities_into_one_plane(tmp_path, place):
    for dimension in ("arousal", "valence") if place else ("",):
        for name, model in (
            ("emobed_classic-audio", fitted("emobed_classic", dimension=dimension)),
            ("emobed_classic-geometry", fitted("emobed_classic", "video", dimension=dimension)),
            ("emobed-audio+geometry", fitted(dimension=dimension)),
        ):
            folder = tmp_path / name / "fold-0" / dimension
            folder.mkdir(parents=True)
            rows = model.shared_space(of(recordings(4, 2), dimension))
            rows["part"] = np.full(len(rows["frame"]), "test")
            tables.write_table(folder / SHARED_FILE, rows, SHARED_MOMENTS)
    (table,), (picture,) = moment_spaces(tmp_path, {})
    assert [tuple(row[:3]) for row in table.rows] == [
        (system, networks, dimension)
        for dimension in ("arousal", "valence")
        for system, networks in (
            ("emobed_classic", "audio and geometry"), ("emobed", "audio+geometry"),
        )
    ]  # fmt: skip
    for row in table.rows:
        assert 0 <= float(row[3]) < 2
        assert 0 <= float(row[4]) <= 100
        assert 30 < float(row[5]) < 90
    assert picture.name == "shared_space_geometry"
    assert all(f">{title}<" in picture.svg for title in ("sound, high", "face, low"))


def test_where_nothing_was_kept_there_is_nothing_to_show(tmp_path):
    assert moment_spaces(tmp_path, {}) == ([], [])
