"""The words that all corpora's labels are put into, and labels that follow from them.

A recording keeps its corpus's own word or code beside the common one, so nothing is lost.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

_LABELS = yaml.safe_load(Path(__file__).with_name("labels.yaml").read_text(encoding="utf-8"))
BASIC: tuple[str, ...] = tuple(_LABELS["basic"])
_SPELLINGS: dict[str, str] = _LABELS["basic"] | _LABELS["others"]
EMOTIONS = tuple(sorted(_SPELLINGS))
_CANONICAL = {
    spelling: word for word, others in _SPELLINGS.items() for spelling in (word, *others.split())
}
BINARY_AROUSAL, BINARY_VALENCE = (
    {word: level for level, words in _LABELS[scale].items() for word in words}
    for scale in ("arousal", "valence")
)


def canonical(text: str) -> str | None:
    """Return the common word for a label, None where there is none.

    Case, surrounding blanks and punctuation do not matter.

    Examples
    --------
    >>> canonical(" Happy "), canonical("an"), canonical("sentence 1")
    ('happiness', 'anger', None)
    """
    return _CANONICAL.get(re.sub(r"[\W_]+", " ", text).strip().lower())
