"""`Recognizer`: a kept model, and what it says of recordings."""

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from avlib.media import Channels, probe
from avlib.recognizer import WINDOW, kept
from avlib.recognizer.archive import telling_of, unpack
from avlib.recognizer.describe import Describer, Window, describer
from avlib.recognizer.observe import Span, spans
from avlib.recognizer.traces import Traces
from avlib.runtime.errors import AvlibError, ParamsError
from avlib.runtime.threads import single_thread
from avlib.systems.common.model import BOTH, Model

_LEAST = 0.01  # s between moments, and of a window
_NOTHING = {"audio": "silence", "video": "no face found"}


@dataclass(frozen=True)
class Said:
    """What a model says of a recording or of a moment.

    Attributes
    ----------
    probabilities : array of shape (n_emotions,), or None
        None where nothing can be said.
    used : tuple of str
        Modalities.
    reason : str
        Why a modality that the model uses was not there, or is not to be relied on; "" where all
        were.
    """

    probabilities: np.ndarray | None
    used: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Recognised:
    """What a model says of one recording.

    Attributes
    ----------
    whole : Said
    times : array of shape (n_moments,)
        s; none without ``every``.
    moments : list of Said
    traces : Traces
        What a picture of the recording shows.
    """

    whole: Said
    times: np.ndarray
    moments: list[Said]
    traces: Traces


