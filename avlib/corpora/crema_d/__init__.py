"""Reader of CREMA-D, the crowd-sourced emotional multimodal actors dataset."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import pandas as pd

from avlib.corpora.common.base import Listing, Reader, Recording, Votes, is_media, read_csv, walk
from avlib.runtime.errors import CorpusError

_EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
_LETTERS = {code[0]: emotion for code, emotion in _EMOTIONS.items()}
_INTENSITIES = {"LO": "low", "MD": "medium", "HI": "high", "XX": None, "X": None}
_NAME = re.compile(
    r"(?P<actor>10[0-8]\d|109[01])_(?P<sentence>[A-Z]{3})_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)"
    r"_(?P<level>LO|MD|HI|XX?)"
)
FOLDERS = {"VideoFlash": ".flv", "AudioWAV": ".wav", "AudioMP3": ".mp3"}
_VOTES = {"vote_voice": "VoiceVote", "vote_face": "FaceVote", "vote_multimodal": "MultiModalVote"}
_RATED = {"1": "audio", "2": "video", "3": "audio+video"}  # first digit of a tabulated row's id
_RATING_ID = "Unnamed: 0"  # as pandas calls the column, whose header is empty


class CremaD(Reader):
    """CREMA-D as published at https://github.com/CheyneyComputerScience/CREMA-D (ODbL 1.0).

    Files are ``VideoFlash/*.flv``, ``AudioWAV/*.wav`` and ``AudioMP3/*.mp3``, named
    ``1001_DFA_ANG_XX``: actor, sentence, emotion (ANG DIS FEA HAP NEU SAD), level (LO MD HI, XX
    where it was not asked for; some copies hold ``1040_ITH_SAD_X``). One name is one clip and its
    clip_id: 7,442 clips of 91 actors and 12 sentences (Cao et al. 2014, IEEE Trans. Affective
    Computing 5(4)). The sound is the wav where there is one, else the mp3, else the flv's own.

    ``VideoDemographics.csv`` (ActorID, Age, Sex) and ``processedResults/summaryTable.csv``
    (FileName, VoiceVote, FaceVote, MultiModalVote: the crowd's consensus as letters, ties with
    ``:``) are read where present; the label stays the intended emotion of the name. So is
    ``processedResults/tabulatedVotes.csv``: how many raters named each emotion (columns A D F H N
    S), a row for each clip (fileName) and modality, told by the first digit of the row's id (1
    voice, 2 face, 3 both: 100001, 200001 and 300001 are the same clip).
    """

    name: ClassVar[str] = "crema_d"
    title: ClassVar[str] = "CREMA-D"
    layout: ClassVar[str] = "VideoFlash/1001_DFA_ANG_XX.flv, AudioWAV/1001_DFA_ANG_XX.wav and so on"
    emotions: ClassVar[tuple[str, ...]] = tuple(sorted(_EMOTIONS.values()))
    n_clips: ClassVar[int | None] = 7442
    n_subjects: ClassVar[int | None] = 91
    source: ClassVar[str] = "https://github.com/CheyneyComputerScience/CREMA-D"
    licence: ClassVar[str] = "ODbL 1.0, contents DbCL 1.0"
    protocol: ClassVar[str] = "subject_kfold, k: 10"

    def read(self, folder: Path) -> Listing:
        """List an existing folder and the tables beside the recordings."""
        files: dict[str, dict[str, str]] = {}
        unrecognised = []
        for path in filter(is_media, walk(folder)):
            name = PurePosixPath(path)
            kind = name.parts[0]
            if len(name.parts) != 2 or FOLDERS.get(kind) != name.suffix.lower():
                folders = ", ".join(f"{place}/*{suffix}" for place, suffix in FOLDERS.items())
                unrecognised.append((path, f"not where CREMA-D keeps recordings ({folders})"))
            elif _NAME.fullmatch(name.stem) is None:
                reason = "not named like 1001_DFA_ANG_XX with CREMA-D's codes; rename it back"
                unrecognised.append((path, reason))
            else:
                files.setdefault(name.stem, {})[kind] = path
        people = _people(folder / "VideoDemographics.csv")
        votes = _votes(folder / "processedResults" / "summaryTable.csv")
        recordings = [_recording(stem, paths, people, votes) for stem, paths in files.items()]
        clip_ids = {_tabulated_name(stem): stem for stem in files}
        ratings = _ratings(folder / "processedResults" / "tabulatedVotes.csv", clip_ids)
        return Listing(recordings, unrecognised, votes=ratings)


def _recording(
    stem: str,
    paths: dict[str, str],
    people: dict[str, dict[str, Any]],
    votes: dict[str, dict[str, Any]],
) -> Recording:
    actor, sentence, emotion, level = stem.split("_")
    video = paths.get("VideoFlash")
    return Recording(
        clip_id=stem,
        subject=actor,
        emotion=_EMOTIONS[emotion],
        original_emotion=emotion,
        video_path=video,
        audio_path=paths.get("AudioWAV", paths.get("AudioMP3", video)),
        sentence=sentence,
        intensity=_INTENSITIES[level],
        **people.get(actor, {}),
        **votes.get(_tabulated_name(stem), {}),
    )


def _tabulated_name(stem: str) -> str:
    """Name of a clip in the tables, which write XX where some copies of a file are named X."""
    return f"{stem}X" if stem.endswith("_X") else stem


def _people(path: Path) -> dict[str, dict[str, Any]]:
    """Read age and sex by actor; nothing where the table is absent."""
    if not path.exists():
        return {}
    people = {}
    for actor, age, sex in read_csv(path, ("ActorID", "Age", "Sex")).itertuples(index=False):
        if age and not re.fullmatch(r"\d+(\.\d+)?", age):
            raise CorpusError(
                f"{path}: column 'Age' holds {age!r} for actor {actor}, expected years; "
                "download the table again"
            )
        if sex.lower() not in ("", "female", "male"):
            raise CorpusError(
                f"{path}: column 'Sex' holds {sex!r} for actor {actor}, expected Female or Male; "
                "download the table again"
            )
        people[actor] = {"age": float(age) if age else None, "sex": sex.lower() or None}
    return people


def _votes(path: Path) -> dict[str, dict[str, Any]]:
    """Read the crowd's consensus by clip name; nothing where the table is absent."""
    if not path.exists():
        return {}
    table = read_csv(path, ("FileName", *_VOTES.values()))
    names = table.pop("FileName")
    columns = {
        field: [_vote(path, column, vote) for vote in table[column]]
        for field, column in _VOTES.items()
    }
    rows = zip(*columns.values(), strict=True)
    return {
        name: dict(zip(columns, row, strict=True)) for name, row in zip(names, rows, strict=True)
    }


def _vote(path: Path, column: str, letters: str) -> str | None:
    """Translate "A:D" to "anger:disgust"; nobody voted where the cell is empty or NA."""
    if letters in ("", "NA"):
        return None
    try:
        return ":".join(_LETTERS[letter] for letter in letters.split(":"))
    except KeyError:
        raise CorpusError(
            f"{path}: column {column!r} holds {letters!r}, expected letters of "
            f"{' '.join(_LETTERS)} joined with ':'; download the table again"
        ) from None


def _ratings(path: Path, clip_ids: dict[str, str]) -> list[Votes]:
    """Read how many raters named each emotion; nothing where the table is absent.

    `clip_ids` are those that are here, by their name in the table.
    """
    if not path.exists():
        return []
    table = read_csv(path, (_RATING_ID, "fileName", *_LETTERS))
    _require(path, table, _RATING_ID, r"[123]\d{5}", "100001 to 307442")
    for letter in _LETTERS:
        _require(path, table, letter, r"\d{1,6}", "a number of raters")
    modality = table[_RATING_ID].str[0].map(_RATED)
    twice = pd.DataFrame({"clip": table["fileName"], "modality": modality}).duplicated()
    if twice.any():
        raise CorpusError(
            f"{path}: tabulates {table['fileName'][twice].iloc[0]} twice for "
            f"{modality[twice].iloc[0]}, expected one row; download the table again"
        )
    counts = table[list(_LETTERS)].astype(int).to_numpy().tolist()
    rows = zip(table["fileName"], modality, counts, strict=True)
    return [
        Votes(clip_ids[name], given, dict(zip(_LETTERS.values(), row, strict=True)))
        for name, given, row in rows
        if name in clip_ids
    ]


def _require(path: Path, table: pd.DataFrame, column: str, pattern: str, expected: str) -> None:
    wrong = ~table[column].str.fullmatch(pattern)
    if wrong.any():
        row = table[wrong].iloc[0]
        raise CorpusError(
            f"{path}: column {column!r} holds {row[column]!r} for clip {row['fileName']}, "
            f"expected {expected}; download the table again"
        )
