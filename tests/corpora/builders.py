"""Miniature corpora in their authors' layout: real containers and codecs, generated content."""

import csv
import zlib

import av
import numpy as np
from openpyxl import Workbook

from avlib import media

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
CODECS = {
    ".mp4": {"video_codec": "libx264", "audio_codec": "aac"},
    ".flv": {"video_codec": "flv", "audio_codec": "libmp3lame"},
    ".avi": {"video_codec": "mpeg4", "audio_codec": "pcm_s16le"},
    ".wav": {"audio_codec": "pcm_s16le"},
    ".flac": {"audio_codec": "flac"},
}


def write_media(
    path,
    *,
    seconds=0.4,
    n_frames=None,
    fps=25,
    size=(48, 64),
    sample_rate=None,
    channels=1,
    video=True,
    audio=True,
    seed=0,
):
    """Write a noisy clip in the container and codecs of its suffix; audio suffixes have no video.

    ``size`` is (height, width) in pixels; the sample rate defaults to 48 kHz, in flv to 44.1 kHz.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([seed, *path.name.encode()])
    frames = None
    if video and path.suffix in (".mp4", ".flv", ".avi"):
        picture = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        count = round(seconds * fps) if n_frames is None else n_frames
        frames = [np.roll(picture, shift, axis=1) for shift in range(count)]
    sample_rate = sample_rate or (44100 if path.suffix == ".flv" else 48000)
    signal = random.normal(0, 0.1, (round(seconds * sample_rate), channels)) if audio else None
    media.write_clip(path, frames, fps, signal, sample_rate, **CODECS[path.suffix])
    return path


def truncate(path, share=0.5):
    """Cut a file as a broken download does."""
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    return path


def blank(path, kind, share):
    """Overwrite the content of a share of a stream's packets, as a failing disk does."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(**{kind: 0}) if p.size]
        spans = [(p.pos, p.size) for p in packets]
    for place, size in spans[2 : 2 + round(share * len(spans))]:
        data[place : place + size] = bytes(size)
    path.write_bytes(data)
    return path


def ravdess_file(folder, name, *, archive_level=False, **options):
    """Write ``Actor_AA/<name>``, the suffix by modality unless the name has one.

    ``archive_level`` adds the folder that the published archives unpack to.
    """
    stem, _, suffix = name.partition(".")
    suffix = suffix or ("wav" if stem.startswith("03") else "mp4")
    actor = stem[-2:]
    if archive_level:
        folder = folder / (
            "Audio_Speech_Actors_01-24" if stem.startswith("03") else f"Video_Speech_Actor_{actor}"
        )
    options.setdefault("audio", not stem.startswith("02"))
    return write_media(folder / f"Actor_{actor}" / f"{stem}.{suffix}", **options)


def crema_d_clip(folder, name, *, kinds=("VideoFlash", "AudioWAV"), **options):
    """Write one clip's files: VideoFlash flv1 + mp3, AudioWAV 16 kHz wav."""
    if "VideoFlash" in kinds:
        write_media(folder / "VideoFlash" / f"{name}.flv", **options)
    if "AudioWAV" in kinds:
        write_media(folder / "AudioWAV" / f"{name}.wav", sample_rate=16000, **options)


def crema_d_tables(folder, people, votes):
    """Write the demographics and the crowd's consensus as the authors do.

    ``people`` holds (actor, age, sex), ``votes`` holds (name, voice, face, both) as letters.
    """
    (folder / "processedResults").mkdir(parents=True, exist_ok=True)
    with (folder / "VideoDemographics.csv").open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(["ActorID", "Age", "Sex", "Race", "Ethnicity"])
        writer.writerows([*person, "unsaid", "unsaid"] for person in people)
    with (folder / "processedResults" / "summaryTable.csv").open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        kinds = ("Voice", "Face", "MultiModal")
        writer.writerow(["", "FileName", *(k + c for k in kinds for c in ("Vote", "Level"))])
        for number, (name, *letters) in enumerate(votes, start=1):
            cells = [cell for letter in letters for cell in (letter, "61.5")]
            writer.writerow([number, name, *cells])


