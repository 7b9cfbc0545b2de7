"""Folds of a joined corpus of which a member only helps to train."""

import pandas as pd
import pytest

from avlib.protocols import check_folds, make_folds, set_apart, with_auxiliary
from avlib.runtime.digests import name_digest
from avlib.runtime.errors import LeakError

PROTOCOLS = {
    "subject_kfold": {},
    "stratified_kfold": {},
    "loso": {},
    "leave_one_corpus_out": {},
    "cross_corpus": {"train": ["one"], "test": ["two"]},
}


@pytest.fixture(scope="module")
def clips():
    """Two corpora of four people, and one that helps; two emotions, two takes each."""
    rows = [
        (f"{corpus}-{person}_{emotion}{take}", corpus, f"{corpus}-{person}", emotion)
        for corpus, people in (("one", "abcd"), ("two", "abcd"), ("faces", "wxyz"))
        for person in people
        for emotion in ("anger", "fear")
        for take in range(2)
    ]
    table = pd.DataFrame(rows, columns=["clip_id", "corpus", "subject", "emotion"])
    for column in ("sha256", "video_sha256", "audio_sha256"):
        table[column] = (column + table["clip_id"]).map(name_digest)
    return table


def helped(clips, protocol="subject_kfold"):
    divided, helping = set_apart(clips, ["faces"], "emobed.auxiliary")
    settings = {"k": 2, "validation": 0.3, "seed": 0} | PROTOCOLS[protocol]
    folds = make_folds(divided, protocol=protocol, **settings)
    return folds, with_auxiliary(folds, clips, helping)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_it_is_in_every_fold_and_changes_nothing_of_who_is_tested(clips, protocol):
    without, folds = helped(clips, protocol)
    check_folds(folds, clips, protocol)
    auxiliary = folds["part"] == "auxiliary"
    pd.testing.assert_frame_equal(folds[~auxiliary], without)
    named = clips.loc[clips["corpus"] == "faces", "clip_id"]
    found = folds[auxiliary].groupby("fold")["clip_id"].agg(sorted)
    assert found.index.tolist() == sorted(without["fold"].unique())
    assert all(ids == sorted(named) for ids in found)


def test_a_clip_without_a_label_helps_nobody(clips):
    unlabelled = clips.assign(emotion=clips["emotion"].where(clips["clip_id"] != "faces-w_fear1"))
    _, folds = helped(unlabelled)
    check_folds(folds, unlabelled, "subject_kfold")
    assert "faces-w_fear1" not in set(folds["clip_id"])


def moved(part):
    """Put clips that help in one fold into another part."""

    def plant(folds, clips):
        folds.loc[(folds["clip_id"] == "faces-w_fear1") & (folds["fold"] == 0), "part"] = part

    return plant


def a_tested_clip(folds):
    return folds.loc[(folds["part"] == "test") & (folds["fold"] == 0), "clip_id"].iloc[0]


def helps_too(folds, clips):
    here = folds["clip_id"].eq(a_tested_clip(folds)) & folds["fold"].eq(1)
    folds.loc[here, "part"] = "auxiliary"


def shared(column):
    """Give a clip that helps what a tested one has."""

    def plant(folds, clips):
        value = clips.loc[clips["clip_id"] == a_tested_clip(folds), column].item()
        clips.loc[clips["clip_id"] == "faces-w_fear1", column] = value

    return plant


def same_person(folds, clips):
    clips["subject"] = clips["subject"].replace("faces-w", "faces-a")


PLANTED = {
    "it is tested": (moved("test"), "clips of faces only help to train and some are in other"),
    "it trains": (moved("train"), "clips of faces only help"),
    "it selects": (moved("validation"), "clips of faces only help"),
    "a tested one helps": (helps_too, "clips of (one|two) only help"),
    "a recording": (shared("sha256"), "faces-w_fear1 and .* are the same recording and only one"),
    "a sound": (shared("audio_sha256"), "faces-w_fear1 and .* are of the same sound file"),
    "a person": (same_person, "^a of the auxiliary corpus faces is in one, two too"),
}


@pytest.mark.parametrize("leak", PLANTED)
def test_a_planted_leak_stops_the_run_in_one_line(clips, leak):
    plant, said = PLANTED[leak]
    (_, folds), clips = helped(clips), clips.copy()
    plant(folds, clips)
    with pytest.raises(LeakError, match=said) as stopped:
        check_folds(folds, clips, "subject_kfold")
    assert "\n" not in str(stopped.value)


def test_copies_in_other_bytes_are_found(clips):
    _, folds = helped(clips)
    alike = ["faces-w_fear1", a_tested_clip(folds)]
    copies = pd.DataFrame({"clip_id": alike, "medium": "pictures", "same_as": alike[0]})
    with pytest.raises(LeakError, match="same pictures, in other bytes, and only one of them"):
        check_folds(folds, clips, "subject_kfold", copies=copies)
