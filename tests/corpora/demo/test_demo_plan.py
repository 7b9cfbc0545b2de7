import numpy as np
import pytest

from avlib.corpora.demo.generate import annotate, clip_plan, read_labels, write_labels
from avlib.corpora.demo.plan import ANNOTATION_DELAY, FPS
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


def test_continuous_labels_follow_what_is_felt_with_a_delay():
    clips = clip_plan(subjects=1, takes=1, seconds=(2.0, 3.0), seed=0)
    late = round(ANNOTATION_DELAY * FPS)
    for clip in clips:
        time, arousal, valence = annotate(clip, seed=0).T
        assert time == pytest.approx(np.arange(round(clip.duration * FPS)) / FPS)
        assert not arousal[: late + 1].any()
        # The clip's own label is the mean of what is felt: the trace, that much earlier.
        for trace, mean in ((arousal, clip.arousal), (valence, clip.valence)):
            held = np.concatenate([trace[late:], np.full(late, trace[-1])])
            assert held.mean() == pytest.approx(mean, abs=0.02)
    assert any(annotate(clip, seed=0)[:, 1:].any() for clip in clips)


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
