"""The paragraphs of the report: they stand in ``words.yaml`` beside the sections that show them."""

from collections.abc import Callable
from functools import cache
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
    file = Path(module).with_name("words.yaml")

    @cache
    def known() -> dict[str, list[str]]:
        return yaml.safe_load(file.read_text(encoding="utf-8"))

    def paragraphs(key: str, **values: Any) -> list[str]:
        return [text.format(**values) for text in known()[key]]

    return paragraphs
