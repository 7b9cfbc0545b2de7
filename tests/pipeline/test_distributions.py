"""Corpora in their distributions' layout through the whole pipeline, made of the demo's clips."""

import csv
import json
import shutil

import pandas as pd
import pytest
from excerpts import excerpt
from openpyxl import Workbook

pytestmark = pytest.mark.pipeline

# Half of the demo's emotions will do. None of the three has neutral: those clips play surprise.
WORDS = {"anger": "anger", "happiness": "happiness", "neutral": "surprise"}


def as_avi(source, target):
    excerpt(source, target, video_codec="mpeg4", audio_codec="pcm_s16le")


def enterface05(rows, folder):
    for source, subject, emotion in rows:
        place = folder / f"subject {subject}" / emotion / "sentence 1"
        as_avi(source, place / f"s{subject}_{emotion[:2]}_1.avi")


def rml(rows, folder):
    for source, subject, emotion in rows:
        as_avi(source, folder / f"s{subject}" / f"{emotion[:2]}1.avi")


def baum1s(rows, folder):
    book = Workbook()
    book.active.append(["No", "Clip Name", "Emotion"])
    for number, (source, subject, emotion) in enumerate(rows):
        clip = f"S{subject:03}_{number:03}"
        excerpt(source, folder / "BAUM1s_MP4 - All" / clip[:4].lower() / f"{clip}.mp4")
        book.active.append([number, clip, emotion.title()])
    book.save(folder / "Annotations_BAUM1s.xlsx")


def acted(finished):
    """Return (file, number of the subject, emotion) of clips of the demo."""
    labels = pd.read_csv(finished.folder / "data/raw/demo/clips.csv")
    subjects = {name: n for n, name in enumerate(sorted(labels["subject"].unique()), start=1)}
    subjects = {name: n if n < 6 else 7 for name, n in subjects.items()}  # 6 is not cut
    return [
        (
            finished.folder / "data/raw/demo" / row.path,
            subjects[row.subject],
            WORDS[row.emotion],
        )
        for row in labels[labels["emotion"].isin(WORDS)].itertuples()
    ]


def recognise(clone):
    """Go from the recordings to the report of one system; `test_corpora` runs them all."""
    clone.dvc("repro", "train_merml")
    clone.dvc("repro", "-s", "evaluate", "report")


@pytest.mark.parametrize(
    ("build", "protocol"),
    [
        (baum1s, {"name": "logso", "k": 2}),
        (rml, {"name": "loso"}),
        (enterface05, {"name": "stratified_kfold", "k": 2}),
    ],
)
def test_a_distribution_runs_from_its_files_to_the_report(
    clone, finished, tmp_path, build, protocol
):
    rows = acted(finished)
    folder = tmp_path / "elsewhere"
    build(rows, folder)
    (clone.folder / "data/raw" / build.__name__).symlink_to(folder, target_is_directory=True)
    clone.set(corpus=build.__name__, protocol=protocol, video={"fps": 3})
    recognise(clone)
    summary = json.loads((clone.folder / "metrics/summary.json").read_text())[build.__name__]
    assert summary["merml"]["clips"] == len(rows)
    report = (clone.folder / "report/report.md").read_text()
    assert f"{len(rows)} clips of 6 subjects, the published figures are of" in report


OMG_CODES = ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
OMG_COLUMNS = ["link", "start", "end", "video", "utterance"]
OMG_COLUMNS += ["arousal", "valence", "EmotionMaxVote"]
OMG_TABLES = {
    "omg_TrainVideos.csv": (1, 2, 3),
    "omg_ValidationVideos.csv": (4,),
    "omg_TestVideos_WithLabels.csv": (5, 7),
}


