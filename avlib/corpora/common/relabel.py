"""Emotions joined, renamed or left out, as ``labels`` of params.yaml says."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pandas as pd

from avlib.corpora.common.base import Listing
from avlib.runtime.errors import ParamsError

Labels = Mapping[str, str | None]


def relabelled(listing: Listing, labels: Labels) -> Listing:
    """Return a listing with other emotions; `Recording.original_emotion` stays as it is.

    Parameters
    ----------
    listing
    labels
        By emotion, what it becomes; None: no emotion, so that its clips are in no fold. Others
        stay.

    Raises
    ------
    ParamsError
        A key is no emotion of the corpus.
    """
    if not labels:
        return listing
    found = {r.emotion for r in listing.recordings} | set(listing.votes["emotion"])
    known = sorted(emotion for emotion in found if emotion is not None)
    if unknown := [name for name in labels if name not in known]:
        raise ParamsError(
            f"labels.{unknown[0]}: no clip has this emotion; found {', '.join(known)}:"
            " correct the key"
        )
    recordings = [
        replace(
            recording,
            emotion=_renamed(recording.emotion, labels),
            vote_voice=_joined(recording.vote_voice, labels),
            vote_face=_joined(recording.vote_face, labels),
            vote_multimodal=_joined(recording.vote_multimodal, labels),
        )
        for recording in listing.recordings
    ]
    return replace(listing, recordings=recordings, votes=_votes(listing.votes, labels))


def _renamed(emotion: str | None, labels: Labels) -> str | None:
    return labels.get(emotion, emotion) if emotion is not None else None


def _joined(vote: str | None, labels: Labels) -> str | None:
    """Rename what a crowd chose; a tie of emotions that become one is none."""
    renamed: Iterable[str | None] = (_renamed(part, labels) for part in (vote or "").split(":"))
    return ":".join(dict.fromkeys(part for part in renamed if part)) or None


def _votes(votes: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Add up the ratings of emotions that become one."""
    renamed = votes.assign(emotion=votes["emotion"].map(lambda word: _renamed(word, labels)))
    kept = renamed.dropna(subset="emotion")
    return kept.groupby(["clip_id", "modality", "emotion"])["ratings"].sum().reset_index()
