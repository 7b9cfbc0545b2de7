import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sequence_clips import talking

from avlib.corpora.common.tables import CLIPS
from avlib.descriptors.tables import AUDIO, VIDEO
from avlib.protocols import FOLDS
from avlib.runtime import tables
from avlib.systems.common.fold_clips import read_fold
from avlib.systems.common.pieces import Piece
from avlib.systems.common.streams import StreamFormat
from avlib.systems.gating.window_descriptors import WindowDescriptors, pooled
from avlib.systems.gating.windows import Windows

WINDOWS = Windows(4, 1.0, 0.5)
BOTH = WindowDescriptors(("audio", "video"), WINDOWS, apex=False, format=None)


def by_hand(times, values, starts, length):
    rows = []
    for gate, start in enumerate(starts):
        inside = (times >= start - 1e-9) & (times <= start + length + 1e-9)
        kept = values[inside & np.isfinite(values).all(1)].astype(float)
        late = gate > 0 and start + length / 2 > times[-1] + 1e-9
        lost = late or not len(kept)
        rows.append([np.nan] * 2 * values.shape[1] if lost else [*kept.mean(0), *kept.std(0)])
    return np.array(rows)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 80), length=st.sampled_from([0.5, 1.0, 2.0]))
def test_a_window_has_mean_and_deviation_of_its_rows(seed, n, length):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.choice([0.01, 0.04, 0.3], n))
    values = rng.normal(50, 3, (n, 3)).astype(np.float32)
    values[rng.random(n) < 0.2] = np.nan
    starts = np.arange(6) * 0.37
    found = pooled(times, values, starts, length)
    assert found.dtype == np.float32
    expected = by_hand(times, values, starts, length)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_only_row_of_a_clip_describes_each_of_its_windows():
    row = np.array([[1.0, -2.0]], np.float32)
    found = pooled(np.array([1.7]), row, WINDOWS.starts(), 1.0)
    assert found.tolist() == [[1.0, -2.0, 0.0, 0.0]] * 4
    assert np.isnan(pooled(np.array([1.7]), row * np.nan, WINDOWS.starts(), 1.0)).all()


def frames(seed, n, rate, d):
    values = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return (np.arange(n) + 0.5) / rate, values


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Tables of one fold without recordings: a clip has no face, one no sound, one only its end."""
    monkeypatch.chdir(tmp_path)
    described = {"audio": {}, "video": {}}
    rows = []
    for s, part in enumerate(("train", "validation", "test")):
        for take, emotion in enumerate(("anger", "calm")):
            clip = f"S{s}-{take}"
            rows.append((clip, f"S{s}", emotion, part))
            described["audio"][clip] = frames((s, take), 100 + 60 * take, 50.0, 3)
            described["video"][clip] = frames((s, take), 25, 10.0, 2)
    del described["audio"]["S0-1"]
    described["video"]["S2-0"] = np.zeros(0), np.zeros((0, 2), np.float32)
    described["video"]["S2-1"][1][:15] = np.nan
    frame = pd.DataFrame(rows, columns=["clip_id", "subject", "emotion", "part"]).assign(fold=0)
    unknown = [c for c in CLIPS.columns if c not in frame]
    clips = frame.assign(**dict.fromkeys(unknown)).assign(corpus="x", sha256="x")
    tables.write_table("data/clips.parquet", clips.drop(columns=["part", "fold"]), CLIPS)
    tables.write_table("data/folds.parquet", frame[["clip_id", "fold", "part"]], FOLDS)
    for name, schema in (("audio", AUDIO), ("video", VIDEO)):
        tables.write_part(
            tables.part_path(f"data/{name}", "all"),
            [(c, _rows(c, *found, schema)) for c, found in sorted(described[name].items())],
            schema,
        )
    return described


def _rows(clip, times, values, schema):
    if not len(times):
        return tables.no_rows(schema)
    places = np.arange(len(times))
    columns = {"clip_id": [clip] * len(times), "frame": places, "time": times}
    return tables.conform({**columns, "descriptor": values}, schema)


def read(source):
    return read_fold(source, 0, source.inputs())[1]


def test_clips_of_tables_alone_are_described_window_by_window(project):
    parts = read(BOTH)
    test = parts["test"]
    for row, clip in enumerate(test.clip_id):
        for modality in ("audio", "video"):
            times, values = project[modality][clip]
            if len(times):
                expected = by_hand(times, values, WINDOWS.starts(), 1.0)
                found = test.described[modality][row, 0]
                np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert test.present["video"].tolist() == [False, True]
    assert np.isnan(test.described["video"][1, 0, 0]).all()  # no face before 1.5 s
    assert parts["train"].present["audio"].tolist() == [True, False]
    ends = [project["audio"]["S2-0"][0][-1], project["audio"]["S2-1"][0][-1]]
    np.testing.assert_allclose(test.durations, ends)  # the later of both modalities


def test_windows_to_learn_from_lie_earlier_and_later_too(project):
    moved = read(WindowDescriptors(("audio",), WINDOWS, apex=False, format=None, shift=0.2))
    times, values = project["audio"]["S2-1"]
    for place, shift in enumerate((0.0, -0.2, -0.1, 0.1, 0.2)):
        expected = by_hand(times, values, WINDOWS.starts() + shift, 1.0)
        found = moved["test"].described["audio"][1, place]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_global_baseline_has_one_window_in_the_middle(project):
    source = WindowDescriptors(("audio",), Windows(1, 1.0, 0.5), apex=True, format=None)
    test = read(source)["test"]
    times, values = project["audio"]["S2-1"]
    expected = by_hand(times, values, [(times[-1] - 1) / 2], 1.0)
    np.testing.assert_allclose(test.described["audio"][1, 0], expected, rtol=1e-4, atol=1e-5)
    assert not test.present["video"].any()


def test_pieces_of_recordings_are_described_as_clips_are(project):
    parts = read(BOTH)
    nothing = np.zeros((0, 2))
    pieces = [
        Piece(None, nothing, None, {m: project[m][c] for m in ("audio", "video")})
        for c in parts["test"].clip_id
    ]
    found = BOTH.of_pieces(pieces)
    for modality, values in parts["test"].described.items():
        np.testing.assert_array_equal(found.described[modality], values)
        np.testing.assert_array_equal(found.present[modality], parts["test"].present[modality])
    np.testing.assert_array_equal(found.durations, parts["test"].durations)
    empty = BOTH.of_pieces([Piece(None, nothing, None)])
    assert not empty.has(("audio",)).any()
    assert not empty.has(("video",)).any()


def test_streams_of_the_other_modality_stand_beside():
    kept = StreamFormat(32, 4.0, 22050)
    source = WindowDescriptors(("video",), WINDOWS, apex=False, format=kept)
    _, _, sound = talking(1, 0, 2.0, StreamFormat(32, 4.0, 16000))
    heard, seen = sound.astype(np.float32) / 32768, {"video": frames(0, 25, 10.0, 2)}
    piece = Piece(heard, np.zeros((0, 2)), None, seen)
    clips = source.of_pieces([piece])
    assert clips.streams[0].samples == 2 * 22050
    assert clips.durations.tolist() == [2.0]
    assert clips.present["audio"].all()
    assert clips.present["video"].all()
