"""The problem for crossmodal training: courses of intensity on voices and on others' faces."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from avlib.corpora.demo import courses
from avlib.corpora.demo.corpus import generate_crossmodal
from avlib.corpora.demo.courses import faces_plan, render_course, voices_plan
from avlib.corpora.demo.params import DemoCorpus
from avlib.media import read_audio, video_frames
from avlib.registry import reader
from avlib.runtime import tables
from avlib.runtime.errors import ParamsError
from avlib.runtime.files import NOTHING
from stages import clips as clips_stage
from stages import corpus as corpus_stage
from stages import folds as folds_stage

PROJECT = Path(__file__).parents[3]
SECONDS = (2.0, 2.5)
COURSES = {  # of intensity, roughly, over a clip that goes from 0 to 1
    "dip": lambda place: abs(place - 0.5),
    "fall": lambda place: -place,
    "peak": lambda place: -abs(place - 0.5),
    "rise": lambda place: place,
}
SEED = 3


@pytest.fixture
def few(monkeypatch):
    """As few people as can be."""
    monkeypatch.setattr(courses, "TRAINING_VOICES", (2, 1))
    monkeypatch.setattr(courses, "TEST_VOICES", (2, 2))
    monkeypatch.setattr(courses, "FACES", (1, 1))


def test_people_who_teach_who_are_tested_and_who_are_seen_are_others():
    plans = {"": faces_plan(SECONDS, SEED)}
    for clip in voices_plan(SECONDS, SEED):
        plans.setdefault(clip.part, []).append(clip)
    people = {part: {clip.subject for clip in plan} for part, plan in plans.items()}
    assert {part: len(of) for part, of in people.items()} == {"train": 6, "test": 20, "": 25}
    assert len(set.union(*people.values())) == 6 + 20 + 25
    for plan in plans.values():
        shown = {course: [clip.emotion for clip in plan].count(course) for course in COURSES}
        assert len(set(shown.values())) == 1
        assert len({clip.path for clip in plan}) == len(plan)
    assert len(plans["train"]) < len(plans[""]) / 10


def test_a_voice_is_as_loud_as_its_course_is_intense(tmp_path):
    followed = []
    for clip in voices_plan(SECONDS, SEED)[:8]:
        render_course(clip, tmp_path, seed=SEED)
        signal = read_audio(tmp_path / clip.path)
        blocks = signal[: len(signal) // 800 * 800].reshape(-1, 800)
        level = 10 * np.log10((blocks**2).mean(axis=1) + 1e-12)
        spoken = level > level.max() - 35
        place = (np.arange(len(level)) + 0.5) / len(level)
        followed.append(np.corrcoef(level[spoken], COURSES[clip.emotion](place)[spoken])[0, 1])
    assert np.mean(followed) > 0.6


@pytest.mark.parametrize("course", ["peak", "rise"])
def test_a_faces_brows_sink_as_its_course_is_intense(tmp_path, find_landmarks, course):
    clip = next(clip for clip in faces_plan(SECONDS, SEED) if clip.emotion == course)
    render_course(clip, tmp_path, seed=SEED)
    frames = [picture for _, picture in video_frames(tmp_path / clip.path)]
    seen = [find_landmarks(picture) for picture in frames[::2]]
    brows = [p[36:48, 1].mean() - p[17:27, 1].mean() for p in seen if p is not None]
    place = np.array([i for i, p in enumerate(seen) if p is not None]) / len(seen)
    assert np.corrcoef(brows, COURSES[course](place))[0, 1] < -0.6


def test_bytes_depend_on_the_clip_and_the_seed_alone(tmp_path, few):
    for plan in (voices_plan(SECONDS, SEED), faces_plan(SECONDS, SEED)):
        written = []
        for folder, seed in (("first", SEED), ("again", SEED), ("other", SEED + 1)):
            (tmp_path / folder).mkdir(exist_ok=True)
            render_course(plan[0], tmp_path / folder, seed=seed)
            written.append((tmp_path / folder / plan[0].path).read_bytes())
        assert written[0] == written[1] != written[2]


def test_the_stages_join_voices_and_faces_and_faces_only_help(tmp_path, monkeypatch, few):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    values = yaml.safe_load((PROJECT / "params.yaml").read_text())
    values |= {"corpus": "demo_crossmodal", "members": ["demo_faces", "demo_voices"]}
    values["protocol"]["name"] = "official"
    values["emobed"]["auxiliary"] = {"corpus": "demo_faces", "modality": "video"}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    Path("data/raw/demo").mkdir(parents=True)
    Path("data/raw/demo/old.mp4").touch()
    corpus_stage.main()
    assert [path.name for path in Path("data/raw/demo").iterdir()] == [NOTHING]
    listing = reader("demo_crossmodal").recordings("data/raw/demo_crossmodal")
    assert not listing.unrecognised
    assert not listing.left_out
    clips_stage.main()
    folds_stage.main()
    clips = tables.read_table("data/clips.parquet")
    assert set(tables.read_table("data/status/clips.parquet")["status"]) == {"ok"}
    assert clips["audio_path"].notna().tolist() == (clips["corpus"] == "demo_voices").tolist()
    assert clips["video_path"].notna().tolist() == (clips["corpus"] == "demo_faces").tolist()
    folds = tables.read_table("data/folds.parquet")
    parts = folds["part"].replace("validation", "train").value_counts()
    assert parts.to_dict() == {"test": 16, "train": 8, "auxiliary": 4}


@pytest.mark.parametrize("name", ["demo_voices", "demo_faces"])
def test_one_of_both_alone_is_no_corpus(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load((PROJECT / "params.yaml").read_text())
    Path("params.yaml").write_text(yaml.safe_dump(values | {"corpus": name}))
    Path("data/raw").mkdir(parents=True)
    with pytest.raises(
        ParamsError, match=rf"^corpus is {name}, .*expected corpus: demo_crossmodal"
    ):
        corpus_stage.main()


def test_clips_without_room_for_speech_are_refused(tmp_path):
    settings = DemoCorpus(subjects=2, takes=1, seconds=[0.5, 1.0], seed=0)
    with pytest.raises(ParamsError, match=r"0\.5 to 1\.0 s, expected 1\.5"):
        generate_crossmodal(settings, tmp_path)
