"""Reader of RAVDESS, the Ryerson audio-visual database of emotional speech and song."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import ClassVar

from avlib.corpora.common.base import Listing, Reader, Recording
from avlib.corpora.common.files import is_media, is_sound, walk

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
    same recording: the 01 file gives both streams, else (or where it cannot be read) 02 gives the
    video and 03 the audio. A sound file named as an 01 or 02 video that is here was extracted from
    it and is left out. The clip_id is the name without the modality (``01-05-01-02-01-12``). Song
    is left out.
    """

    name: ClassVar[str] = "ravdess"
    emotions: ClassVar[tuple[str, ...]] = tuple(sorted(_EMOTIONS))

    def read(self, folder: Path) -> Listing:
        """List an existing folder, searched at any depth."""
        files: dict[str, dict[str, str]] = {}
        unrecognised = []
        left_out: dict[str, list[str]] = {}
        # Videos first: sound that was extracted from one is told by it.
        for path in sorted(filter(is_media, walk(folder)), key=is_sound):
            name = PurePosixPath(path)
            match = _NAME.fullmatch(name.stem)
            suffixes = _SUFFIXES[match["modality"]] if match else ()
            known = files.setdefault(match["performance"], {}) if match else {}
            if match is None:
                reason = "not named MM-VV-EE-II-SS-RR-AA with RAVDESS's codes; rename it back"
                unrecognised.append((path, reason))
            elif match["channel"] == "02":
                left_out.setdefault("song files", []).append(path)
            elif name.suffix.lower() in suffixes and match["modality"] in known:
                left_out.setdefault("second copies of a file", []).append(path)
            elif name.suffix.lower() in suffixes:
                known[match["modality"]] = path
            elif is_sound(path) and match["modality"] in known:
                left_out.setdefault("sound files of videos that are here", []).append(path)
            else:
                found = f"modality {match['modality']} is a {' or '.join(suffixes)} file"
                unrecognised.append((path, f"{found}, found {name.suffix}"))
        recordings = [_recording(name, paths) for name, paths in files.items() if paths]
        return Listing(recordings, unrecognised, left_out=left_out)


def _recording(performance: str, paths: dict[str, str]) -> Recording:
    _, emotion, intensity, sentence, take, actor = performance.split("-")
    videos = [paths[modality] for modality in ("01", "02") if modality in paths]
    sounds = [paths[modality] for modality in ("01", "03") if modality in paths]
    return Recording(
        clip_id=performance,
        subject=f"Actor_{actor}",
        emotion=_EMOTIONS[int(emotion) - 1],
        original_emotion=emotion,
        video_path=next(iter(videos), None),
        audio_path=next(iter(sounds), None),
        spare_video=tuple(videos[1:]),
        spare_audio=tuple(sounds[1:]),
        sentence=_SENTENCES[sentence],
        intensity=_INTENSITIES[intensity],
        take=str(int(take)),
        sex="male" if int(actor) % 2 else "female",
    )
