"""Kept models are read back whole, or refused in one line; files of them are not trusted."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from kept_models import keep_by_hand

from avlib.recognizer import kept
from avlib.recognizer.archive import pack, unpack
from avlib.recognizer.recognizer import Recognizer
from avlib.registry import vector_models
from avlib.runtime.errors import DataError


@pytest.mark.parametrize("name", vector_models())
def test_every_system_of_vectors_says_the_same_after_it_was_packed_and_read_back(name, tmp_path):
    model, clips = keep_by_hand(tmp_path / "kept", name)
    pack(tmp_path / "kept", tmp_path / "model.zip")
    (tmp_path / "unpacked").mkdir()
    unpack(tmp_path / "model.zip", tmp_path / "unpacked")
    again = kept.read(tmp_path / "unpacked")
    assert again.name == name
    for allowed in {model.modalities, *((m,) for m in model.modalities)}:
        expected = model.predict_proba(clips, allowed)
        np.testing.assert_array_equal(again.model.predict_proba(clips, allowed), expected)


def test_equal_models_give_equal_files(by_hand, tmp_path):
    for name in ("a.zip", "b.zip"):
        pack(by_hand, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def change_facts(folder, **changes):
    path = folder / kept.FACTS
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("final.json", "final.json is missing"),
        ("model/state.npz", "state.npz is missing"),
        ("model/settings.json", "settings.json is missing"),
        ("encoders/audio.npz", "encoders/audio.npz is missing"),
    ],
)
def test_a_missing_part_is_one_line(kept_folder, part, said):
    (kept_folder / part).unlink()
    with pytest.raises(DataError, match=said) as error:
        kept.read(kept_folder)
    assert "\n" not in str(error.value)


def test_what_is_wrong_in_a_file_is_said_of_that_file(kept_folder, tmp_path):
    file = tmp_path / "handed_on.zip"
    pack(kept_folder, tmp_path / "whole.zip")
    with zipfile.ZipFile(tmp_path / "whole.zip") as whole, zipfile.ZipFile(file, "w") as less:
        for name in whole.namelist():
            if name != "encoders/audio.npz":
                less.writestr(name, whole.read(name))
    with pytest.raises(DataError) as error:
        Recognizer.load(file)
    assert str(error.value).startswith(f"{file}: encoders/audio.npz is missing")


@pytest.mark.parametrize("part", ["model/state.npz", "encoders/video.npz", "model/settings.json"])
def test_a_part_that_is_cut_short_is_one_line(kept_folder, part):
    whole = (kept_folder / part).read_bytes()
    (kept_folder / part).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot be read back"):
        kept.read(kept_folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 1}, f"is of format 1; expected {kept.FORMAT}"),
        ({"model": "nobody"}, "model 'nobody' is unknown here"),
        ({"emotions": ["anger"]}, "tells 2 emotions apart and final.json names 1"),
        ({"emotions": "anger"}, "emotions: Input should be a valid list"),
        ({"settings": {}}, "settings"),
        ({"face_network": "0" * 64}, "face_network.safetensors is missing"),
    ],
)
def test_facts_that_do_not_fit_are_one_line(kept_folder, changes, said):
    change_facts(kept_folder, **changes)
    with pytest.raises(DataError, match=said) as error:
        kept.read(kept_folder)
    assert "\n" not in str(error.value)


def test_settings_are_checked_as_those_of_params_yaml(kept_folder):
    settings = json.loads((kept_folder / kept.FACTS).read_text())["settings"]
    settings["video"]["model"] = "/etc"
    change_facts(kept_folder, settings=settings)
    with pytest.raises(DataError, match="model: Value error, expected a folder below data/weights"):
        kept.read(kept_folder)


def test_another_descriptor_than_the_encoders_were_fitted_on_is_one_line(kept_folder):
    settings = json.loads((kept_folder / kept.FACTS).read_text())["settings"]
    settings["audio"]["descriptor"] = "is10"
    change_facts(kept_folder, settings=settings)
    with pytest.raises(
        DataError, match=r"described by audio.is10_frames, but encoded as audio.log"
    ):
        kept.read(kept_folder)


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def test_pickles_are_never_loaded(kept_folder, monkeypatch):
    monkeypatch.chdir(kept_folder)
    array = np.array([Evil()], dtype=object)
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    with zipfile.ZipFile(kept_folder / "model/state.npz", "w") as archive:
        archive.writestr("evil.npy", file.getvalue())
    with pytest.raises(DataError, match="cannot be read back"):
        kept.read(kept_folder)
    assert not Path("executed").exists()
    pickle.loads(pickle.dumps(Evil()))  # as it would have been
    assert Path("executed").exists()


def test_arrays_of_an_absurd_size_are_refused_before_they_are_read(kept_folder, monkeypatch):
    monkeypatch.setattr(kept, "LARGEST", 100)
    with pytest.raises(DataError, match="expected at most 100"):
        kept.read(kept_folder)


@pytest.mark.parametrize(
    "name", ["../evil.json", "/tmp/evil.json", "a/../../evil.json", "a\\..\\evil.json", "code.py",
             "model.pkl"]
)  # fmt: skip
def test_an_archive_writes_nothing_outside_of_its_folder_and_nothing_else(name, tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(name, "{}")
    (tmp_path / "deep/er").mkdir(parents=True)
    with pytest.raises(DataError, match="is no part of a model"):
        unpack(tmp_path / "evil.zip", tmp_path / "deep/er")
    assert not list((tmp_path / "deep").rglob("*.*"))


def test_an_archive_of_absurd_size_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(101):
            archive.writestr(f"{i}.json", "")
    with pytest.raises(DataError, match="holds 101 files"):
        unpack(tmp_path / "bomb.zip", tmp_path)


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x03\x04 cut short"])
def test_what_is_no_archive_is_one_line(content, tmp_path):
    (tmp_path / "model.zip").write_bytes(content)
    with pytest.raises(DataError, match="is no whole file of `python -m avlib export`"):
        unpack(tmp_path / "model.zip", tmp_path / "to")


def test_an_archive_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(DataError, match="there is no such model"):
        unpack(tmp_path / "model.zip", tmp_path / "to")
