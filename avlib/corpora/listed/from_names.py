"""The table of a corpus whose files' names say who is recorded and what is shown."""

import re
from pathlib import Path

import pandas as pd

from avlib.corpora.common.files import is_media, walk
from avlib.runtime.errors import CorpusError

_FIELD = re.compile(r"\{(\w+)(?::(\d+))?\}|\*\*/|\*|\?|.", re.DOTALL)
REQUIRED = ("subject", "emotion")


def name_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of file names.

    Parameters
    ----------
    pattern
        ``{subject}`` is any text but ``/``, ``{subject:2}`` two characters; ``*`` is any text but
        ``/``, ``?`` one character, ``**/`` any folders.

    Raises
    ------
    CorpusError
        It lacks subject or emotion, or has a field twice.
    """
    fields: list[str] = []
    expression = ""
    for match in _FIELD.finditer(pattern):
        name, width = match[1], match[2]
        if name:
            if name in fields:
                raise CorpusError(f"--pattern {pattern}: has {{{name}}} twice; expected it once")
            fields.append(name)
            expression += f"(?P<{name}>[^/]{{{width}}})" if width else f"(?P<{name}>[^/]+?)"
        else:
            wild = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
            expression += wild.get(match[0]) or re.escape(match[0])
    if lacking := [field for field in REQUIRED if field not in fields]:
        raise CorpusError(
            f"--pattern {pattern}: lacks {{{lacking[0]}}}; expected such as"
            " '{subject}_{emotion}_*.wav'"
        )
    return re.compile(expression)


def table_from_names(folder: Path, pattern: str) -> tuple[pd.DataFrame, list[str]]:
    """Read the clips' table off the names of the recordings in a folder.

    Parameters
    ----------
    folder
        Searched at any depth.
    pattern
        See `name_pattern`; of the path in the folder where it holds a ``/``, else of the name.

    Returns
    -------
    table : DataFrame
        Column path and one of each field.
    others : list of str
        Recordings whose names are otherwise.

    Raises
    ------
    CorpusError
        The pattern is none, or no name is like it.
    """
    expression = name_pattern(pattern)
    rows, others = [], []
    for path in filter(is_media, walk(folder)):
        found = expression.fullmatch(path if "/" in pattern else path.rpartition("/")[2])
        if found:
            rows.append({"path": path, **found.groupdict()})
        else:
            others.append(path)
    if not rows:
        example = f", such as {others[0]}," if others else ""
        raise CorpusError(
            f"{folder}: none of its {len(others):,} recordings{example} is named like {pattern};"
            " correct --pattern"
        )
    return pd.DataFrame(rows), others
