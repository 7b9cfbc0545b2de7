"""The words that all corpora's labels are put into, and labels that follow from them.

A recording keeps its corpus's own word or code beside the common one, so nothing is lost.
"""

from __future__ import annotations

import re

BASIC = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
OTHERS = (
    "boredom",
    "bothered",
    "calm",
    "concentrating",
    "contempt",
    "neutral",
    "thinking",
    "unsure",
)
EMOTIONS = tuple(sorted(BASIC + OTHERS))

# How corpora, their copies and their users spell them.
_SPELLINGS = {
    "anger": "angry ang an",
    "disgust": "disgusted dis di",
    "fear": "fearful afraid fea fe",
    "happiness": "happy joy hap ha",
    "sadness": "sad sa",
    "surprise": "surprised surprize sur su",
    "boredom": "bored",
    "bothered": "bother",
    "calm": "",
    "concentrating": "concentration",
    "contempt": "",
    "neutral": "neu",
    "thinking": "",
    "unsure": "unsured uncertain confused",
}
_CANONICAL = {
    spelling: word for word, others in _SPELLINGS.items() for spelling in (word, *others.split())
}

# Ma et al. 2019 (AVEF), table 2: the six basic emotions alone; other words have no binary label.
BINARY_AROUSAL = {
    **dict.fromkeys(("disgust", "sadness"), "low"),
    **dict.fromkeys(("anger", "happiness", "fear", "surprise"), "high"),
}
BINARY_VALENCE = {
    **dict.fromkeys(("anger", "fear", "disgust", "sadness"), "negative"),
    **dict.fromkeys(("happiness", "surprise"), "positive"),
}


def canonical(text: str) -> str | None:
    """Return the common word for a label, None where there is none.

    Case, surrounding blanks and punctuation do not matter.

    Examples
    --------
    >>> canonical(" Happy "), canonical("an"), canonical("sentence 1")
    ('happiness', 'anger', None)
    """
    return _CANONICAL.get(re.sub(r"[\W_]+", " ", text).strip().lower())
