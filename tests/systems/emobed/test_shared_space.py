"""Networks of both modalities that are kept on request, and the test clips in them."""

import numpy as np
import pytest
import torch
from emobed_clips import SIZES, make_clips

from avlib.params import load
from avlib.runtime import tables
from avlib.systems.common.model import showing
from avlib.systems.emobed.joint import KeepsJoint
from avlib.systems.emobed.model import EmoBedModel
from avlib.systems.emobed.params import PAPER
from avlib.systems.emobed.report import emobed_section
from avlib.systems.emobed.system import EmoBedSystem, used_weights
from avlib.systems.emobed.tables import SHARED_FILE, SHARED_SPACE
from stages import train_emobed

SETTINGS = PAPER | {
    "recipe": "paper",
    "hidden": 7,
    "layers": 1,
    "alpha": 0.5,
    "beta_audio": 0.3,
    "beta_video": 0.8,
    "margin": 1.0,
    "batch_size": 8,
    "learning_rate": 0.01,
    "weight_decay": 1e-4,
    "epochs": 2,
    "patience": None,
    "seed": 0,
}
KEPT = {"keep_joint": True}


def fitted(system="emobed", modalities=("audio", "video"), helping=None, **changes):
    train = make_clips(24, video=[3], audio=[5])
    model = EmoBedModel(3, modalities, system=system, **used_weights(system, SETTINGS | changes))
    return model.fit(train, train.select([]), helping)


def files(model, folder):
    model.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_kept_stands_beside_a_model_that_is_as_it_was(tmp_path):
    without, with_joint = (
        files(fitted(**changes), tmp_path / name) for name, changes in (("off", {}), ("on", KEPT))
    )
    assert set(with_joint) - set(without) == {"joint_audio.safetensors", "joint_video.safetensors"}
    # Settings say that it was asked for.
    same = set(without) - {"settings.json"}
    assert all(with_joint[name] == without[name] for name in same)
    # Twice the same bytes.
    assert files(fitted(**KEPT), tmp_path / "again") == with_joint


def test_a_kept_network_embeds_both_modalities_as_its_forward_pass_does(tmp_path):
    for pooling in ("last", "mean"):
        fitted(**KEPT, pooling=pooling).save(tmp_path / pooling)
        model = EmoBedModel.load(tmp_path / pooling)
        clips = make_clips(9, seed=3, video=[2])
        found = model.shared_space(clips)
        assert list(found) == list(SHARED_SPACE.columns)
        kinds = list(zip(found["target"], found["modality"], strict=True))
        assert [kinds.count((t, m)) for t in SIZES for m in SIZES] == [9, 8, 9, 8]
        for target, modality, clip_id, embedding in zip(*found.values(), strict=True):
            (row,) = np.flatnonzero(clips.clip_id == clip_id)
            standard = model.standardisers_[modality]
            features = (clips.sequences[modality][row] - standard.mean) / standard.scale
            steps = model.joint_[target](modality, torch.tensor(features[None]).float()).embeddings
            expected = steps[0, -1] if pooling == "last" else steps[0].mean(0)
            assert embedding == pytest.approx(expected.numpy(), abs=1e-5)
        own = model.embeddings(clips)
        for target in SIZES:
            rows = found["embedding"][[kind == (target, target) for kind in kinds]]
            np.testing.assert_array_equal(rows, own[target][clips.has((target,))])


def test_the_classic_system_has_a_network_for_each_and_nothing_to_keep(tmp_path):
    model = fitted("emobed_classic", **KEPT)
    assert not model.joint_
    assert not list(tmp_path.glob("joint*"))
    clips = make_clips(9, seed=3)
    found = model.shared_space(clips)
    assert (found["target"] == found["modality"]).all()
    assert sorted(set(found["target"])) == ["audio", "video"]


def test_a_corpus_that_only_helps_is_kept_with_the_voices_it_helped(tmp_path):
    faces = showing(make_clips(30, seed=7), "video")
    fitted(modalities=("audio",), helping=faces, **KEPT).save(tmp_path)
    model = EmoBedModel.load(tmp_path)
    assert set(model.joint_["audio"].specific) == {"audio", "video"}
    voices = showing(make_clips(6, seed=8), "audio")
    assert set(model.shared_space(voices)["modality"]) == {"audio"}
    assert set(model.shared_space(make_clips(6, seed=8))["modality"]) == {"audio", "video"}
    assert model.predict_proba(voices).shape == (6, 3)


