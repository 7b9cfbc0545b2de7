"""Reader of RAVDESS, the Ryerson audio-visual database of emotional speech and song."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import ClassVar

from avlib.corpora.common.base import Listing, Reader, Recording, is_media, walk

_EMOTIONS = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
_INTENSITIES = {"01": "normal", "02": "strong"}
_SENTENCES = {"01": "kids", "02": "dogs"}
_NAME = re.compile(
    r"(?P<modality>0[123])-"
    r"(?P<performance>(?P<channel>0[12])-(?P<emotion>0[1-8])-(?P<intensity>0[12])"
    r"-(?P<sentence>0[12])-(?P<take>0[12])-(?P<actor>0[1-9]|1\d|2[0-4]))"
)
# Video first: a full audio-visual file is mp4, an audio-only one wav (or flac, packed by users).
_SUFFIXES = {"01": (".mp4",), "02": (".mp4",), "03": (".wav", ".flac")}


class Ravdess(Reader):
    """RAVDESS as published at https://doi.org/10.5281/zenodo.1188976 (CC BY-NC-SA 4.0).

    Files are ``Actor_AA/MM-VV-EE-II-SS-RR-AA.mp4`` (or ``.wav``), one archive per actor and kind;
    the extra level that the archives unpack to (``Video_Speech_Actor_01/Actor_01/``) may stay. The
    fields are modality (01 audio and video, 02 video only, 03 audio only), vocal channel (01
    speech, 02 song), emotion (01 neutral, 02 calm, 03 happy, 04 sad, 05 angry, 06 fearful, 07
    disgust, 08 surprised), intensity (01 normal, 02 strong), statement (01 kids, 02 dogs),
    repetition and actor (odd male, even female). Naming and counts: Livingstone and Russo (2018),
    PLoS ONE 13(5), e0196391: 24 actors, 60 spoken performances each.

    A performance is one clip, whatever files of it are here, since the three modalities are the
    same recording: the 01 file gives both streams, else 02 gives the video and 03 the audio. Its
    clip_id is the name without the modality (``01-05-01-02-01-12``). Song is left out.
    """

    name: ClassVar[str] = "ravdess"
    emotions: ClassVar[tuple[str, ...]] = tuple(sorted(_EMOTIONS))

    def read(self, folder: Path) -> Listing:
        """List an existing folder, searched at any depth."""
        files: dict[str, dict[str, str]] = {}
        unrecognised = []
        left_out: Counter[str] = Counter()
        for path in filter(is_media, walk(folder)):
            name = PurePosixPath(path)
            match = _NAME.fullmatch(name.stem)
            suffixes = _SUFFIXES[match["modality"]] if match else ()
            if match is None:
                reason = "not named MM-VV-EE-II-SS-RR-AA with RAVDESS's codes; rename it back"
                unrecognised.append((path, reason))
            elif name.suffix.lower() not in suffixes:
                found = f"modality {match['modality']} is a {' or '.join(suffixes)} file"
                unrecognised.append((path, f"{found}, found {name.suffix}"))
            elif match["channel"] == "02":
                left_out["song files"] += 1
            elif match["modality"] in files.setdefault(match["performance"], {}):
                left_out["second copies of a file"] += 1
            else:
                files[match["performance"]][match["modality"]] = path
        recordings = [_recording(performance, paths) for performance, paths in files.items()]
        notes = [f"{count:,} {what} left out" for what, count in sorted(left_out.items())]
        return Listing(recordings, unrecognised, notes)


def _recording(performance: str, paths: dict[str, str]) -> Recording:
    _, emotion, intensity, sentence, take, actor = performance.split("-")
    return Recording(
        clip_id=performance,
        subject=f"Actor_{actor}",
        emotion=_EMOTIONS[int(emotion) - 1],
        original_emotion=emotion,
        video_path=paths.get("01", paths.get("02")),
        audio_path=paths.get("01", paths.get("03")),
        sentence=_SENTENCES[sentence],
        intensity=_INTENSITIES[intensity],
        take=str(int(take)),
        sex="male" if int(actor) % 2 else "female",
    )
