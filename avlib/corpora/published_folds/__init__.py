"""Folds that others published: who is tested in each, in ``lists.yaml`` with the sources."""

from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

import yaml

from avlib.runtime.errors import ParamsError


def published_folds(corpus: str, name: str) -> list[list[str]]:
    """Return the subjects that each fold of a list tests.

    Parameters
    ----------
    corpus
        A key of ``params.yaml``.
    name
        Name of the list, ``protocol.folds``.

    Raises
    ------
    ParamsError
        The corpus has no such list; the message names those that there are.
    """
    lists = _lists()
    if name in lists.get(corpus, {}):
        return lists[corpus][name]
    known = "; ".join(f"{', '.join(names)} of {other}" for other, names in lists.items())
    raise ParamsError(
        f"protocol.folds is {name!r}, which is no published list of corpus {corpus}; "
        f"there are {known}: name one of the corpus, or choose another protocol.name"
    )


def remarks(name: str, folds: Collection[Collection[str]], subjects: Iterable[str]) -> list[str]:
    """Say what a list and the subjects of a corpus folder do not have in common.

    Parameters
    ----------
    name
        Name of the list.
    folds
        The subjects that each of its folds tests.
    subjects
        Those who are here.

    Returns
    -------
    list of str
        Empty where the same subjects are on both sides.
    """
    here, listed = set(subjects), {subject for fold in folds for subject in fold}
    said = []
    if listed - here:
        used = [str(n) for n, fold in enumerate(folds, start=1) if here & set(fold)]
        said.append(
            f"{len(listed & here)} of the {len(listed)} subjects of the published list {name} are "
            f"here: {len(used)} of its {len(folds)} folds are used ({', '.join(used)})"
        )
    if unlisted := sorted(here - listed):
        said.append(
            f"left out, since the published list {name} names them in no fold: {len(unlisted)} "
            f"subjects ({', '.join(unlisted)})"
        )
    return said


@cache
def _lists() -> dict[str, dict[str, list[list[str]]]]:
    """By corpus and name of the list."""
    text = Path(__file__).with_name("lists.yaml").read_text(encoding="utf-8")
    return {
        corpus: {name: [line.split() for line in entry["folds"]] for name, entry in lists.items()}
        for corpus, lists in yaml.safe_load(text).items()
    }
