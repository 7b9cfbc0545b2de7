"""Reader of several corpora as one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from avlib.corpora.common.base import Listing, Reader, Recording, no_traces, no_votes
from avlib.corpora.common.relabel import relabelled
from avlib.corpora.joined.definition import read_definition
from avlib.runtime.errors import CorpusError, ParamsError

DEFINITION = "corpus.yaml"


class JoinedCorpus(Reader):
    """Corpora beside each other below ``data/raw``, joined by ``data/raw/<name>/corpus.yaml``.

    Clips and subjects are called ``<member>-<name>``. No name of a folder holds a ``-``, so that no
    two people meet under one name. A recording keeps the member's name in ``Recording.corpus`` and
    its paths in the member's folder: nothing is copied, and nothing is linked.

    Parameters
    ----------
    name
        The value of ``corpus`` in ``params.yaml``.
    folder
        Where ``corpus.yaml`` is.
    member
        Returns the reader of a corpus by name, and raises CorpusError where there is none.

    Raises
    ------
    CorpusError
        ``corpus.yaml`` is wrong, or names what is no corpus.
    """

    emotions = ()  # as the members have them, and as they are mapped

    def __init__(self, name: str, folder: Path, member: Callable[[str], Reader]) -> None:
        super().__init__()
        file = folder / DEFINITION
        if tables := sorted(path.name for path in folder.glob("clips.*")):
            raise CorpusError(
                f"{folder}: has {DEFINITION} and {tables[0]}; expected one of them: move a corpus"
                " of your own to a folder of its own"
            )
        self._settings = read_definition(file)
        readers = {}
        for wanted in self._settings:
            try:
                readers[wanted] = member(wanted)
            except CorpusError as error:
                raise CorpusError(f"{file}: members.{wanted}: {error}") from None
        vars(self).update(name=name, title=name, members=readers)

    def read(self, folder: Path) -> Listing:
        """List the clips of all members, with the emotions that ``corpus.yaml`` maps theirs to."""
        every = [_renamed(name, self._member(name, folder)) for name in self.members]
        return Listing(
            recordings=[recording for listing in every for recording in listing.recordings],
            unrecognised=[found for listing in every for found in listing.unrecognised],
            notes=[note for listing in every for note in listing.notes],
            votes=_concat([listing.votes for listing in every], no_votes()),
            missing=[found for listing in every for found in listing.missing],
            traces=_concat([listing.traces for listing in every], no_traces()),
            left_out={kind: items for listing in every for kind, items in listing.left_out.items()},
            rows={clip: row for listing in every for clip, row in listing.rows.items()},
        )

    def _member(self, name: str, folder: Path) -> Listing:
        """List a member with mapped emotions."""
        settings = self._settings[name]
        try:
            whole = self.members[name].recordings(folder.with_name(name), settings.subset)
            listing = relabelled(whole, settings.labels)
        except (CorpusError, ParamsError) as error:
            raise CorpusError(f"{folder / DEFINITION}: members.{name}: {error}") from None
        if _emotions(whole) and not _emotions(listing):
            raise CorpusError(
                f"{folder / DEFINITION}: members.{name}.labels leave an emotion to none of its"
                f" {len(listing.recordings):,} clips; expected some: map fewer to null"
            )
        return listing

    def _completed(self, recordings: list[Recording]) -> list[Recording]:
        """Return them as they are: a member alone knows what its clips lack."""
        return recordings


def _renamed(member: str, listing: Listing) -> Listing:
    """Return a member's listing with names that no other member has."""
    prefix = f"{member}-"
    return Listing(
        recordings=[
            replace(r, clip_id=prefix + r.clip_id, subject=prefix + r.subject)
            for r in listing.recordings
        ],
        unrecognised=[(f"{member}/{path}", reason) for path, reason in listing.unrecognised],
        notes=[f"{member}: {note}" for note in listing.notes],
        votes=listing.votes.assign(clip_id=prefix + listing.votes["clip_id"].astype(str)),
        missing=[(prefix + clip_id, reason) for clip_id, reason in listing.missing],
        traces=listing.traces.assign(clip_id=prefix + listing.traces["clip_id"].astype(str)),
        left_out={f"{member}: {kind}": items for kind, items in listing.left_out.items()},
        rows={prefix + clip_id: f"{member}/{row}" for clip_id, row in listing.rows.items()},
    )


def _emotions(listing: Listing) -> set[str]:
    return {r.emotion for r in listing.recordings if r.emotion is not None}


def _concat(tables: list[pd.DataFrame], empty: pd.DataFrame) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else empty
