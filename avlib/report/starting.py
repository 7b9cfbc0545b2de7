"""What a model's training starts from: one that has met other people's emotions stands apart.

A system with networks says it in its setting ``weights``: none, published (of other tasks),
transfer (a model of another corpus) or demo (small networks that learned other generated people).
Scores of the last two say nothing beside those of models that learned from the training clips
alone.
"""

import json
from collections.abc import Mapping
from typing import Any

from avlib.runtime import paths

SCRATCH = ""
_WORDS = {
    "demo": "networks trained on other generated people",
    "transfer": "a network trained on another corpus",
    "published": "published weights of other tasks",
}
_KEYS = {_WORDS["demo"]: "weights of other people", _WORDS["transfer"]: "weights of another corpus"}
APART = frozenset(_KEYS)


def starts_from(model: str) -> str:
    """Return in words what the folds of a trained model started from; "" from nothing."""
    for file in sorted((paths.MODELS / model).glob("fold-*/settings.json")):
        settings = json.loads(file.read_text())  # of whatever form a system of one's own saves
        weights = settings.get("arguments", {}).get("weights")
        return _WORDS.get(weights, SCRATCH) if isinstance(weights, str) else SCRATCH
    return SCRATCH


def divided(
    corpus: str, models: Mapping[str, Any], starts: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Divide what is known of models: those that may be compared, then those that stand apart.

    Returns
    -------
    dict
        By name: the corpus, or the corpus and what its models start from ("demo, weights of other
        people"). The corpus itself comes first, and is there in any case.
    """
    found: dict[str, dict[str, Any]] = {corpus: {}}
    for model, value in models.items():
        key = _KEYS.get(starts.get(model, SCRATCH))
        found.setdefault(f"{corpus}, {key}" if key else corpus, {})[model] = value
    return found


def caveat(name: str) -> str:
    """Return why the models under a name of `divided` stand apart; "" where they do not."""
    for words, key in _KEYS.items():
        if name.endswith(f", {key}"):
            return f"{key}: these start from {words}, the others do not; not comparable"
    return ""
