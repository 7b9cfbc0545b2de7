import numpy as np
import pandas as pd
import pytest

from avlib.copies import pictures, search, sound
from avlib.copies.corpus import copies_among
from avlib.copies.search import likenesses, matches, moved, same_as
from avlib.runtime.tables import read_table, write_part
from avlib.runtime.tables.schema import conform
from stages import copies as stage


def as_they_are(rows):
    return [rows]


def test_groups_are_those_of_a_plain_comparison_of_all_pairs(monkeypatch):
    monkeypatch.setattr(search, "_BLOCK", 3)
    rng = np.random.default_rng(0)
    base = rng.integers(-60, 60, (6, 200))
    rows = (base[rng.integers(0, 6, 20)] + rng.normal(scale=15, size=(20, 200))).astype(np.int8)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    alike = unit @ unit.T >= 0.8
    expected = np.arange(20)
    for _ in range(20):  # until nothing changes
        expected = np.array([expected[near].min() for near in alike])
    assert same_as(rows, as_they_are, 0.8).tolist() == expected.tolist()
    assert len(set(expected)) == 6


@pytest.mark.parametrize("medium", [sound, pictures])
@pytest.mark.parametrize("alike", [0.3, 0.5, 0.65, 0.75, 0.95])
def test_matches_are_the_likenesses_from_the_bound_on(monkeypatch, medium, alike):
    monkeypatch.setattr(search, "_BLOCK", 16)
    rng = np.random.default_rng(2)
    places = medium.MOMENTS * (medium.BANDS if medium is sound else medium.SIDE**2)
    base = rng.normal(size=(5, places))
    rows = rng.normal(size=(40, 5)) @ base + rng.normal(scale=0.5, size=(40, places))
    rows[7] = medium.variants(rows[6:7])[0]
    rows[:, : places // 3] *= 3  # some places have most of the energy
    rows = np.clip(np.rint(20 * rows), -127, 127).astype(np.int8)
    whole = list(likenesses(rows, medium.variants))
    found = list(matches(rows, medium.variants, alike))
    assert [start for start, _ in found] == [start for start, _ in whole] == [0, 16, 32]
    n_alike = 0
    for (_, cosines), (_, copies) in zip(whole, found, strict=True):
        sure = np.abs(cosines - alike) > 1e-5
        assert (copies == (cosines >= alike))[sure].all()
        n_alike += copies.sum()
    assert n_alike >= 40


def test_a_copy_of_a_copy_is_a_copy_whatever_lies_between():
    angles = np.radians([0, 80, 20, 200, 40, 60])
    rows = np.rint(100 * np.column_stack([np.cos(angles), np.sin(angles)])).astype(np.int8)
    assert same_as(rows, as_they_are, np.cos(np.radians(25))).tolist() == [0, 0, 0, 3, 0, 0]


def test_each_pair_is_compared_once_and_a_row_is_like_itself(monkeypatch):
    monkeypatch.setattr(search, "_BLOCK", 2)
    rows = np.random.default_rng(1).integers(-9, 9, (5, 30)).astype(np.int8)
    blocks = list(likenesses(rows, as_they_are))
    assert [(start, cosines.shape) for start, cosines in blocks] == [
        (0, (2, 5)), (2, (2, 3)), (4, (1, 1)),
    ]  # fmt: skip
    assert all(np.diagonal(cosines) == pytest.approx(1, abs=1e-6) for _, cosines in blocks)


def test_moved_rows_are_later_or_earlier():
    rows = np.arange(1, 13).reshape(1, 12)
    assert moved(rows, 4, 1).tolist() == [[0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]
    assert moved(rows, 4, -2).tolist() == [[7, 8, 9, 10, 11, 12, 0, 0, 0, 0, 0, 0]]


def test_a_corpus_without_fingerprints_has_no_copies():
    nothing = pd.DataFrame({"clip_id": ["a", "b"], "sound": [None] * 2, "pictures": [None] * 2})
    assert copies_among(nothing).empty
    assert copies_among(nothing.iloc[:0]).empty


def test_the_stage_names_copies_by_sound_and_by_pictures(
    voices, scenes, schemas, tmp_path, monkeypatch, capsys
):
    from avlib.faces.thumbnail import thumbnail
    from avlib.speech.pcm import to_pcm

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    heard = {"a": voices[0], "b": voices[1], "c": voices[0] * 0.5, "d": np.zeros(16000)}
    seen = {"a": scenes[0], "b": scenes[1], "d": (scenes[1][0], scenes[1][1][:, :, ::-1])}
    sound = [
        (clip, conform({"clip_id": [clip], "sample_rate": [16000], "pcm": [to_pcm(signal)],
                        "intervals": [[]]}, schemas["speech"]))
        for clip, signal in heard.items()
    ]  # fmt: skip
    pictures = []
    for clip, (times, frames) in seen.items():
        rows = {column: [None] * len(times) for column in schemas["faces"].columns}
        rows |= {"clip_id": [clip] * len(times), "frame": range(len(times)), "time": times}
        rows |= {"state": ["missing"] * len(times), "thumbnail": [thumbnail(f) for f in frames]}
        pictures.append((clip, conform(rows, schemas["faces"])))
    write_part("data/speech/s.parquet", sound, schemas["speech"])
    write_part("data/faces/s.parquet", pictures, schemas["faces"])
    stage.main()
    found = read_table("data/copies.parquet").to_dict("records")
    assert [tuple(row.values()) for row in found] == [
        ("a", "sound", "a"), ("b", "pictures", "b"), ("c", "sound", "a"), ("d", "pictures", "b"),
    ]  # fmt: skip
    kept = read_table("data/fingerprints.parquet").set_index("clip_id")
    assert kept.isna().to_numpy().tolist() == [[False] * 2, [False] * 2, [False, True],
                                               [True, False]]  # fmt: skip
    said = capsys.readouterr().out
    assert "2 clips have the sound of another, a and c for example" in said
    assert "2 clips have the pictures of another, b and d for example" in said
