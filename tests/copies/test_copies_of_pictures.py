import numpy as np
import pytest
from acted import act
from hypothesis import given, settings
from hypothesis import strategies as st

from avlib.copies.pictures import ALIKE, picture_fingerprint, variants
from avlib.copies.search import likenesses, same_as
from avlib.faces.detection import to_grey
from avlib.faces.thumbnail import cells_of, thumbnail
from avlib.media import video_frames, write_clip


def fingerprint(times, pictures):
    return picture_fingerprint(times, np.stack([cells_of(thumbnail(one)) for one in pictures]))


def encoded(turned=False):
    def copy(times, pictures, folder):
        path = folder / "a.mp4"
        frames = (np.repeat(one[..., None], 3, axis=2) for one in pictures)
        write_clip(path, (frame[:, ::-1] if turned else frame for frame in frames), 25, None, None)
        found = list(video_frames(path))
        return np.array([time for time, _ in found]), [to_grey(image) for _, image in found]

    return copy


def halved(times, pictures, _):
    return times, pictures.reshape(-1, 32, 2, 48, 2).mean(axis=(2, 4)).astype(np.uint8)


def noisy(times, pictures, _):
    noise = np.random.default_rng(0).normal(scale=4, size=pictures.shape)
    return times, np.clip(pictures + noise, 0, 255).astype(np.uint8)


NEAR_COPIES = {
    "H.264": encoded(),
    "H.264, mirrored": encoded(turned=True),
    "mirrored": lambda times, pictures, _: (times, pictures[:, :, ::-1]),
    "half the size": halved,
    "darker": lambda times, pictures, _: (times, (pictures * 0.9).astype(np.uint8)),
    "every other picture": lambda times, pictures, _: (times[::2], pictures[::2]),
    "33 ms later": lambda times, pictures, _: (times + 0.033, pictures),
    "a picture less before": lambda times, pictures, _: (times[1:], pictures[1:]),
    "80 ms less before": lambda times, pictures, _: (times[2:], pictures[2:]),
    "half a second less after": lambda times, pictures, _: (times[:-12], pictures[:-12]),
    "noise": noisy,
}


@pytest.mark.parametrize("change", NEAR_COPIES)
def test_a_copy_of_pictures_is_found(scenes, change, tmp_path):
    copy = fingerprint(*NEAR_COPIES[change](*scenes[1], tmp_path))
    rows = np.stack([*(fingerprint(*scene) for scene in scenes), copy])
    assert same_as(rows, variants, ALIKE).tolist() == [0, 1, 2, 1]


@settings(max_examples=5, deadline=None)
@given(seeds=st.lists(st.integers(0, 10_000), min_size=2, max_size=2, unique=True))
def test_other_motions_in_the_same_room_are_no_copies(seeds):
    rows = np.stack([fingerprint(*act(seed)) for seed in seeds])
    [(_, cosines)] = likenesses(rows, variants)
    assert cosines[0, 1] < 0.8 * ALIKE


def test_pictures_that_say_too_little_have_no_fingerprint(scenes):
    times, pictures = scenes[0]
    still = np.repeat(pictures[:1], len(times), axis=0)
    flash = still.copy()
    flash[20:30] += 60
    black = np.zeros_like(still)
    for given_ in (still, flash, black, pictures[:1], pictures[:4]):
        assert fingerprint(times[: len(given_)], given_) is None


@pytest.mark.parametrize("shape", [(288, 360), (97, 131), (16, 16), (5, 9)])
def test_a_cell_is_the_mean_of_its_part(shape):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    grey = np.rint(40 + 100 * (rows + 0.5) / shape[0] + 80 * (columns + 0.5) / shape[1])
    middle = (np.arange(16) + 0.5) / 16
    cells = cells_of(thumbnail(grey.astype(np.uint8))).reshape(16, 16)
    expected = 40 + 100 * middle[:, None] + 80 * middle
    coarse = 0.5 + 0.5 * (100 / shape[0] + 80 / shape[1])  # rounding, and a line's own slope
    np.testing.assert_allclose(cells, expected, atol=coarse + 1)
