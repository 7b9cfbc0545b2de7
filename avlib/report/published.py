"""Published results, and which of them may stand beside a run of ours.

A published figure is comparable only if the corpus is there whole, the protocol is the same (its
name, the list of folds where it has one, and its number of folds where the paper states one) and
the system used the same modalities. A run that normalises speakers is comparable with none.
All others are kept apart.
"""

import itertools
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict

from avlib.report.normalisation import NONE

ALMOST_ALL = 0.98  # share of a corpus' clips from which a run holds it whole
_FILE = Path(__file__).with_name("published_results.yaml")


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PublishedProtocol(_Facts):
    """Protocol of a published result.

    k is None where the paper states none, folds is the list of a ``published`` one, and part the
    tested one of an ``official`` partition, where the authors divide the corpus into three.
    """

    name: str
    k: int | None = None
    folds: str | None = None
    part: str | None = None

    def matches(self, name: str, k: int, folds: str | None, part: str | None) -> bool:
        """Tell whether results under protocol `name` with `k` folds of a list are comparable."""
        same = (self.name, self.folds, self.part) == (name, folds, self.part and part)
        return same and self.k in (None, k)


class Published(_Facts):
    """One published result; accuracy, uar and f1_macro in percent, pretrained "" if not known.

    scenario, of emotion over time: what is followed from, and behind a plus what helps.
    """

    system: str
    scenario: str = ""
    modalities: str
    source: str
    task: str = "emotion"
    protocol: PublishedProtocol
    accuracy: float | None = None
    uar: float | None = None
    f1_macro: float | None = None
    ccc_arousal: float | None = None
    ccc_valence: float | None = None
    pretrained: str = ""

    @property
    def label(self) -> str:
        """The system, and what it was tested with where its name does not tell."""
        tells = self.modalities == _modalities(self.system)
        return self.system if tells else f"{self.system}, {self.modalities} only"


class Raters(_Facts):
    """How often human raters recognise the emotion, in percent; counted "" if not said how."""

    modalities: str
    accuracy: float
    source: str
    counted: str = ""


class Leading(_Facts):
    """The emotions that a system decides from one modality rather than from the other, or both."""

    system: str
    audio: tuple[str, ...]
    video: tuple[str, ...]
    both: tuple[str, ...]


class Beside(NamedTuple):
    """What was published on a corpus, seen from a run of ours."""

    same_protocol: tuple[Published, ...]
    other_protocol: tuple[Published, ...]
    human_raters: tuple[Raters, ...]
    leading: Leading | None = None  # under the same protocol


class Whole(_Facts):
    """Labelled clips and subjects that published results are of; None where not known for sure."""

    clips: int
    subjects: int | None = None


class _Corpus(_Facts):
    whole: Whole | None = None
    results: tuple[Published, ...] = ()
    human_raters: tuple[Raters, ...] = ()
    leading: Leading | None = None


def beside(
    corpus: str,
    protocol: str,
    k: int,
    folds: str | None = None,
    *,
    part: str | None = None,
    normalise: str = NONE,
) -> Beside:
    """Divide the emotion recognition results on a corpus by whether they are comparable.

    Parameters
    ----------
    corpus
        Name of the corpus; one without published results gives empty tuples.
    protocol, k
        Our protocol, a key of ``protocols.SUBJECT_INDEPENDENT``, and its number of folds.
    folds
        The list that they are, under ``published``.
    part
        Which part of the authors' partition we test, under ``official``.
    normalise
        How our models normalise speakers. No published figure uses clips of the tested speakers, so
        with any normalisation all of them count as of another protocol.
    """
    known = _load()[1].get(corpus, _Corpus())
    emotion = [result for result in known.results if result.task == "emotion"]
    ours = protocol, k, folds, part
    alike = [normalise == NONE and result.protocol.matches(*ours) for result in emotion]
    same = tuple(itertools.compress(emotion, alike))
    other = tuple(result for result, is_same in zip(emotion, alike, strict=True) if not is_same)
    leading = known.leading
    if leading and leading.system not in {result.system for result in same}:
        leading = None
    return Beside(same, other, known.human_raters, leading)


def over_time(corpus: str, protocol: str, part: str) -> dict[tuple[str, str], Published]:
    """Return published results on emotion over time by system and scenario, of a part.

    Parameters
    ----------
    corpus, protocol
    part
        Which part of the authors' partition is tested.
    """
    return {
        (found.system, found.scenario): found
        for found in _load()[1].get(corpus, _Corpus()).results
        if found.task == "dimensions" and found.protocol.matches(protocol, 1, None, part)
    }


def partial(corpus: str, clips: int, subjects: int) -> str:
    """Say how a run's clips differ from the corpus; "" where it is whole or its size not known.

    A few clips may be missing, because some releases hold broken ones; a subject may not. Nor may
    there be more: a run on a larger part than the papers' is not comparable either.

    Parameters
    ----------
    corpus
        Name of the corpus.
    clips, subjects
        Labelled clips, and subjects, of the run.
    """
    whole = _load()[1].get(corpus, _Corpus()).whole
    if whole is None:
        return ""
    same_clips = ALMOST_ALL * whole.clips <= clips <= whole.clips / ALMOST_ALL
    if same_clips and whole.subjects in (None, subjects):
        return ""
    of_subjects = "" if whole.subjects is None else f" of {whole.subjects:,} subjects"
    return (
        f"This run holds {clips:,} clips of {subjects:,} subjects, the published figures are of "
        f"{whole.clips:,} clips{of_subjects}"
    )


def cite(source: str) -> str:
    """Spell out the paper that a source begins with; other sources stay as they are."""
    paper, comma, place = source.partition(",")
    return _load()[0].get(paper, paper) + comma + place


@cache
def _load() -> tuple[dict[str, str], dict[str, _Corpus]]:
    """Papers by short name, and results by corpus."""
    facts = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    corpora = {}
    for name, entry in facts["corpora"].items():
        shared = entry.pop("protocol")
        entry["results"] = [
            {"protocol": shared, "modalities": _modalities(result["system"]), **result}
            for result in entry["results"]
        ]
        corpora[name] = _Corpus.model_validate(entry)
    return facts["papers"], corpora


def _modalities(system: str) -> str:
    """Tell from a system's name what it uses, in the words of the table of predictions."""
    last = system.rpartition("_")[2]
    return last if last in ("audio", "video") else "audio+video"
