import weakref

import numpy as np
import pytest
from PIL import Image

from avlib.faces import detection, tracking
from avlib.faces.alignment import CHIP, decode_chips, extract_chip
from avlib.faces.tables import FACES
from avlib.faces.tracking import track_faces
from avlib.runtime.tables.schema import conform

MIDDLE = (160.0, 120.0, 90.0)


def states(rows):
    return rows["state"].to_pylist()


def boxes(rows):
    return np.array([[np.nan] * 4 if box is None else box for box in rows["box"].to_pylist()])


def middles(rows):
    corners = boxes(rows)
    return (corners[:, :2] + corners[:, 2:]) / 2


def has_face(rows):
    return np.array([state != "missing" for state in states(rows)])


def nulls(rows, column):
    return np.array([value is None for value in rows[column].to_pylist()])


def test_moving_face_has_a_box_where_it_is_and_a_chip_in_every_frame(studio):
    path = [(100 + 4 * i, 110 + 10 * np.sin(i / 3), 85 + i) for i in range(25)]
    rows = track_faces(studio.clip([studio.frame(face) for face in path]))
    assert states(rows)[0] == "detected"
    assert set(states(rows)) == {"detected", "tracked"}
    expected = np.array(path)
    np.testing.assert_allclose(middles(rows), expected[:, :2], atol=15)
    np.testing.assert_allclose(boxes(rows)[:, 2] - boxes(rows)[:, 0], expected[:, 2], rtol=0.25)
    assert decode_chips(rows["chip"].to_pylist()).shape == (25, CHIP, CHIP, 3)


def test_rows_fit_the_table_one_for_each_frame(studio):
    frames = [studio.frame(MIDDLE)] * 3 + [studio.frame()] * 4
    rows = track_faces(studio.clip(frames))
    table = conform(rows.append_column("clip_id", [["a"] * 7]), FACES)
    assert table["frame"].to_pylist() == list(range(7))
    np.testing.assert_allclose(table["time"].to_numpy(), np.arange(7) / 25)
    for column in ("box", "landmarks", "chip"):
        np.testing.assert_array_equal(nulls(rows, column), ~has_face(rows))
    detected = np.array([state == "detected" for state in states(rows)])
    np.testing.assert_array_equal(nulls(rows, "score"), ~detected)


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_detector_is_asked_every_so_many_seconds(studio, fps):
    clip = studio.clip([studio.frame(MIDDLE)] * 8, fps=fps)
    every = track_faces(clip, detect_every=0)
    assert set(states(every)) == {"detected"}
    third = track_faces(clip, detect_every=3 / fps)
    assert states(third) == ["detected", "tracked", "tracked"] * 2 + ["detected", "tracked"]


def test_frames_at_uneven_times_are_detected_when_it_is_time(studio):
    times = [0.0, 0.1, 0.15, 0.35, 0.4, 0.45, 0.5, 0.75]
    rows = track_faces([(t, studio.frame(MIDDLE)) for t in times], detect_every=0.3)
    found = [t for t, state in zip(times, states(rows), strict=True) if state == "detected"]
    assert found == [0.0, 0.35, 0.75]


@pytest.mark.parametrize(("max_gap", "detected"), [(0, range(20)), (0.12, range(0, 20, 3))])
def test_followed_face_is_confirmed_beside_its_place_before_it_is_dropped(
    studio, monkeypatch, max_gap, detected
):
    searched, find = [], tracking.find_faces

    def noted(image, **how):
        searched.append(how)
        return find(image, **how)

    monkeypatch.setattr(tracking, "find_faces", noted)
    clip = studio.clip([studio.frame(MIDDLE)] * 20, fps=25)
    rows = track_faces(clip, detect_every=0.4, max_gap=max_gap)
    assert [i for i, state in enumerate(states(rows)) if state == "detected"] == [*detected]
    assert len(searched) == 1


def test_short_gap_is_bridged_with_chips_of_the_real_frames(studio):
    path = [(100.0 + 2 * i, 120.0, 90.0) for i in range(20)]
    frames = [studio.frame(*([] if 8 <= i < 13 else [face])) for i, face in enumerate(path)]
    rows = track_faces(studio.clip(frames), max_gap=0.5)
    assert states(rows)[8:13] == ["bridged"] * 5
    assert has_face(rows).all()
    landmarks = np.array(rows["landmarks"].to_pylist()).reshape(20, 68, 2)
    np.testing.assert_allclose(
        landmarks[10], landmarks[7] + (landmarks[13] - landmarks[7]) / 2, atol=1e-3
    )
    chip = decode_chips(rows["chip"].to_pylist())[10]
    real = extract_chip(frames[10], landmarks[10])[..., :3]
    assert np.abs(chip.astype(int) - real).mean() < 2


def test_long_gap_stays_missing(studio):
    frames = [studio.frame(*([] if 6 <= i < 26 else [MIDDLE])) for i in range(32)]
    rows = track_faces(studio.clip(frames), max_gap=0.5)
    assert states(rows)[6:26] == ["missing"] * 20
    assert has_face(rows)[:6].all()
    assert has_face(rows)[26:].all()


def test_gap_is_measured_in_seconds_not_in_frames(studio):
    frames = [studio.frame(*([] if 4 <= i < 8 else [MIDDLE])) for i in range(12)]
    slow = track_faces(studio.clip(frames, fps=5), max_gap=0.5)
    fast = track_faces(studio.clip(frames, fps=25), max_gap=0.5)
    assert states(slow)[4:8] == ["missing"] * 4
    assert states(fast)[4:8] == ["bridged"] * 4


