import importlib
import shutil
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path

import numpy as np
import pytest

from avlib.descriptors.audio_clip import audio_rows
from avlib.descriptors.tables import VIDEO
from avlib.descriptors.video_clip import video_rows
from avlib.faces.clip import face_rows
from avlib.fisher.fold import encode_fold
from avlib.runtime import memo, provenance
from avlib.runtime.memo import (
    Memo,
    Remembered,
    clip_key,
    code_fingerprint,
    link,
    save_clip,
)
from avlib.runtime.tables import conform, part_path, write_part
from avlib.speech.clip import speech_rows
from avlib.systems.common.train_fold import train_fold

ROOT = Path(memo.__file__).parents[2]


def rows(clip_id, seed=0):
    frames = np.arange(3)
    values = np.random.default_rng(seed).normal(size=(3, 4))
    columns = {"frame": frames, "time": frames / 25, "descriptor": values}
    return conform({"clip_id": [clip_id] * 3, **columns}, VIDEO)


@pytest.fixture
def memory(tmp_path):
    memory = Memo(tmp_path / ".memo", "video")
    with memory.locked():
        yield memory


def verdict(key):
    return Remembered(key, "ok", "", Path("clips") / key)


def make_part(folder, part, clip_ids):
    path = part_path(folder, part)
    write_part(path, [(clip_id, rows(clip_id)) for clip_id in clip_ids], VIDEO)
    return path


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "audio"},
        {"clip_id": "b"},
        {"digest": "e"},
        {"params": {"fps": 25, "size": [1, 3]}},
        {"params": {"fps": 25.5, "size": [1, 2]}},
        {"fingerprint": "g"},
    ],
)
def test_key_depends_on_everything_that_the_value_depends_on(change):
    given = {"stage": "video", "clip_id": "a", "digest": "d", "fingerprint": "f",
             "params": {"fps": 25, "size": [1, 2]}}  # fmt: skip
    assert clip_key(**given) != clip_key(**{**given, **change})
    assert clip_key(**given) == clip_key(**{**given, "params": {"size": (1, 2), "fps": 25}})


