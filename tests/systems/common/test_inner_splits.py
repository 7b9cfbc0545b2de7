import numpy as np

from avlib.systems.common.inner_splits import inner_splits
from avlib.systems.common.model import concatenate


def test_each_clip_judges_once_and_no_subject_judges_what_it_taught(clips):
    train, validation = clips(120, seed=1), clips(40, subjects=2, seed=2, first_subject=10)
    splits = inner_splits(train, validation, 4)
    assert len(splits) == 4
    everything = sorted(concatenate(train, validation).clip_id)
    assert sorted(np.concatenate([judged.clip_id for _, judged in splits])) == everything
    for learned, judged in splits:
        assert not set(learned.subject) & set(judged.subject)
        assert sorted([*learned.clip_id, *judged.clip_id]) == everything


def test_clips_are_dealt_out_where_the_parts_share_subjects(clips):
    train, validation = clips(120, subjects=2, seed=1), clips(40, subjects=2, seed=2)
    splits = inner_splits(train, validation, 5)
    assert len(splits) == 5
    for learned, judged in splits:
        assert set(learned.subject) == set(judged.subject)
        assert not set(learned.clip_id) & set(judged.clip_id)


def test_one_division_is_the_parts_as_they_are(clips):
    train, validation = clips(120, seed=1), clips(40, subjects=2, seed=2, first_subject=10)
    [(learned, judged)] = inner_splits(train, validation, 1)
    assert learned is train
    assert judged is validation


def test_divisions_that_leave_one_emotion_to_learn_are_left_out(clips):
    train, validation = clips(20, subjects=1), clips(20, subjects=1, first_subject=10)
    train.emotion[:], validation.emotion[:] = 0, 1
    [(learned, judged)] = inner_splits(train, validation, 4)
    assert learned is train
    assert judged is validation


def test_no_more_divisions_than_the_commonest_emotion_has_clips(clips):
    train = clips(6, n_classes=3, subjects=6)
    validation = clips(3, n_classes=3, subjects=3, first_subject=10)
    splits = inner_splits(train, validation, 8)
    assert len(splits) == 3
    assert sorted(np.concatenate([judged.clip_id for _, judged in splits])) == sorted(
        concatenate(train, validation).clip_id
    )