def crema_d_ratings(folder, rows):
    """Write the tabulated ratings as the authors do.

    ``rows`` holds (id, name, counts); the id's first digit is the modality, the counts are those
    of the letters A D F H N S.
    """
    path = folder / "processedResults" / "tabulatedVotes.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(["", *"ADFHNS", "fileName", "numResponses", "agreement", "emoVote"])
        for number, name, counts in rows:
            vote = "ADFHNS"[int(np.argmax(counts))]
            agreement = max(counts) / sum(counts)
            writer.writerow([str(number), *counts, name, sum(counts), agreement, vote])
    return path


def demo_corpus(folder, rows, **options):
    """Write ``clips.csv`` and its mp4 files; rows are (path, subject, emotion, take, sex, a, v)."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "clips.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "subject", "emotion", "take", "sex", "arousal", "valence"])
        writer.writerows(rows)
    for path, *_ in rows:
        write_media(folder / path, sample_rate=16000, **options)


ENTERFACE05_CODES = {
    "anger": "an", "disgust": "di", "fear": "fe",
    "happiness": "ha", "sadness": "sa", "surprise": "su",
}  # fmt: skip
BAUM1S_CODES = {
    "Anger": 1, "Boredom": 2, "Bothered": 3, "Concentrating": 4, "Contempt": 5, "Disgust": 6,
    "Fear": 7, "Happiness": 8, "Neutral": 9, "Sadness": 10, "Surprise": 11, "Thinking": 12,
    "Unsure": 13,
}  # fmt: skip


def enterface05_path(subject, emotion, sentence):
    """Path of a clip in the distribution, with its slips in the names.

    ``sentence`` None is an uncut recording, as those of subject 6.
    """
    code = ENTERFACE05_CODES[emotion]
    if sentence is None:
        return f"subject {subject}/{emotion}/s{subject}_{code}.avi"
    named = {11: "s12", 3: "s_3" if emotion == "happiness" else "s3"}.get(subject, f"s{subject}")
    slip = "avi" if (subject, emotion, sentence) == (16, "surprise", 3) else ""
    return f"subject {subject}/{emotion}/sentence {sentence}/{named}_{code}_{sentence}{slip}.avi"


def enterface05_paths():
    """Paths of the whole distribution: 1,293 recordings of 44 subjects."""
    for subject in range(1, 45):
        for emotion in ENTERFACE05_CODES:
            sentences = range(1, 6)
            if subject == 6:
                sentences = [None]
            elif (subject, emotion) == (23, "happiness"):
                sentences = [1, 2]
            yield from (enterface05_path(subject, emotion, sentence) for sentence in sentences)


def enterface05_clip(folder, subject, emotion, sentence, **options):
    """Write one clip: mpeg4 + 48 kHz stereo pcm in avi."""
    path = folder / enterface05_path(subject, emotion, sentence)
    return write_media(path, **{"channels": 2, "seed": subject, **options})


def rml_clip(folder, place, name, **options):
    """Write ``<place>/<name>.avi``: mpeg4, 30 frames a second, 22.05 kHz pcm."""
    path = folder / place / f"{name}.avi"
    seed = zlib.crc32(place.encode())
    return write_media(path, **{"fps": 30, "sample_rate": 22050, "seed": seed, **options})


def baum1s_clip(folder, name, *, part="BAUM1s_MP4 - All", **options):
    """Write a clip, h264 + 48 kHz stereo aac in mp4, and its subtitles."""
    path = folder / part / name[:4].lower() / f"{name}.mp4"
    write_media(path, **{"fps": 30, "channels": 2, **options})
    path.with_suffix(".srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nbir\n")
    return path


def baum1s_workbook(folder, rows, titles=("", "Subject No", "Gender", "Clip Name", "Emotion",
                                          "Emotion Code")):  # fmt: skip
    """Write ``Annotations_BAUM1s.xlsx``; rows are (clip, word) or (clip, word, code)."""
    folder.mkdir(parents=True, exist_ok=True)
    book = Workbook()
    sheet = book.active
    sheet.append(list(titles))
    for number, (clip, word, *code) in enumerate(rows, start=1):
        subject = int(clip[1:4])
        code = code[0] if code else BAUM1S_CODES.get(word)
        sheet.append([number, subject, "F" if subject % 2 else "M", clip, word, code])
    book.save(folder / "Annotations_BAUM1s.xlsx")


def omg_table(folder, name, rows, *, labels=True):
    """Write a table as the authors do.

    Rows are (link, start, end, video, utterance, arousal, valence, vote).
    """
    folder.mkdir(parents=True, exist_ok=True)
    columns = ["link", "start", "end", "video", "utterance", "arousal", "valence", "EmotionMaxVote"]
    with (folder / name).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns if labels else columns[:5])
        writer.writerows(row if labels else row[:5] for row in rows)


def youtube(name):
    """Return the link of a YouTube video."""
    return f"https://www.youtube.com/watch?v={name}"


def recola_recording(folder, name, *, seconds=0.4, kinds=("video", "audio"), **options):
    """Write ``recordings_video/<name>.mp4`` and ``recordings_audio/<name>.wav``."""
    if "video" in kinds:
        write_media(folder / "recordings_video" / f"{name}.mp4", seconds=seconds, **options)
    if "audio" in kinds:
        path = folder / "recordings_audio" / f"{name}.wav"
        write_media(path, seconds=seconds, sample_rate=44100, **options)


def recola_ratings(folder, name, arousal, valence, *, suffix=".arff", step=0.04):
    """Write ``ratings_gold_standard/<dimension>/<name>``, as arff or as csv with semicolons."""
    for dimension, values in (("arousal", arousal), ("valence", valence)):
        path = folder / "ratings_gold_standard" / dimension / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [(name, f"{step * frame:g}", f"{value:g}") for frame, value in enumerate(values)]
        if suffix == ".arff":
            head = ["@relation GOLDSTANDARD", "", "@attribute Instance_name string"]
            head += ["@attribute frameTime numeric", "@attribute GoldStandard numeric", "", ""]
            lines = [*head, "@data", "", *(",".join(row) for row in rows)]
        else:
            lines = ["frameTime;GoldStandard", *(";".join(row[1:]) for row in rows)]
        path.write_text("\n".join(lines) + "\n")


def recola_raters(folder, name, arousal, valence, *, step=0.04):
    """Write ``RECOLA-Annotation/emotional_behaviour/<dimension>/<name>.csv``; of shape (n, 6)."""
    raters = ["FM1 ", "FM2 ", "FM3 ", "FF1 ", "FF2 ", "FF3"]  # so the authors write them
    for dimension, values in (("arousal", arousal), ("valence", valence)):
        path = folder / "RECOLA-Annotation" / "emotional_behaviour" / dimension / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [[step * k, *said] for k, said in enumerate(values.tolist())]
        lines = [";".join(["time", *raters]), *(";".join(f"{v:g}" for v in row) for row in rows)]
        path.write_text("\n".join(lines) + "\n")


def avec_features(folder, kind, name, values, *, step=0.04):
    """Write ``features_<kind>/<dimension>/<name>.arff``; values is (n_frames, n_features)."""
    names = [f"feature {number}" for number in range(values.shape[1])]
    for dimension in ("arousal", "valence"):
        path = folder / f"features_{kind}" / dimension / f"{name}.arff"
        path.parent.mkdir(parents=True, exist_ok=True)
        head = ["@relation features", "", "@attribute frametime numeric"]
        head += [f"@attribute '{feature}' numeric" for feature in names]
        rows = [",".join(map(str, [step * n, *row])) for n, row in enumerate(values.tolist())]
        path.write_text("\n".join([*head, "", "@data", *rows]) + "\n")


def ravdess_of_two(folder):
    """Two actors of RAVDESS, audio and video, one performance each of two emotions."""
    for actor in ("01", "02"):
        for emotion in ("01", "05"):
            ravdess_file(folder, f"01-01-{emotion}-01-02-01-{actor}")
    return folder


def crema_d_of_two(folder):
    """Two actors of CREMA-D, two clips each, with the authors' tables."""
    names = ["1001_DFA_ANG_XX", "1001_IEO_HAP_LO", "1002_DFA_SAD_XX", "1002_IEO_FEA_HI"]
    for name in names:
        crema_d_clip(folder, name)
    crema_d_tables(
        folder,
        people=[("1001", 51, "Male"), ("1002", 21, "Female")],
        votes=[
            (names[0], "A", "A:D", "A"),
            (names[1], "N", "H", "H"),
            (names[2], "N:S", "S", "S"),
        ],
    )
    return folder