FUNCTIONS = (face_rows, speech_rows, video_rows, audio_rows, encode_fold, train_fold)
SYSTEMS = [".".join(path.with_suffix("").parts) for path in Path().glob("avlib/systems/*/model.py")]
MODULES = sorted({*(function.__module__ for function in FUNCTIONS), *SYSTEMS})


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A copy of the sources, to be changed: its folder and the fingerprints by module."""
    shutil.copytree("avlib", tmp_path / "avlib", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "_ROOT", tmp_path)
    functions = {}
    for name in MODULES:
        module = importlib.import_module(name)
        monkeypatch.setattr(
            module, "__file__", str(tmp_path / Path(module.__file__).relative_to(ROOT))
        )
        functions[name] = next(
            thing for thing in vars(module).values() if getattr(thing, "__module__", "") == name
        )
    return tmp_path, lambda: {name: code_fingerprint(thing) for name, thing in functions.items()}


def append(files, text):
    for file in files:
        with file.open("a") as end:
            end.write(text)


def test_fingerprint_follows_the_versions_of_libraries(monkeypatch):
    before = code_fingerprint(face_rows)
    assert code_fingerprint(face_rows) == before
    real = provenance.third_party
    monkeypatch.setattr(provenance, "third_party", lambda files: {**real(files), "numpy": "0"})
    assert code_fingerprint(face_rows) != before


def test_fingerprint_holds_what_a_function_reaches_by_name(house):
    root, _ = house
    before = code_fingerprint(face_rows), code_fingerprint(face_rows, speech_rows)
    append([root / "avlib/speech/vad.py"], "NEW = 1\n")
    after = code_fingerprint(face_rows), code_fingerprint(face_rows, speech_rows)
    assert after[0] == before[0] != before[1] != after[1]


@dataclass(frozen=True)
class Settings:
    size: int
    file: str = field(default="", compare=False)


def test_a_dataclass_stands_for_its_class_and_the_fields_that_are_compared():
    def key(params):
        return clip_key("video", "a", "d", params, "f")

    other = make_dataclass("Other", [("size", int)], frozen=True)
    assert key(Settings(1, "here")) == key(Settings(1, "there"))
    assert len({key(p) for p in (Settings(1), Settings(2), other(1), {"nested": Settings(1)})}) == 4
    with pytest.raises(TypeError, match="has no place in a key"):
        key({"size": object()})


def test_words_carriers_registries_and_what_is_new_leave_every_fingerprint(house):
    root, fingerprints = house
    before = fingerprints()
    append(root.rglob("*.py"), '\n\n# A comment.\n"""More words."""\n')
    carriers = set((root / "avlib/runtime").glob("*.py"))
    append([*carriers, root / "avlib/registry.py", root / "avlib/params.py"], "NEW = 1\n")
    (root / "avlib/faces/params.py").write_text("SIZE = 1\n")
    append([root / "avlib/faces/clip.py"], "from avlib.faces import params\n")
    with_import = fingerprints()
    (root / "avlib/faces/params.py").write_text("SIZE = 10\n")
    (root / "avlib/descriptors/new.py").write_text("from avlib.runtime.tables import Schema\n")
    assert fingerprints() == with_import
    assert {name for name in MODULES if with_import[name] != before[name]} == {"avlib.faces.clip"}


@pytest.mark.parametrize(
    ("changed", "concerned", "others"),
    [
        ("avlib/runtime/tables/schema.py", MODULES, []),
        ("avlib/speech/vad.py", ["avlib.speech.clip"], ["avlib.faces.clip", "avlib.fisher.fold"]),
        ("avlib/systems/svm/model.py", ["avlib.systems.svm.model"], ["avlib.systems.avef.model"]),
    ],
)
def test_code_changes_the_fingerprints_of_what_imports_it(house, changed, concerned, others):
    root, fingerprints = house
    before = fingerprints()
    append([root / changed], "NEW = 1\n")
    after = fingerprints()
    assert all(after[name] != before[name] for name in concerned)
    assert all(after[name] == before[name] for name in others)


def test_saved_clip_is_found_under_its_key_alone(memory):
    save_clip(memory.clip_path("k"), rows("a"), "degraded", "no voice")
    found = memory.find("a", "k")
    assert found == Remembered("k", "degraded", "no voice", memory.clip_path("k"))
    assert found.rows().equals(rows("a"))
    assert memory.find("a", "other") is None


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_value_cut_short_is_not_found(memory, keep):
    path = memory.clip_path("k")
    save_clip(path, rows("a"), "ok", "")
    path.write_bytes(path.read_bytes()[:keep])
    assert memory.find("a", "k") is None


def test_part_replaces_the_values_of_its_clips(memory, tmp_path):
    for clip_id in "ab":
        save_clip(memory.clip_path(f"key {clip_id}"), rows(clip_id), "ok", "")
    file = make_part(tmp_path, "S1", "ab")
    memory.keep_part("S1", file, {c: verdict(f"key {c}") for c in "ab"})
    assert list(memory.clips.iterdir()) == []
    again = Memo(tmp_path / ".memo", "video")
    found = again.find("b", "key b")
    assert (found.status, found.row_group) == ("ok", 1)
    assert found.rows().equals(rows("b"))
    assert found.path.samefile(file)


def test_parts_with_similar_names_do_not_disturb_each_other(memory, tmp_path):
    names = ["S1", "S1.x", "S1.x.json", "S", "[S1]", "*"]
    for i, name in enumerate(names):
        file = make_part(tmp_path, name, [f"c{i}"])
        memory.keep_part(name, file, {f"c{i}": verdict("old")})
    file = make_part(tmp_path, "S1", ["c0", "d"])
    memory.keep_part("S1", file, {c: verdict("new") for c in ("c0", "d")})
    memory.forget_all_but(names)
    again = Memo(tmp_path / ".memo", "video")
    assert again.find("d", "new")
    assert all(again.find(f"c{i}", "old") for i in range(1, len(names)))
    again.forget_all_but(["S1.x"])
    assert len(list(again.parts.iterdir())) == 2


def test_switch_to_a_new_part_is_one_step(memory, tmp_path, monkeypatch):
    """Killed between the new file and its sidecar, the old part is still whole and known."""
    memory.keep_part("S1", make_part(tmp_path, "S1", "a"), {"a": verdict("k")})

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(memo, "stamp", killed)
        with pytest.raises(KeyboardInterrupt):
            memory.keep_part("S1", make_part(tmp_path, "S1", "ab"), {"a": verdict("n")})
    assert Memo(tmp_path / ".memo", "video").find("a", "k")


def test_linking_a_file_to_itself_leaves_one_file(tmp_path):
    (tmp_path / "a").write_text("x")
    link(tmp_path / "a", tmp_path / "b")
    link(tmp_path / "a", tmp_path / "b")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]
    assert (tmp_path / "a").samefile(tmp_path / "b")