def test_face_that_appears_between_two_searches_is_followed_back(studio):
    frames = [studio.frame(*([] if i < 7 else [MIDDLE])) for i in range(14)]
    rows = track_faces(studio.clip(frames), detect_every=0.2)
    np.testing.assert_array_equal(has_face(rows), np.arange(14) >= 7)


def test_clip_without_face_is_all_missing(studio):
    rows = track_faces(studio.clip([studio.frame()] * 9))
    assert states(rows) == ["missing"] * 9
    assert nulls(rows, "chip").all()


def test_larger_of_two_faces_is_followed_while_the_other_comes_close(studio):
    frames = [studio.frame((300 - 5 * i, 130, 60), (95, 120, 100)) for i in range(20)]
    rows = track_faces(studio.clip(frames))
    np.testing.assert_allclose(middles(rows), [(95, 120)] * 20, atol=15)


def test_followed_face_is_not_left_for_a_larger_one(studio):
    frames = [studio.frame((80, 120, 85), *([(240, 120, 100)] if i > 4 else [])) for i in range(15)]
    rows = track_faces(studio.clip(frames))
    np.testing.assert_allclose(middles(rows)[:, 0], 80, atol=15)


def test_smaller_face_does_not_fill_a_gap_of_the_main_one(studio):
    bystander = (280, 120, 78)
    frames = [
        studio.frame(bystander, *([] if 5 <= i < 20 else [(95, 120, 150)])) for i in range(25)
    ]
    rows = track_faces(studio.clip(frames), max_gap=0.3)
    assert states(rows)[5:20] == ["missing"] * 15
    np.testing.assert_allclose(middles(rows)[20:, 0], 95, atol=20)


def test_weak_detection_needs_landmarks_that_settle(studio, monkeypatch):
    def hits(score):
        box = np.array([115.0, 75.0, 205.0, 165.0])
        monkeypatch.setattr(
            tracking, "find_faces", lambda grey, fine=False: [detection.Detection(box, score)]
        )

    hits(0.3)
    assert states(track_faces(studio.clip([studio.frame()]))) == ["missing"]
    assert states(track_faces(studio.clip([studio.frame(MIDDLE)]))) == ["detected"]
    assert states(track_faces(studio.clip([studio.frame(MIDDLE)]), min_score=0.4)) == ["missing"]


def test_face_that_the_detector_no_longer_confirms_is_dropped_after_max_gap(studio, monkeypatch):
    clip = studio.clip([studio.frame(MIDDLE)] * 16)
    seen = []

    def once(grey, fine=False):
        seen.append(grey)
        return detection.find_faces(grey) if len(seen) == 1 else []

    monkeypatch.setattr(tracking, "find_faces", once)
    monkeypatch.setattr(tracking, "find_near", lambda image, *place: None)
    rows = track_faces(clip, max_gap=0.3)
    assert states(rows) == ["detected"] + ["tracked"] * 7 + ["missing"] * 8


def test_one_frame_clip_has_one_row(studio):
    assert states(track_faces(studio.clip([studio.frame(MIDDLE)]))) == ["detected"]


def test_clip_without_frames_has_no_row():
    rows = track_faces([])
    assert conform(rows.append_column("clip_id", [[]]), FACES).num_rows == 0


def test_odd_sizes_are_followed(studio):
    crop = studio.frame(MIDDLE)[:221, :301]  # a view with padded rows, as decoders make them
    rows = track_faces(studio.clip([crop] * 3))
    np.testing.assert_allclose(middles(rows), [MIDDLE[:2]] * 3, atol=15)


@pytest.mark.parametrize("shape", [(1, 1, 3), (16, 16, 3), (3, 200, 3)])
def test_tiny_frame_is_missing(shape):
    assert states(track_faces([(0.0, np.zeros(shape, np.uint8))])) == ["missing"]


def test_grey_frames_are_followed(studio):
    grey = np.asarray(Image.fromarray(studio.frame(MIDDLE)).convert("L").convert("RGB"))
    assert has_face(track_faces(studio.clip([grey] * 3))).all()


def test_two_runs_give_the_same_bytes(studio):
    clip = studio.clip([studio.frame((120 + 3 * i, 120, 90)) for i in range(6)])
    assert track_faces(clip).equals(track_faces(clip))


def test_frames_are_held_by_their_bytes_where_time_stamps_stand_still(studio, monkeypatch):
    empty, face = studio.frame(), studio.frame(MIDDLE)
    monkeypatch.setattr(tracking, "HELD_BYTES", 3 * empty.nbytes)
    clip = [(index * 1e-4, empty) for index in range(21)]
    follower = tracking._Follower()
    for time, image in clip:
        follower.step(time, image)
        assert len(follower.gap) <= 3
    follower.step(1.0, face)
    assert len(follower.rows) == 22


@pytest.mark.parametrize("there", [False, True])
def test_only_max_gap_seconds_of_frames_are_held(studio, there):
    alive = []
    most = 0

    def stream():
        nonlocal most
        for index in range(24):
            frame = studio.frame(*([MIDDLE] if there else [])).copy()
            alive.append(weakref.ref(frame))
            most = max(most, sum(reference() is not None for reference in alive))
            yield index / 25, frame

    track_faces(stream(), max_gap=0.2)
    assert most <= (3 if not there else 0) + 5


def test_rows_that_are_packed_on_the_way_are_the_same(studio, monkeypatch):
    """Also where a face is found in frames that were waiting, and bridged over others."""
    there, gone = studio.frame(MIDDLE), studio.frame()
    clip = studio.clip([gone] * 7 + [there] * 4 + [gone] * 4 + [there] * 5 + [gone] * 20)
    whole = track_faces(clip)
    monkeypatch.setattr(tracking, "PIECE", 3)
    packed = track_faces(clip)
    assert packed.equals(whole)
    assert packed["chip"].num_chunks > 3