class Recognizer:
    """A kept model with what describes recordings.

    Attributes
    ----------
    name : str
        Of the model.
    corpora : list of str
        That it learned from, as params.yaml calls them.
    emotions : list of str
        That it tells apart, in the order of its probabilities.
    modalities : tuple of str
        That it uses where a recording has them.
    parts : list of (Model, Describer)
        Whose answers are averaged; one, of most models.
    settings : dict
        Sections ``speech`` and ``faces`` of params.yaml, as far as they are used.

    Examples
    --------
    >>> Recognizer.load("data/final/merml").predict("my.mp4", every=1.0)  # doctest: +SKIP
    """

    def __init__(self, model: kept.Whole) -> None:
        self.parts = [(part.model, describer(part)) for part in model.parts]
        self._versions = model.parts[0].versions
        self.name, self.emotions = model.name, model.parts[0].emotions
        self.corpora = list(dict.fromkeys(part.corpus for part in model.parts))
        used = {modality: part for part in model.parts for modality in part.model.modalities}
        self.modalities: tuple[str, ...] = tuple(m for m in BOTH if m in used)
        # How sound and faces are found: as of the part that uses them.
        sections = {"audio": "speech", "video": "faces"}
        self.settings = {sections[m]: part.settings[sections[m]] for m, part in used.items()}
        self._unpacked: Any = None

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read ``data/final/<model>``, or the file that ``python -m avlib export`` made of it.

        Raises
        ------
        DataError
            There is no such model, it is of another format, or a part is missing or damaged.
        """
        if Path(path).is_dir():
            return cls(kept.read_whole(Path(path)))
        folder = tempfile.TemporaryDirectory(prefix="avlib-")
        unpack(Path(path), Path(folder.name))
        with telling_of(Path(path), Path(folder.name)):
            recognizer = cls(kept.read_whole(Path(folder.name)))
        recognizer._unpacked = folder  # networks are read from there when they are first used
        return recognizer

    @property
    def channels(self) -> Channels:
        """What it hears of several channels; the mean where it hears nothing."""
        return self.settings.get("speech", {}).get("channels", "mean")

    def changed_libraries(self) -> list[str]:
        """Return which libraries are here in another version than it was trained with."""
        here = kept.versions()
        return [
            f"{library} {there} (here {here[library]})"
            for library, there in self._versions.items()
            if library in here and library != "python" and here[library] != there
        ]

    def predict(
        self,
        recordings: Path | str | Sequence[Path | str],
        every: float | None = None,
        window: float = WINDOW,
    ) -> pd.DataFrame:
        """Say which emotions recordings show, as far as their sound and faces tell.

        Parameters
        ----------
        recordings
            A file or several: any that PyAV opens.
        every
            s between two moments; None asks for one row a recording.
        window
            s around a moment that are looked at and listened to.

        Returns
        -------
        DataFrame
            A row a recording, or a moment of it: ``clip``, with `every` also ``time`` (s),
            ``emotion``, ``probability``, ``used`` (audio, video or both), ``reason`` (why something
            was not used or is not to be relied on) and a ``prob_<emotion>`` each. Where nothing can
            be said ``emotion`` and the probabilities are missing; a file that cannot be read has
            one such row.
        """
        require_seconds(every, window)
        rows = []
        for path in [recordings] if isinstance(recordings, Path | str) else recordings:
            clip = {"clip": printable(path)}
            try:
                found = self.recognise(path, every, window)
            except AvlibError as error:
                timeless = {"time": np.nan} if every else {}
                rows.append(clip | timeless | self.row(Said(None, (), said_of(path, error))))
            else:
                rows += self.moments(clip, found) if every else [clip | self.row(found.whole)]
        return pd.DataFrame(rows)

    def recognise(
        self,
        path: Path | str,
        every: float | None = None,
        window: float = WINDOW,
        told: Callable[[float, float], None] | None = None,
    ) -> Recognised:
        """Say what one recording shows; see `predict`.

        A recording of up to `avlib.recognizer.observe.LONGEST` s is one clip, exactly as the
        pipeline takes a corpus's. Of a longer one the probabilities are the mean over spans of at
        most that length, and after each span `told` is called with the seconds that are done and
        those there are.

        Raises
        ------
        MediaError
            It is no recording.
        ParamsError
            `every` or `window` is not above 0.
        """
        require_seconds(every, window)
        info = probe(path)
        times = np.arange(0.0, info.duration, every) if every else np.empty(0)
        traces = Traces(info.duration)
        whole: list[tuple[float, Said]] = []
        moments: list[Said] = []
        rate = max(maker.rate for _, maker in self.parts)
        for span in spans(Path(path), info, self.modalities, window / 2, self.settings, rate):
            traces.add(span)
            [said] = self._say(span, [span.own])
            whole.append((span.length, said))
            first = span.start + (span.own[0] if span.own else 0.0)
            own = times[len(moments) : np.searchsorted(times, first + span.length)] - span.start
            moments += self._say(span, [(max(0.0, t - window / 2), t + window / 2) for t in own])
            if told is not None:
                told(first + span.length, info.duration)
        said = _mean(whole)
        if lost := info.cut_short or info.damage:
            said = replace(said, reason="; ".join(filter(None, [lost, said.reason])))
        return Recognised(said, times, moments, traces)

    def _say(self, span: Span, windows: Sequence[Window]) -> list[Said]:
        """Say what windows of a span show: the mean of the parts that can say something."""
        with single_thread():  # as in the stages' workers, for the same bits
            by_part = [_asked(model, maker, span, windows) for model, maker in self.parts]
        found = []
        for answers in zip(*by_part, strict=True):
            there = {m for answer in answers for m in answer.used}
            used = tuple(m for m in self.modalities if m in there)
            notes = [note for m in self.modalities for note in _notes(span, m, m in used)]
            said = [a.probabilities for a in answers if a.probabilities is not None]
            mean = np.mean(said, axis=0) if said else None
            found.append(Said(mean, used, "; ".join(notes)))
        return found

    def row(self, said: Said) -> dict[str, Any]:
        """Return what is said as columns; see `predict`."""
        some = said.probabilities
        values = np.full(len(self.emotions), np.nan) if some is None else some
        return {
            "emotion": None if some is None else self.emotions[int(values.argmax())],
            "probability": float(values.max()),
            "used": "both" if len(said.used) > 1 else "".join(said.used),
            "reason": said.reason,
            **{f"prob_{e}": float(p) for e, p in zip(self.emotions, values, strict=True)},
        }

    def moments(self, keys: dict[str, Any], found: Recognised) -> list[dict[str, Any]]:
        """Return the moments of a recording as rows, each with some keys."""
        return [
            keys | {"time": float(time)} | self.row(said)
            for time, said in zip(found.times, found.moments, strict=True)
        ]


def _asked(model: Model, maker: Describer, span: Span, windows: Sequence[Window]) -> list[Said]:
    """Return what one model says of windows of a span, and from what."""
    step = maker.at_once or max(1, len(windows))
    found = []
    for first in range(0, len(windows), step):
        clips = maker.clips(span, windows[first : first + step])
        scorable = np.flatnonzero(model.scorable(clips, model.modalities))
        scored = model.predict_proba(clips.select(scorable), model.modalities)
        probabilities = dict(zip(scorable.tolist(), scored, strict=True))
        present = {m: clips.has((m,)) for m in model.modalities}
        for row in range(len(clips)):
            used = tuple(m for m, there in present.items() if there[row])
            found.append(Said(probabilities.get(row), used))
    return found


def _notes(span: Span, modality: str, used: bool) -> Iterator[str]:
    """Yield why a modality is not used, or is not to be relied on."""
    if modality in span.lacking:
        yield span.lacking[modality]
        return
    if doubt := span.doubts.get(modality):
        yield doubt
    if not used:
        yield _NOTHING[modality]


def _mean(spans: Sequence[tuple[float, Said]]) -> Said:
    """Return what is said of a recording: the mean over its spans, by their length."""
    if len(spans) == 1:
        return spans[0][1]
    scored = [(s, said.probabilities) for s, said in spans if said.probabilities is not None]
    used = tuple(m for m in ("audio", "video") if any(m in said.used for _, said in spans))
    lacks = [said.reason.split("; ") if said.reason else [] for _, said in spans]
    throughout = [reason for reason in lacks[0] if all(reason in other for other in lacks)]
    # Of reasons that differ in their figures the first is told.
    at_times: dict[str, str] = {}
    for reason in (r for reasons in lacks for r in reasons if r not in throughout):
        at_times.setdefault(re.sub(r"[0-9.]+", "", reason), reason)
    named = "; ".join(at_times.values())
    in_part = f"in part: {named}" if used else named
    reason = "; ".join([*throughout, *([in_part] if at_times else [])])
    if not scored:
        return Said(None, (), reason)
    weights, probabilities = zip(*scored, strict=True)
    return Said(np.average(probabilities, axis=0, weights=weights), used, reason)


def require_seconds(every: float | None, window: float) -> None:
    """Raise ParamsError where moments are asked for that cannot be."""
    if (every is not None and not every >= _LEAST) or not window >= _LEAST:
        raise ParamsError(
            f"every {every}, window {window}: expected {_LEAST} s or more, such as 1.0"
        )


def printable(path: Path | str) -> str:
    """Return a file's name as text that can be written, whatever bytes it is made of."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def said_of(path: Path | str, error: AvlibError) -> str:
    """Return what an error says of a file, without its name."""
    return " ".join(str(error).removeprefix(f"{path}: ").split())