def test_what_nobody_asks_for_is_in_no_recipe():
    params = load(train_emobed.PARAMS)
    for asked in (False, True):
        emobed = params.emobed.model_copy(update={"keep_joint": asked})
        settings = EmoBedSystem().recipe("emobed", params.model_copy(update={"emobed": emobed}))
        assert settings.settings.get("keep_joint", "not there") == (asked or "not there")


def test_keeping_is_of_networks_that_had_help():
    assert issubclass(EmoBedModel, KeepsJoint)
    assert set(fitted("emobed_joint", **KEPT).joint_) == {"audio", "video"}
    assert not fitted("emobed", ("audio",), **KEPT).joint_
    assert not fitted("emobed", alpha=0.0, beta_audio=0.0, **KEPT).joint_.keys() & {"audio"}


def write_spaces(project, run, system, gap, targets=("audio", "video")):
    """Two folds of test clips: faces lie `gap` from voices, emotions where they are in both."""
    rng = np.random.default_rng(0)
    tested = run.folds[run.folds["part"] == "test"].merge(run.clips, on="clip_id")
    for fold, clips in tested.groupby("fold"):
        rows = {name: [] for name in SHARED_SPACE.columns}
        for target in targets:
            for modality in ("audio", "video") if system != "emobed_classic" else (target,):
                place = clips["emotion"].rank(method="dense").to_numpy()[:, None] * [4, 0]
                place = place + rng.normal(size=place.shape) + [0, gap * (modality == "video")]
                for clip, values in zip(clips["clip_id"], place, strict=True):
                    for name, value in zip(rows, (target, modality, clip, values), strict=True):
                        rows[name].append(value)
        file = project / f"data/models/{system}/fold-{fold}" / SHARED_FILE
        file.parent.mkdir(parents=True, exist_ok=True)
        rows["embedding"] = np.stack(rows["embedding"])
        tables.write_table(file, rows, SHARED_SPACE)


@pytest.fixture
def kept(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_spaces(tmp_path, tiny, "emobed_classic", 50)
    write_spaces(tmp_path, tiny, "emobed", 0)
    systems = ("emobed_classic", "emobed")
    return {s: tiny.predict(s, ("audio", "video", "default")) for s in systems}


def test_the_report_draws_one_plane_and_says_how_the_modalities_mix(tiny, kept):
    section = emobed_section(tiny.data(kept))
    table = section.tables[-1]
    mixed = {tuple(row[:2]): row[2:] for row in table.rows}
    assert set(mixed) == {
        ("emobed_classic", "each its own"), ("emobed", "for audio"), ("emobed", "for video"),
    }  # fmt: skip
    assert mixed["emobed_classic", "each its own"][0] == "0.00 ± 0.00"
    for target in ("audio", "video"):
        mixing, across, chance, points = mixed["emobed", f"for {target}"]
        assert float(mixing.split()[0]) == pytest.approx(1, abs=0.25)
        # Of six clips of the other person two are alike, and five are near.
        assert (across, chance) == ("40.0 ± 0.0", "33.3 ± 0.0")
        assert points == "72"
    (picture,) = [p for p in section.pictures if p.name == "shared_space"]
    assert picture.svg == emobed_section(tiny.data(kept)).pictures[-1].svg
    assert "emobed, for video: mixing" in picture.alt
    assert "Schilling 1986" in " ".join(section.text)


def test_where_nothing_was_kept_the_report_is_as_before(tiny, kept, tmp_path):
    for file in tmp_path.rglob(SHARED_FILE):
        file.unlink()
    section = emobed_section(tiny.data(kept))
    assert not section.pictures
    assert "Schilling" not in " ".join(section.text)


def test_one_modality_alone_is_no_plane(tiny, kept, tmp_path):
    for file in tmp_path.rglob(SHARED_FILE):
        rows = tables.read_table(file)
        rows = rows[(rows["target"] == "audio") & (rows["modality"] == "audio")]
        tables.write_table(file, replace_vectors(rows), SHARED_SPACE)
    section = emobed_section(tiny.data(kept))
    assert not section.pictures
    assert all(table.columns[0] != "in one space" for table in section.tables)


def replace_vectors(rows):
    columns = {name: rows[name].to_numpy() for name in SHARED_SPACE.columns if name != "embedding"}
    return columns | {"embedding": tables.vectors(rows["embedding"])}
