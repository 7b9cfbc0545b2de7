"""Corpora as their users have them: linked, partly broken, partly without a modality."""

import json

import av
import numpy as np
import pandas as pd
import pytest
from excerpts import excerpt

from avlib import media

pytestmark = pytest.mark.pipeline

CODES = {"neutral": 1, "happiness": 3, "sadness": 4, "anger": 5, "fear": 6, "disgust": 7}


def as_ravdess(checkout, folder):
    """Give the demo's clips RAVDESS's names."""
    labels = pd.read_csv(checkout.folder / "data/raw/demo/clips.csv")
    for row in labels.itertuples():
        actor = int(row.subject.lstrip("S"))
        name = f"01-01-{CODES[row.emotion]:02}-01-01-01-{actor:02}"
        source = checkout.folder / "data/raw/demo" / row.path
        excerpt(source, folder / f"Actor_{actor:02}" / f"{name}.mp4")
    return folder


def as_sound(checkout, folder):
    """Make a corpus of the user's own: the demo's sound, and a table of it."""
    labels = pd.read_csv(checkout.folder / "data/raw/demo/clips.csv")
    labels["sound"] = [f"sound/{number}.wav" for number in range(len(labels))]
    (folder / "sound").mkdir(parents=True)
    for row in labels.itertuples():
        signal = media.read_audio(checkout.folder / "data/raw/demo" / row.path)
        media.write_clip(folder / row.sound, None, 25, signal, 16000, audio_codec="pcm_s16le")
    table = labels[["sound", "subject", "emotion"]].rename(columns={"sound": "path"})
    table.to_csv(folder / "clips.csv", index=False)


def link_corpus(checkout, folder):
    """Point data/raw/ravdess at a folder that lies elsewhere."""
    (checkout.folder / "data/raw/ravdess").symlink_to(folder, target_is_directory=True)


def statuses(checkout):
    """Status and reason of every clip in every stage."""
    folder = checkout.folder / "data/status"
    table = pd.concat(pd.read_parquet(path) for path in folder.glob("*.parquet"))
    return {(row.clip_id, row.stage): (row.status, row.reason) for row in table.itertuples()}


def remux_without(path, kind):
    """Drop the audio or the video stream of a file."""
    with av.open(str(path)) as source:
        frames = [f.to_ndarray(format="rgb24") for f in source.decode(video=0)]
    signal = media.read_audio(path)
    media.write_clip(
        path,
        None if kind == "video" else frames,
        25,
        None if kind == "audio" else signal,
        16000,
    )


@pytest.fixture
def broken(finished, tmp_path):
    """An audio-visual RAVDESS in which something is wrong with eight of its clips."""
    folder = as_ravdess(finished, tmp_path / "elsewhere")
    files = sorted((folder / "Actor_06").iterdir())
    files[0].write_bytes(b"")
    files[1].write_bytes(files[1].read_bytes()[:500])
    files[2].rename(files[2].with_name("my favourite.mp4"))
    remux_without(files[3], "audio")
    remux_without(files[4], "video")
    media.write_clip(files[5], [np.full((120, 160, 3), 90, np.uint8)] * 20, 25,
                     np.zeros(16000), 16000)  # fmt: skip
    one = sorted((folder / "Actor_05").iterdir())[0]
    media.write_clip(one, [np.full((121, 99, 3), 90, np.uint8)], 25, np.zeros(100), 16000)
    return folder, files, one


def test_broken_clips_cost_nobody_else_anything_and_are_accounted_for(clone, broken):
    folder, files, one = broken
    link_corpus(clone, folder)
    clone.set(corpus="ravdess", max_failed_fraction=0.2, protocol={"k": 3}, video={"fps": 3})
    clone.dvc("repro")
    status = statuses(clone)
    empty, cut, silent_film, voice, blank = (files[i].stem[3:] for i in (0, 1, 3, 4, 5))
    for clip in (empty, cut):
        assert status[clip, "clips"][0] == "failed"
        assert status[clip, "clips"][1]
    assert status["Actor_06/my favourite.mp4", "clips"][0] == "failed"
    assert status[silent_film, "speech"] == ("degraded", "no audio stream")
    assert status[voice, "faces"] == ("degraded", "no video stream")
    assert status[blank, "faces"] == ("degraded", "no face found in 20 frames")
    assert status[blank, "audio_features"] == ("degraded", "silence")
    assert status[one.stem[3:], "faces"][0] == "degraded"
    untouched = [v for (clip, _), v in status.items() if clip[-2:] in ("01", "02", "03", "04")]
    assert set(untouched) == {("ok", "")}

    summary = json.loads((clone.folder / "metrics/summary.json").read_text())["ravdess"]
    assert summary["merml"]["clips"] == 36 - 3 - 2  # three are unreadable, two have nothing in them
    assert summary["svm_audio"]["clips"] == 36 - 3 - 3
    report = (clone.folder / "report/report.md").read_text()
    for clip in (empty, cut, silent_film, voice, blank):
        assert clip in report


def test_sound_alone_of_a_corpus_of_ones_own_runs_everything_that_needs_no_face(clone, finished):
    as_sound(finished, clone.folder / "data/raw/mine")
    clone.set(corpus="mine", protocol={"k": 2}, labels={"neutral": "calm"})
    clone.dvc("repro")
    summary = json.loads((clone.folder / "metrics/summary.json").read_text())["mine"]
    assert set(summary) == {"svm_audio", "lmnn", "itml", "gmml", "merml"}
    assert summary["merml"]["clips"] == 36
    report = (clone.folder / "report/report.md").read_text()
    assert "svm_concat" in report
    emotions = set(pd.read_parquet(clone.folder / "data/clips.parquet")["emotion"])
    assert "calm" in emotions
    assert "neutral" not in emotions


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"corpus": "ravdess"}, ["data/raw/ravdess", "Actor_", "ln -s"]),
        ({"corpus": "no_such"}, ["no_such", "ravdess"]),
        ({"protocol": {"k": 40}, "demo": {"protocol": {"k": 40}}}, ["k is 40", "6"]),
        ({"merml": {"dim": 0}}, ["merml.dim is 0"]),
        ({"merml": {"dims": 3}}, ["merml.dims"]),
        ({"fisher": {"components": "many"}}, ["fisher.components is 'many'"]),
    ],
)
def test_a_mistake_in_the_parameters_is_one_line_and_no_traceback(clone, changes, said):
    clone.set(**changes)
    process = clone.dvc("repro", check=False)
    assert process.returncode
    assert "Traceback" not in process.stderr
    (line,) = [x for x in process.stderr.splitlines() if x.startswith("error: ")]
    for words in said:
        assert words in line


def test_an_empty_corpus_folder_is_an_error(clone, tmp_path):
    (tmp_path / "nothing").mkdir()
    link_corpus(clone, tmp_path / "nothing")
    clone.set(corpus="ravdess")
    process = clone.dvc("repro", check=False)
    assert process.returncode
    assert "data/raw/ravdess" in process.stderr
    assert "Traceback" not in process.stderr
