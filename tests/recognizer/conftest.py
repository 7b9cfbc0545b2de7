"""Kept models: made by hand from random numbers, and by the pipeline's stages from sounds."""

import shutil
from pathlib import Path

import pytest
import yaml
from kept_models import EMOTIONS, STAGES, buzz, keep_by_hand, run_stage, tiny_values, write_sound


@pytest.fixture(scope="session")
def by_hand(tmp_path_factory):
    """The folder of a kept `svm_concat`; tests must leave it as it is."""
    folder = tmp_path_factory.mktemp("kept") / "svm_concat"
    keep_by_hand(folder, "svm_concat")
    return folder


@pytest.fixture
def kept_folder(by_hand, tmp_path):
    """A copy of it, to change at will."""
    return Path(shutil.copytree(by_hand, tmp_path / "kept"))


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """Six people who buzz and hum, from recordings to `svm_audio`, kept; its folder."""
    folder = tmp_path_factory.mktemp("project")
    values = tiny_values(
        corpus="mine",
        modalities=["audio"],
        protocol={"k": 2},
        final={"systems": ["svm_audio"]},
    )
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    rows = ["path,subject,emotion"]
    for subject in "abcdef":
        for emotion in EMOTIONS:
            for take in range(2):
                name = f"{subject}_{emotion}_{take}.wav"
                sound = buzz(emotion, 10 * ord(subject) + take)
                write_sound(folder / "data/raw/mine" / name, sound)
                rows.append(f"{name},{subject},{emotion}")
    (folder / "data/raw/mine/clips.csv").write_text("\n".join(rows) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("AVLIB_WORKERS", "0")
        for stage in STAGES:
            run_stage(stage)
        run_stage("final", "svm_audio")
    return folder
