"""Corpora in their distributions' layout through the whole pipeline, made of the demo's clips."""

import json
import shutil

import av
import pandas as pd
import pytest
from openpyxl import Workbook

from avlib import media

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("pipeline")]

# None of the three has neutral: the demo's neutral clips play surprise.
WORDS = {"neutral": "surprise"}


def as_avi(source, target):
    """Recode a clip as mpeg4 and pcm."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(source)) as stream:
        frames = [frame.to_ndarray(format="rgb24") for frame in stream.decode(video=0)]
        fps = float(stream.streams.video[0].average_rate)
    sound = media.read_audio(source)
    media.write_clip(
        target, frames, fps, sound, 16000, video_codec="mpeg4", audio_codec="pcm_s16le"
    )


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
        place = folder / "BAUM1s_MP4 - All" / clip[:4].lower()
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place / f"{clip}.mp4")
        book.active.append([number, clip, emotion.title()])
    book.save(folder / "Annotations_BAUM1s.xlsx")


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
    labels = pd.read_csv(finished.folder / "data/raw/demo/clips.csv")
    subjects = {name: n for n, name in enumerate(sorted(labels["subject"].unique()), start=1)}
    subjects = {name: n if n < 6 else 7 for name, n in subjects.items()}  # 6 is not cut
    rows = [
        (
            finished.folder / "data/raw/demo" / row.path,
            subjects[row.subject],
            WORDS.get(row.emotion, row.emotion),
        )
        for row in labels.itertuples()
    ]
    folder = tmp_path / "elsewhere"
    build(rows, folder)
    (clone.folder / "data/raw" / build.__name__).symlink_to(folder, target_is_directory=True)
    clone.set(corpus=build.__name__, protocol=protocol, visual={"fps": 3})
    clone.dvc("repro")
    summary = json.loads((clone.folder / "metrics/summary.json").read_text())[build.__name__]
    assert summary["merml"]["clips"] == len(labels)
    report = (clone.folder / "report/report.md").read_text()
    assert f"{len(labels)} clips of 6 subjects, the published figures are of" in report
