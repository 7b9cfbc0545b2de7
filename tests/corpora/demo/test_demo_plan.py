import numpy as np
import pytest

from avlib.corpora.demo.acting import act
from avlib.corpora.demo.identity import identity
from avlib.corpora.demo.labels import write_labels
from avlib.corpora.demo.plan import ANNOTATION_DELAY, ANNOTATION_NOISE, LABELS, annotate, clip_plan
from avlib.corpora.demo.reader import read_labels
from avlib.runtime.errors import CorpusError, ParamsError


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
        expected = {name: getattr(clip, name) for name in labels}
        assert row._asdict() == {"Index": row.Index} | expected | {"take": str(clip.take)}


def test_continuous_labels_follow_what_is_felt_with_a_delay_and_a_little_noise():
    late, noise = round(ANNOTATION_DELAY * LABELS), []
    for clip in clip_plan(subjects=3, takes=2, seconds=(2.0, 3.0), seed=0):
        traces = annotate(clip, seed=0)
        assert traces[:, 0] == pytest.approx(np.arange(round(clip.duration * LABELS)) / LABELS)
        assert np.abs(traces[:, 1:]).max() <= 1.0
        felt = act(identity(clip.subject, 0), clip.emotion, clip.take, 0).affect(traces[:, 0])
        held = np.concatenate([np.zeros((late, 2)), felt[:-late]])  # nobody acts before the clip
        noise.append((traces[:, 1:] - held)[np.abs(held).max(axis=1) < 0.8])
    assert np.concatenate(noise).std() == pytest.approx(ANNOTATION_NOISE, rel=0.15)
    assert max(np.abs(np.diff(n, axis=0)).max() for n in noise if len(n) > 1) < ANNOTATION_NOISE


def test_an_annotators_noise_is_each_clips_own_and_the_same_again():
    plan = clip_plan(subjects=2, takes=1, seconds=(2.0, 2.0), seed=0)
    first, second = [clip for clip in plan if clip.emotion == "neutral"]
    assert np.array_equal(annotate(first, seed=0), annotate(first, seed=0))
    noises = [annotate(clip, seed=0)[:, column] for clip in (first, second) for column in (1, 2)]
    assert len({noise.tobytes() for noise in noises}) == 4


def test_missing_labels_are_named(tmp_path):
    with pytest.raises(CorpusError, match=r"clips\.csv"):
        read_labels(tmp_path)


def test_labels_without_a_column_are_refused(tmp_path):
    (tmp_path / "clips.csv").write_text("path,subject\na.mp4,S01\n")
    with pytest.raises(CorpusError, match="'emotion'"):
        read_labels(tmp_path)


@pytest.mark.parametrize("seconds", [(3.0, 2.0), (0.2, 2.0)])
def test_impossible_length_is_refused(seconds):
    with pytest.raises(ParamsError, match=r"1\.5 <= shortest <= longest"):
        clip_plan(subjects=2, takes=1, seconds=seconds, seed=0)
