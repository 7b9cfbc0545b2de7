"""What ``corpus.yaml`` says of a joined corpus."""

import re
from pathlib import Path
from typing import Any

from pydantic import Field

from avlib.corpora.common.params import LabelMap
from avlib.runtime.errors import CorpusError, ParamsError
from avlib.runtime.params import Section, read_yaml, validated


class Member(Section):
    """One of the corpora that are joined.

    Attributes
    ----------
    labels : dict
        By emotion of the corpus, what it becomes; None leaves its clips out of the folds.
    subset : str or None
        As ``subset`` in ``params.yaml``.
    """

    labels: LabelMap = Field(default_factory=dict)
    subset: str | None = None


class _Definition(Section):
    members: dict[str, Any]


def read_definition(file: Path) -> dict[str, Member]:
    """Return the members of a joined corpus by name, in alphabetical order.

    Raises
    ------
    CorpusError
        The file is no YAML, or says something else; names the file and the key.
    """
    try:
        found = validated(_Definition, read_yaml(file), file).members
        members = {
            name: validated(Member, found[name] or {}, file, prefix=f"members.{name}: ")
            for name in sorted(found)
        }
    except ParamsError as error:
        raise CorpusError(str(error)) from None
    if wrong := [name for name in members if not re.fullmatch(r"[a-z0-9_]+", name)]:
        raise CorpusError(
            f"{file}: members.{wrong[0]} is no name of a folder below data/raw; expected small"
            " letters, digits and _"
        )
    if len(members) < 2:
        raise CorpusError(
            f"{file}: members has {', '.join(members) or 'nothing'}; expected two corpora at least"
        )
    return members