def test_spans_of_videos_run_under_the_authors_parts_and_gone_videos_are_counted(
    clone, finished, tmp_path
):
    rows = acted(finished)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name, subjects in OMG_TABLES.items():
        with (folder / name).open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(OMG_COLUMNS)
            for number, (source, subject, emotion) in enumerate(rows):
                if subject in subjects:
                    link = f"https://www.youtube.com/watch?v=video__{number:04}"
                    times = ("0.2", "1.3", f"video{number}", "utterance_1.mp4")
                    table.writerow([link, *times, 0.5, 0.1, OMG_CODES.index(emotion)])
                    if number:  # the first video is gone
                        excerpt(source, folder / f"video{number}.mp4", 0, 1.5)
    (clone.folder / "data/raw/omg_emotion").symlink_to(folder, target_is_directory=True)
    clone.set(corpus="omg_emotion", protocol={"name": "official"}, video={"fps": 3})
    recognise(clone)
    clips = pd.read_parquet(clone.folder / "data/clips.parquet")
    assert len(clips) == len(rows) - 1
    assert clips["duration"].between(1.0, 1.15).all()
    status = pd.read_parquet(clone.folder / "data/status/clips.parquet")
    assert (
        status.loc[status["status"] == "failed", "reason"].str.contains("not downloaded").sum() == 1
    )
    summary = json.loads((clone.folder / "metrics/summary.json").read_text())["omg_emotion"]
    assert summary["merml"]["clips"] == sum(subject in (5, 7) for _, subject, _ in rows)


RECOLA_PARTS = ("train_1", "train_2", "train_3", "train_4", "dev_1", "dev_2", "test_1")


def recola(finished, folder):
    """Write recordings and gold standards out of one clip of each emotion and what follows it."""
    corpus = finished.folder / "data/raw/demo"
    traces = pd.read_csv(corpus / "traces.csv").groupby("clip_id")
    (folder / "recordings_video").mkdir(parents=True)
    sources = sorted(corpus.rglob("*.mp4"))[::5]
    for name, source in zip(RECOLA_PARTS, sources, strict=False):
        shutil.copyfile(source, folder / "recordings_video" / f"{name}.mp4")
        for dimension in ("arousal", "valence"):
            place = folder / "ratings_gold_standard" / dimension
            place.mkdir(parents=True, exist_ok=True)
            if not name.startswith("test"):
                rows = traces.get_group(source.stem)[["time", dimension]]
                columns = {"time": "frameTime", dimension: "GoldStandard"}
                rows.rename(columns=columns).to_csv(place / f"{name}.csv", sep=";", index=False)


def test_a_corpus_of_continuous_labels_runs_without_the_systems_for_emotions(
    clone, finished, tmp_path
):
    recola(finished, tmp_path / "elsewhere")
    (clone.folder / "data/raw/recola").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    small = {"window": 0.6, "delay": 0.4, "hidden": 4, "layers": 1, "epochs": 1}
    clone.set(corpus="recola", protocol={"name": "official"}, video={"fps": 5}, traces=small)
    said = clone.dvc("repro").stdout
    assert "merml: left out, none of the 7 clips of recola has an emotion" in said
    assert json.loads((clone.folder / "metrics/summary.json").read_text()) == {"recola": {}}
    scores = json.loads((clone.folder / "metrics/traces.json").read_text())
    assert scores["part"] == "validation"
    helped = ("emobed_joint", "emobed_triplet", "emobed")
    scenarios = {system: {"audio", "geometry"} for system in ("svr", "emobed_classic")}
    scenarios |= {system: {"audio+geometry", "geometry+audio"} for system in helped}
    assert {system: set(found) for system, found in scores["systems"].items()} == scenarios
    short = json.loads((clone.folder / "metrics/continuous.json").read_text())["recola"]
    assert set(short) == {f"{system}-{s}" for system in scenarios for s in scenarios[system]}
    assert all("validation" in found for found in short.values())
    handed_in = clone.folder / "data/trace_models/emobed-audio+geometry/fold-0/submission"
    assert {file.name for file in handed_in.rglob("*.arff")} == {"test_1.arff"}
    assert "## Continuous emotion" in (clone.folder / "report/report.md").read_text()
