"""Emotions joined, renamed or left out."""

import pandas as pd
import pytest

from avlib.corpora.common.base import Listing, Recording
from avlib.corpora.common.relabel import relabelled
from avlib.runtime.errors import ParamsError


def clip(clip_id, emotion, vote=None):
    return Recording(clip_id, "s", emotion, None, "x.wav", vote_voice=vote, original_emotion="07")


CLIPS = [
    clip("a", "calm", "calm:neutral"),
    clip("b", "neutral", "anger"),
    clip("c", "anger", "anger:calm"),
    clip("d", None),
]
VOTES = pd.DataFrame(
    [("a", "audio", "calm", 3), ("a", "audio", "neutral", 2), ("a", "audio", "anger", 1)],
    columns=["clip_id", "modality", "emotion", "ratings"],
)


def test_emotions_become_what_the_map_says_and_raters_go_with_them():
    found = relabelled(Listing(CLIPS, votes=VOTES), {"calm": "neutral"})
    assert [r.emotion for r in found.recordings] == ["neutral", "neutral", "anger", None]
    assert [r.vote_voice for r in found.recordings] == ["neutral", "anger", "anger:neutral", None]
    assert {r.original_emotion for r in found.recordings} == {"07"}
    ratings = found.votes.set_index("emotion")["ratings"].to_dict()
    assert ratings == {"anger": 1, "neutral": 5}


def test_an_emotion_may_be_left_out():
    found = relabelled(Listing(CLIPS, votes=VOTES), {"calm": None})
    assert [r.emotion for r in found.recordings] == [None, "neutral", "anger", None]
    assert [r.vote_voice for r in found.recordings] == ["neutral", "anger", "anger", None]
    assert set(found.votes["emotion"]) == {"anger", "neutral"}


def test_two_emotions_may_change_places():
    found = relabelled(Listing(CLIPS), {"calm": "anger", "anger": "calm"})
    assert [r.emotion for r in found.recordings] == ["anger", "neutral", "calm", None]


def test_a_map_of_what_nobody_shows_is_an_error():
    with pytest.raises(ParamsError, match=r"labels\.joy: .* found anger, calm, neutral"):
        relabelled(Listing(CLIPS), {"joy": "happiness"})
