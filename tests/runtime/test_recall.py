"""Clips that DVC's cache has, in a clone without a memory."""

import shutil
from pathlib import Path

import pytest
from dvc.repo import Repo
from test_per_clip import describe

from avlib.descriptors.tables import VIDEO
from avlib.runtime import paths
from avlib.runtime.per_clip import ClipTask, run_per_clip
from avlib.runtime.tables import clip_refs

OUT, STATUS = Path("data/faces"), Path("data/status.parquet")
VIEW = Path("data/video_views/again")
DVC_YAML = """\
stages:
  faces:
    cmd: "true"
    outs: [data/faces, data/keys/faces]
  views:
    cmd: "true"
    outs: [data/video_views, data/keys/views]
"""


def task(clip, **payload):
    facts = {"clip": clip, "log": "log", **payload}
    return ClipTask(clip, clip[0], f"digest of {clip}", facts)


TASKS = [task(f"{subject}{i}") for subject in ("a", "b/") for i in range(3)]
TASKS.append(task("b/3", trouble="degraded"))


def run(tasks=TASKS, fps=25, out=OUT, table="faces", stage="faces"):
    """Run the stage as DVC does, which removes its outputs."""
    shutil.rmtree("data", ignore_errors=True)
    keys_file = paths.keys_file(stage, table)
    return run_per_clip(
        table, describe, tasks, out=out, status=STATUS, keys_file=keys_file, schema=VIDEO,
        params={"fps": fps}, max_failed_fraction=0.0,
    )  # fmt: skip


def of_table():
    return {ref.clip_id: ref.digest for ref in clip_refs(OUT)}


@pytest.fixture
def pulled(tmp_path, monkeypatch):
    """A folder as after `git clone` and `dvc pull`: lock and cache, and no memory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    repo = Repo.init(no_scm=True)
    Path("dvc.yaml").write_text(DVC_YAML)
    assert run().computed == 7
    repo.commit("faces", force=True)
    shutil.rmtree(".memo")
    return repo


def test_a_changed_clip_is_the_only_one_computed(pulled):
    before, status = of_table(), STATUS.read_bytes()
    summary = run()
    assert (summary.computed, summary.remembered, summary.degraded) == (0, 7, 1)
    assert of_table() == before
    assert STATUS.read_bytes() == status
    shutil.rmtree(".memo")
    changed = ClipTask("a1", "a", "another digest", {"clip": "a1", "log": "log"})
    assert run([changed, *(t for t in TASKS if t.clip_id != "a1")]).computed == 1


def test_so_is_one_of_a_table_in_an_output_of_several(pulled):
    view = {"out": VIEW, "table": "views.again", "stage": "views"}
    assert run(**view).computed == 7
    pulled.commit("views", force=True)
    shutil.rmtree(".memo")
    assert run(**view).remembered == 7


def test_other_parameters_compute_all(pulled):
    assert run(fps=10).computed == 7


def test_keys_do_not_depend_on_where_the_clips_came_from(pulled):
    run()
    first = paths.keys_file("faces").read_bytes()
    shutil.rmtree(".memo")
    pulled.close()
    shutil.rmtree(".dvc")
    assert run().computed == 7  # no cache, no recollection
    assert paths.keys_file("faces").read_bytes() == first


def test_a_table_that_was_never_pulled_is_computed(pulled):
    (listing,) = Path(".dvc/cache").rglob(f"{_digest(pulled)}")
    listing.unlink()
    assert run().computed == 7


def _digest(repo):
    (out,) = (o for o in repo.index.outs if str(o) == "data/faces")
    return out.hash_info.value[2:]
