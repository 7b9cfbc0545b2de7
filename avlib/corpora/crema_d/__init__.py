"""Reader of CREMA-D, the crowd-sourced emotional multimodal actors dataset."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import pandas as pd

from avlib.corpora.common.base import Listing, Reader, Recording, no_votes, read_csv
from avlib.corpora.common.files import is_media, walk
from avlib.runtime.errors import CorpusError

_EMOTIONS = {
    emotion[:3].upper(): emotion
    for emotion in ("anger", "disgust", "fear", "happiness", "neutral", "sadness")
}
_LETTERS = {code[0]: emotion for code, emotion in _EMOTIONS.items()}
_INTENSITIES = {"LO": "low", "MD": "medium", "HI": "high", "XX": None, "X": None}
_NAME = re.compile(
    r"(?P<actor>10[0-8]\d|109[01])_(?P<sentence>[A-Z]{3})_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)"
    r"_(?P<level>LO|MD|HI|XX?)"
)
FOLDERS = {"VideoFlash": ".flv", "AudioWAV": ".wav", "AudioMP3": ".mp3"}
_VOTES = {"VoiceVote": "vote_voice", "FaceVote": "vote_face", "MultiModalVote": "vote_multimodal"}
_RATED = {"1": "audio", "2": "video", "3": "audio+video"}  # first digit of a tabulated row's id
_RATING_ID = "Unnamed: 0"  # as pandas calls the column, whose header is empty

_Facts = dict[str, dict[str, Any]]  # fields of recordings, by actor or by clip


class CremaD(Reader):
    """CREMA-D as published at https://github.com/CheyneyComputerScience/CREMA-D (ODbL 1.0).

    Files are ``VideoFlash/*.flv``, ``AudioWAV/*.wav`` and ``AudioMP3/*.mp3``, named
    ``1001_DFA_ANG_XX``: actor, sentence, emotion (ANG DIS FEA HAP NEU SAD), level (LO MD HI, XX
    where it was not asked for; some copies hold ``1040_ITH_SAD_X``). One name is one clip and its
    clip_id: 7,442 clips of 91 actors and 12 sentences (Cao et al. 2014, IEEE Trans. Affective
    Computing 5(4)). The sound is the wav where there is one, else the mp3, else the flv's own; the
    next of them where one cannot be read.

    ``VideoDemographics.csv`` (ActorID, Age, Sex) and ``processedResults/summaryTable.csv``
    (FileName, VoiceVote, FaceVote, MultiModalVote: the crowd's consensus as letters, ties with
    ``:``) are read where present; the label stays the intended emotion of the name. So is
    ``processedResults/tabulatedVotes.csv``: how many raters named each emotion (columns A D F H N
    S), a row for each clip (fileName) and modality, told by the first digit of the row's id (1
    voice, 2 face, 3 both: 100001, 200001 and 300001 are the same clip).
    """

    name: ClassVar[str] = "crema_d"
    emotions: ClassVar[tuple[str, ...]] = tuple(sorted(_EMOTIONS.values()))

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


def _recording(stem: str, paths: dict[str, str], people: _Facts, votes: _Facts) -> Recording:
    actor, sentence, emotion, level = stem.split("_")
    video = paths.get("VideoFlash")
    sounds = [paths[place] for place in ("AudioWAV", "AudioMP3", "VideoFlash") if place in paths]
    return Recording(
        clip_id=stem,
        subject=actor,
        emotion=_EMOTIONS[emotion],
        original_emotion=emotion,
        video_path=video,
        audio_path=sounds[0],
        spare_audio=tuple(sounds[1:]),
        sentence=sentence,
        intensity=_INTENSITIES[level],
        **people.get(actor, {}),
        **votes.get(_tabulated_name(stem), {}),
    )


def _tabulated_name(stem: str) -> str:
    """Name of a clip in the tables, which write XX where some copies of a file are named X."""
    return f"{stem}X" if stem.endswith("_X") else stem


def _people(path: Path) -> _Facts:
    """Read age and sex by actor; nothing where the table is absent."""
    if not path.exists():
        return {}
    table = read_csv(path, ("ActorID", "Age", "Sex"))
    _require(path, table, "Age", r"(\d+(\.\d+)?)?", "years")
    _require(path, table, "Sex", r"(?i:(fe)?male)?", "Female or Male")
    return {
        actor: {"age": float(age) if age else None, "sex": sex.lower() or None}
        for actor, age, sex in table.itertuples(index=False)
    }


def _votes(path: Path) -> _Facts:
    """Read the crowd's consensus by clip name; nothing where the table is absent."""
    if not path.exists():
        return {}
    table = read_csv(path, ("FileName", *_VOTES))
    letters = "".join(_LETTERS)
    for column in _VOTES:
        expected = f"letters of {' '.join(_LETTERS)} joined with ':'"
        _require(path, table, column, f"|NA|[{letters}](:[{letters}])*", expected)
    return {
        name: dict(zip(_VOTES.values(), map(_consensus, votes), strict=True))
        for name, *votes in table.itertuples(index=False)
    }


def _consensus(vote: str) -> str | None:
    """Translate "A:D" to "anger:disgust"; nobody voted where the cell is empty or NA."""
    if vote in ("", "NA"):
        return None
    return ":".join(_LETTERS[letter] for letter in vote.split(":"))


def _ratings(path: Path, clip_ids: dict[str, str]) -> pd.DataFrame:
    """Read how many raters named each emotion; nothing where the table is absent.

    `clip_ids` are those that are here, by their name in the table.
    """
    if not path.exists():
        return no_votes()
    table = read_csv(path, ("fileName", _RATING_ID, *_LETTERS))
    _require(path, table, _RATING_ID, r"[123]\d{5}", "100001 to 307442")
    for letter in _LETTERS:
        _require(path, table, letter, r"\d{1,6}", "a number of raters")
    table["modality"] = table[_RATING_ID].str[0].map(_RATED)
    twice = table[table.duplicated(["fileName", "modality"])]
    if len(twice):
        raise CorpusError(
            f"{path}: tabulates {twice['fileName'].iloc[0]} twice for "
            f"{twice['modality'].iloc[0]}, expected one row; download the table again"
        )
    table["clip_id"] = table["fileName"].map(clip_ids)
    here = table.dropna(subset="clip_id").set_index(["clip_id", "modality"])[list(_LETTERS)]
    ratings = here.rename(columns=_LETTERS).astype(int).rename_axis(columns="emotion").stack()
    return pd.Series(ratings, name="ratings").reset_index()


def _require(path: Path, table: pd.DataFrame, column: str, pattern: str, expected: str) -> None:
    """Check the texts of a column; the table's first one names what a row is about."""
    wrong = ~table[column].str.fullmatch(pattern)
    if wrong.any():
        row, what = table[wrong].iloc[0], "actor" if table.columns[0] == "ActorID" else "clip"
        raise CorpusError(
            f"{path}: column {column!r} holds {row[column]!r:.99} for {what} {row.iloc[0]}, "
            f"expected {expected}; download the table again"
        )
