"""A joined corpus under DVC: what changes in a member's folder is seen."""

import pandas as pd
import pytest
from builders import write_media
from checkout import copy_project

pytestmark = pytest.mark.pipeline


def add(folder, subject, emotion):
    """Add a clip to a user's own corpus."""
    write_media(folder / f"{subject}_{emotion}.wav", seconds=0.3, sample_rate=16000)
    table = folder / "clips.csv"
    before = table.read_text() if table.is_file() else "path,subject,emotion\n"
    table.write_text(f"{before}{subject}_{emotion}.wav,{subject},{emotion}\n")


def test_clips_are_listed_anew_when_a_members_recordings_change(tmp_path, starter):
    checkout = copy_project(tmp_path / "project")
    checkout.starter = starter
    raw, elsewhere = checkout.folder / "data/raw", tmp_path / "elsewhere"
    for folder in (raw / "one", elsewhere):
        for subject in "abc":
            for emotion in ("joy", "fear"):
                add(folder, subject, emotion)
    (raw / "two").symlink_to(elsewhere, target_is_directory=True)
    (raw / "both").mkdir()
    (raw / "both/corpus.yaml").write_text("members: {one: , two: {labels: {fear: null}}}\n")
    checkout.set(corpus="both", members=["one", "two"], modalities=["audio"])
    checkout.dvc("repro", "clips")
    clips = pd.read_parquet(checkout.folder / "data/clips.parquet")
    assert clips["corpus"].value_counts().to_dict() == {"one": 6, "two": 6}
    add(elsewhere, "d", "joy")
    said = checkout.dvc("repro", "clips").stdout
    assert "Running stage 'members@two'" in said
    assert "Stage 'members@one' didn't change, skipping" in said
    clips = pd.read_parquet(checkout.folder / "data/clips.parquet")
    assert "two-d_joy" in set(clips["clip_id"])
    assert "up to date" in checkout.dvc("repro", "clips").stdout
    assert not checkout.run("git", "status", "--short", "data").stdout
