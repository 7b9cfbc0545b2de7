import pytest

from avlib.corpora.demo.generate import clip_plan, read_labels, write_labels
from avlib.errors import CorpusError, ParamsError


def test_default_size_is_every_subject_emotion_and_take():
    plan = clip_plan(subjects=12, takes=3, seconds=(2.0, 3.0), seed=0)
    assert len(plan) == len({clip.clip_id for clip in plan}) == 12 * 6 * 3
    assert all(2.0 <= clip.duration <= 3.0 for clip in plan)
    assert {clip.sex for clip in plan} == {"female", "male"}


def test_adding_subjects_and_takes_leaves_the_existing_clips_alone():
    small = clip_plan(subjects=2, takes=1, seconds=(2.0, 3.0), seed=0)
    large = clip_plan(subjects=4, takes=3, seconds=(2.0, 3.0), seed=0)
    assert set(small) <= set(large)


def test_labels_come_back_as_written(tmp_path):
    plan = clip_plan(subjects=2, takes=1, seconds=(2.0, 3.0), seed=0)
    write_labels(tmp_path, plan)
    labels = read_labels(tmp_path)
    assert list(labels) == ["path", "subject", "emotion", "take", "sex", "arousal", "valence"]
    for clip, row in zip(plan, labels.itertuples(), strict=True):
        assert all(getattr(clip, name) == getattr(row, name) for name in labels)


def test_missing_labels_are_named(tmp_path):
    with pytest.raises(CorpusError, match=r"clips\.csv"):
        read_labels(tmp_path)


def test_labels_without_a_column_are_refused(tmp_path):
    (tmp_path / "clips.csv").write_text("path,subject\na.mp4,S01\n")
    with pytest.raises(CorpusError, match="'emotion'"):
        read_labels(tmp_path)


@pytest.mark.parametrize(
    "wrong", [{"subjects": 0}, {"takes": 0}, {"seconds": (3.0, 2.0)}, {"seconds": (0.2, 2.0)}]
)
def test_impossible_size_is_refused(wrong):
    with pytest.raises(ParamsError):
        clip_plan(**{"subjects": 2, "takes": 1, "seconds": (2.0, 3.0), "seed": 0, **wrong})
