from importlib.util import find_spec

import numpy as np
import pytest

from avlib.descriptors.tables import VISUAL
from avlib.runtime import memo, per_clip, provenance
from avlib.runtime.memo import (
    Entry,
    Memo,
    Reader,
    clip_key,
    code_fingerprint,
    link,
    save_clip,
)
from avlib.runtime.tables import conform, part_path, write_part


def rows(clip_id, seed=0):
    frames = np.arange(3)
    values = np.random.default_rng(seed).normal(size=(3, 4))
    columns = {"frame": frames, "time": frames / 25, "descriptor": values}
    return conform({"clip_id": [clip_id] * 3, **columns}, VISUAL)


@pytest.fixture
def memory(tmp_path):
    memory = Memo(tmp_path / ".memo", "visual")
    with memory.locked():
        yield memory


def make_part(folder, part, clip_ids):
    path = part_path(folder, part)
    write_part(path, [(clip_id, rows(clip_id)) for clip_id in clip_ids], VISUAL)
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
    given = {"stage": "visual", "clip_id": "a", "digest": "d", "fingerprint": "f",
             "params": {"fps": 25, "size": [1, 2]}}  # fmt: skip
    assert clip_key(**given) != clip_key(**{**given, **change})
    assert clip_key(**given) == clip_key(**{**given, "params": {"size": (1, 2), "fps": 25}})


def test_fingerprint_follows_sources_and_versions_but_not_the_carriers(tmp_path, monkeypatch):
    def fingerprint():
        return code_fingerprint(per_clip.run_clipwise)

    before = fingerprint()
    assert fingerprint() == before
    real = provenance.third_party
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "third_party", lambda files: {**real(files), "numpy": "0"})
        assert fingerprint() != before
    files = provenance.imported_files("avlib.runtime.per_clip", without=memo.CARRIERS)
    assert {f.name for f in files} == {"__init__.py", "per_clip.py", "schema.py"}
    assert all(find_spec(name) for name in memo.CARRIERS)


def test_saved_clip_is_found_under_its_key_alone(memory):
    save_clip(memory.entry_path("k"), rows("a"), "degraded", "no voice")
    entry, place = memory.find("a", "k")
    assert entry == Entry("k", "degraded", "no voice")
    with Reader() as reader:
        assert reader.rows(place).equals(rows("a"))
    assert memory.find("a", "other") is None


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_value_cut_short_is_not_found(memory, keep):
    path = memory.entry_path("k")
    save_clip(path, rows("a"), "ok", "")
    path.write_bytes(path.read_bytes()[:keep])
    assert memory.find("a", "k") is None


def test_part_replaces_the_values_of_its_clips(memory, tmp_path):
    for clip_id in "ab":
        save_clip(memory.entry_path(f"key {clip_id}"), rows(clip_id), "ok", "")
    file = make_part(tmp_path, "S1", "ab")
    memory.keep_part("S1", file, {c: Entry(f"key {c}", "ok", "") for c in "ab"})
    assert list(memory.clips.iterdir()) == []
    again = Memo(tmp_path / ".memo", "visual")
    entry, place = again.find("b", "key b")
    assert (entry.status, place.row_group) == ("ok", 1)
    with Reader() as reader:
        assert reader.rows(place).equals(rows("b"))
    assert place.path.samefile(file)


def test_parts_with_similar_names_do_not_disturb_each_other(memory, tmp_path):
    names = ["S1", "S1.x", "S1.x.json", "S", "[S1]", "*"]
    for i, name in enumerate(names):
        file = make_part(tmp_path, name, [f"c{i}"])
        memory.keep_part(name, file, {f"c{i}": Entry("old", "ok", "")})
    file = make_part(tmp_path, "S1", ["c0", "d"])
    memory.keep_part("S1", file, {c: Entry("new", "ok", "") for c in ("c0", "d")})
    memory.forget_all_but(names)
    again = Memo(tmp_path / ".memo", "visual")
    assert again.find("d", "new")
    assert all(again.find(f"c{i}", "old") for i in range(1, len(names)))
    again.forget_all_but(["S1.x"])
    assert len(list(again.parts.iterdir())) == 2


def test_switch_to_a_new_part_is_one_step(memory, tmp_path, monkeypatch):
    """Killed between the new file and its sidecar, the old part is still whole and known."""
    memory.keep_part("S1", make_part(tmp_path, "S1", "a"), {"a": Entry("k", "ok", "")})

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(memo, "stamp", killed)
        with pytest.raises(KeyboardInterrupt):
            memory.keep_part("S1", make_part(tmp_path, "S1", "ab"), {"a": Entry("n", "ok", "")})
    assert Memo(tmp_path / ".memo", "visual").find("a", "k")


def test_linking_a_file_to_itself_leaves_one_file(tmp_path):
    (tmp_path / "a").write_text("x")
    link(tmp_path / "a", tmp_path / "b")
    link(tmp_path / "a", tmp_path / "b")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]
    assert (tmp_path / "a").samefile(tmp_path / "b")
