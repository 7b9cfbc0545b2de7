"""The paragraphs of the report: they stand in ``words.yaml`` beside the sections that show them."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml


def words_beside(module: str) -> Callable[..., list[str]]:
    """Return a function that gives the paragraphs of one key of the file beside a module.

    Parameters
    ----------
    module
        Its ``__file__``.

    Returns
    -------
    function of a key, and of what stands in the paragraphs' ``{braces}``
    """
    return partial(_paragraphs, Path(module).with_name("words.yaml"))


def _paragraphs(file: Path, key: str, **values: Any) -> list[str]:
    return [text.format(**values) for text in _known(file)[key]]


@cache
def _known(file: Path) -> dict[str, list[str]]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))
