"""Reader of the RML emotion database (Ryerson Multimedia Lab)."""

from __future__ import annotations

import re
from itertools import dropwhile
from pathlib import Path, PurePosixPath
from typing import ClassVar

from avlib.corpora.common.base import Listing, Reader, Recording, understood
from avlib.corpora.common.files import original_files
from avlib.corpora.common.labels import BASIC, canonical

# s3, S3, s3_english, subject 3; what follows the number names a language.
_SUBJECT = re.compile(r"s(?:ubject|peaker)?[ _-]*0*(?P<number>\d+)(?P<rest>(?:[ _-].*)?)", re.I)
_NAME = re.compile(r"(?P<emotion>[a-z]+)[ _-]*0*(?P<take>\d+)", re.I)


class Rml(Reader):
    """RML as Ryerson Multimedia Lab distributes it (Wang and Guan 2008, IEEE Trans. Multimedia).

    One archive a subject, ``s1`` to ``s8``, with files ``an1.avi``: emotion (an di fe ha sa su)
    and a number. A subject who speaks several languages has a folder for each between the two
    (``s3/<language>/an1.avi``); copies differ in what stands above (``rml-1/s1``, ``s1/s1``) and
    some name subject and language in one folder (``s3_english``). 720 clips of 8 subjects in 6
    languages, 120 an emotion.

    A clip_id joins the subject, what names the language, and the file's name
    (``s3_english_an1``). The number is a take: subjects varied the ten sentences of an emotion.
    """

    name: ClassVar[str] = "rml"
    emotions: ClassVar[tuple[str, ...]] = BASIC

    def read(self, folder: Path) -> Listing:
        """List an existing folder, searched at any depth."""
        paths, left_out = original_files(folder)
        return Listing(*understood(paths, _recording), left_out=left_out)


def _recording(path: str) -> Recording | str:
    """Return the recording, or why the file is none."""
    place = PurePosixPath(path)
    if place.suffix.lower() != ".avi":
        return f"RML holds .avi files, found {place.suffix}; put the original back"
    matches = [_SUBJECT.fullmatch(part) for part in place.parts[:-1]]
    numbers = {int(match["number"]) for match in matches if match}
    if len(numbers) != 1 or not numbers <= set(range(1, 9)):
        found = "none" if not numbers else " and ".join(f"s{n}" for n in sorted(numbers))
        return f"its folders name subject {found}; expected one of s1 to s8, put it back"
    name = _NAME.fullmatch(place.stem)
    emotion = canonical(name["emotion"]) if name else None
    if name is None or emotion not in BASIC:
        return "not named like an1.avi (an di fe ha sa su and a number); rename it back"
    subject = f"s{numbers.pop()}"
    return Recording(
        clip_id="_".join((subject, *_languages(place), place.stem.lower())),
        subject=subject,
        emotion=emotion,
        original_emotion=name["emotion"],
        video_path=path,
        audio_path=path,
        take=str(int(name["take"])),
    )


def _languages(place: PurePosixPath) -> list[str]:
    """Return what the folders say beyond the subject, from the subject's folder down."""
    below = dropwhile(lambda part: not _SUBJECT.fullmatch(part), place.parts[:-1])
    texts = [match["rest"] if (match := _SUBJECT.fullmatch(part)) else part for part in below]
    words = [re.sub(r"\W+", "-", text.lower().strip(" _-")) for text in texts]
    return list(dict.fromkeys(filter(None, words)))
