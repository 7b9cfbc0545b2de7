"""Reader of the eNTERFACE'05 audio-visual emotion database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import ClassVar

from avlib.corpora.common.base import Listing, Reader, Recording, Subset, understood
from avlib.corpora.common.files import original_files
from avlib.corpora.common.labels import BASIC, canonical

_SUBJECT = re.compile(r"subject[ _-]*0*([1-9]\d?)", re.IGNORECASE)
_SENTENCE = re.compile(r"sentence[ _-]*0*([1-9])", re.IGNORECASE)
# s1_an_1, and slips of the distribution: s_3_ha_1, s16_su_3avi.
_NAME = re.compile(
    r"s_?0*(?P<subject>\d+)_(?P<emotion>[a-z]+)(?:_0*(?P<sentence>[1-9])(?:avi)?)?", re.IGNORECASE
)


class Enterface05(Reader):
    """eNTERFACE'05 as its ``project2_database.zip`` unpacks (https://enterface.net/enterface05).

    Files are ``subject N/<emotion>/sentence M/sN_<code>_M.avi``: 44 subjects, six emotions (anger
    disgust fear happiness sadness surprise; an di fe ha sa su), five sentences each (Martin,
    Kotsia, Macq, Pitas 2006, ICDEW'06). Case, blanks (``subject-1``) and spelling (happy) may
    vary, further levels may stand above, and the folders of the sentences may be missing.

    Folders name the subject and the emotion, file names do not: those in ``subject 11`` begin
    with s12 in the distribution, others hold slips. Subject 6 is not cut into sentences: its
    recordings, one an emotion, are read as they are. Subject 23 lacks three clips of happiness.
    A clip_id is ``s11_an_1`` with the number of the folder, ``s6_an`` without a sentence.

    The subset ``merml_42`` is the 42 subjects and 1,260 clips of Ghaleb, Popa and Asteriadis
    (2019): they do not name the subjects, but exactly 42 of them have all 30 clips.
    """

    name: ClassVar[str] = "enterface05"
    emotions: ClassVar[tuple[str, ...]] = BASIC
    subsets: ClassVar[Mapping[str, Subset]] = {
        "all": Subset(1293, 44, lambda clip: True),
        "merml_42": Subset(1260, 42, lambda clip: clip.subject not in ("subject_06", "subject_23")),
    }

    def read(self, folder: Path) -> Listing:
        """List an existing folder, searched at any depth."""
        paths, left_out = original_files(folder)
        recordings, unrecognised = understood(paths, _recording)
        return Listing(recordings, unrecognised, _notes(recordings), left_out=left_out)


def _recording(path: str) -> Recording | str:
    """Return the recording, or why the file is none."""
    place = PurePosixPath(path)
    if place.suffix.lower() != ".avi":
        return f"eNTERFACE'05 holds .avi files, found {place.suffix}; put the original back"
    subjects = [match[1] for part in place.parts[:-1] if (match := _SUBJECT.fullmatch(part))]
    if not subjects or int(subjects[-1]) > 44:
        # The name alone will not do: subject 11's files are named like subject 12's.
        return "stands in no folder 'subject 1' to 'subject 44'; put it back where it was"
    name = _NAME.fullmatch(place.stem)
    words = [*reversed(place.parts[:-1]), name["emotion"] if name else ""]
    original = next((word for word in words if canonical(word) in BASIC), None)
    if original is None:
        return f"no folder above it names an emotion ({', '.join(BASIC)}); put it back"
    folders = [match[1] for part in place.parts[:-1] if (match := _SENTENCE.fullmatch(part))]
    sentence = folders[-1] if folders else name["sentence"] if name else None
    emotion = str(canonical(original))
    number = int(subjects[-1])
    return Recording(
        clip_id="_".join((f"s{number}", emotion[:2], *([sentence] if sentence else []))),
        subject=f"subject_{number:02}",
        emotion=emotion,
        original_emotion=original,
        video_path=path,
        audio_path=path,
        sentence=sentence,
    )


def _contradicts(recording: Recording) -> bool:
    """Tell whether a file's name says another subject or emotion than its folders."""
    name = _NAME.fullmatch(PurePosixPath(str(recording.video_path)).stem)
    return name is not None and (
        f"subject_{int(name['subject']):02}" != recording.subject
        or canonical(name["emotion"]) not in (None, recording.emotion)
    )


def _notes(recordings: list[Recording]) -> list[str]:
    notes = []
    if misnamed := list(filter(_contradicts, recordings)):
        notes.append(
            f"{len(misnamed):,} file names say another subject or emotion than their folders, "
            f"e.g. {misnamed[0].video_path}: the folders are followed"
        )
    if uncut := [recording for recording in recordings if recording.sentence is None]:
        subjects = ", ".join(sorted({recording.subject for recording in uncut}))
        notes.append(f"{len(uncut):,} recordings are not cut into sentences ({subjects})")
    return notes
