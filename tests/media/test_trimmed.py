"""Recordings that were trimmed without encoding them anew: an edit list says what is shown."""

import struct

import numpy as np
import pytest
from recordings import flashes, heard, record

from avlib import media
from avlib.corpora.common.base import Recording
from avlib.corpora.common.describe import describe
from avlib.faces.clip import face_rows
from avlib.media.edits import is_trimmed
from avlib.runtime.clip_tasks import RecordingInput

TICKS = {b"vide": 10240, b"soun": 44100}  # a second, in the media's own time


def boxes(data, first, after):
    """Yield kind, place and end of the boxes between two places."""
    while first + 8 <= after:
        length = int.from_bytes(data[first : first + 4])
        yield data[first + 4 : first + 8], first, first + length
        first += length


def below(data, place, end, *kinds):
    """Return place and end of the first box below others of these kinds."""
    for kind in kinds:
        place, end = next((b, e) for k, b, e in boxes(data, place + 8, end) if k == kind)
    return place, end


def trimmed(whole, path, seconds):
    """Copy an MP4 or MOV of which the first seconds are not shown."""
    data = whole.read_bytes()
    changed = bytearray(data)
    moov = next((b, e) for kind, b, e in boxes(data, 0, len(data)) if kind == b"moov")
    for kind, place, end in boxes(data, moov[0] + 8, moov[1]):
        if kind == b"trak":
            header = below(data, place, end, b"mdia", b"hdlr")[0]
            ticks = TICKS[data[header + 16 : header + 20]]
            entry = below(data, place, end, b"edts", b"elst")[0] + 16
            length, start = struct.unpack(">Ii", data[entry : entry + 8])
            shown = length - round(seconds * 1000), start + round(seconds * ticks)
            changed[entry : entry + 8] = struct.pack(">Ii", *shown)
    path.write_bytes(changed)
    return path


def cut_off(whole, path, seconds):
    """Copy an MP4 or MOV of which the last seconds are not shown."""
    data = whole.read_bytes()
    changed = bytearray(data)
    moov = next((b, e) for kind, b, e in boxes(data, 0, len(data)) if kind == b"moov")
    for kind, place, end in boxes(data, moov[0] + 8, moov[1]):
        if kind == b"trak":
            entry = below(data, place, end, b"edts", b"elst")[0] + 16
            length = int.from_bytes(data[entry : entry + 4]) - round(seconds * 1000)
            changed[entry : entry + 4] = length.to_bytes(4)
    path.write_bytes(changed)
    return path


@pytest.fixture(params=[".mp4", ".mov"])
def recording(tmp_path, request):
    whole = record(tmp_path / f"whole{request.param}", 6, [1, 3, 5])
    return trimmed(whole, tmp_path / f"trimmed{request.param}", 2.0)


def test_what_was_trimmed_is_neither_there_nor_missing(recording):
    assert flashes(recording) == pytest.approx([1, 3], abs=0.01)
    assert heard(recording) == pytest.approx([1, 3], abs=0.01)
    info = media.probe(recording)
    assert info.duration == pytest.approx(4.0, abs=0.03)
    assert info.lost_start == 0.0
    assert not info.restamped
    clip = Recording("c", "s", "anger", recording.name, recording.name)
    assert describe(clip, recording.parent).status == "ok"


def test_a_span_counts_from_what_is_shown_first(recording):
    assert flashes(recording, 0.5, 2.5) == pytest.approx([0.5], abs=0.01)
    assert heard(recording, 0.5, 2.5) == pytest.approx([0.5], abs=0.01)
    assert media.held(recording, 0.5, 2.5).pictures == 20


def test_pictures_that_are_not_shown_are_not_missed(tmp_path):
    whole = record(tmp_path / "whole.mp4", 6, [1, 3, 5])
    recording = trimmed(whole, tmp_path / "trimmed.mp4", 4.9)  # nine decoded, eleven shown
    assert media.held(recording).pictures == sum(1 for _ in media.video_frames(recording))
    settings = {"detect_every": 0.2, "max_gap": 0.5, "min_score": 0.0, "jpeg_quality": 95}
    rows = face_rows(RecordingInput(str(recording)), {**settings, "fps": None})
    assert rows.reason == "no face found in 11 frames"
    assert np.diff(rows.columns["time"].to_numpy()) == pytest.approx(0.1)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_what_was_trimmed_off_the_end_is_not_missed(tmp_path, suffix):
    whole = record(tmp_path / f"whole{suffix}", 6, [1, 3, 5])
    assert not is_trimmed(whole)
    info = media.probe(cut_off(whole, tmp_path / f"a{suffix}", 4.0))
    assert info.duration == pytest.approx(2, abs=0.1)
    assert (info.damage, info.truncated) == ("", False)


def test_an_index_that_makes_no_sense_trims_nothing(tmp_path):
    path = record(tmp_path / "a.mp4", 2, [1])
    data, random = path.read_bytes(), np.random.default_rng(0)
    index = data.index(b"moov")
    for _ in range(200):
        changed = bytearray(data)
        for place in random.integers(index, len(data), 20):
            changed[place] = random.integers(256)
        path.write_bytes(changed[: random.integers(index, len(data) + 1)])
        is_trimmed(path)
