import numpy as np
import pytest
import torch
from sequence_clips import clips_of

from avlib.systems.common.model import BOTH
from avlib.systems.common.sequences import SequenceDataset
from avlib.systems.common.streams import StreamFormat
from avlib.systems.gating.batch import LOUDEST, cut_chips, cut_sound, loudest_start
from avlib.systems.gating.windows import Windows

FORMAT = StreamFormat(size=32, fps=4.0, rate=100)
WINDOWS = Windows(4, 1.0, 0.5)


def counting(n):
    return np.stack([np.full((32, 32, 3), i, np.uint8) for i in range(n)])


@pytest.fixture
def cut(tmp_path):
    """Clips of 2.5, 0.5 and 1.5 s cut into windows; the last one's face is lost half of the time.

    Returns the cuts of sound and chips.
    """
    recordings = [
        ("a", "S", 0, counting(10), [True] * 10, np.arange(250, dtype=np.int16)),
        ("b", "S", 0, counting(2), [True] * 2, np.arange(50, dtype=np.int16)),
        ("c", "S", 0, counting(6), [True] + [False] * 5, None),
    ]
    clips = clips_of(tmp_path, recordings, FORMAT)
    batch = SequenceDataset(clips, BOTH)[[0, 1, 2]]
    starts = torch.from_numpy(WINDOWS.starts()).expand(3, -1)
    opened = torch.from_numpy(WINDOWS.open(batch.durations.numpy()))
    return (
        cut_sound(batch, starts, opened, 1.0, FORMAT.rate),
        cut_chips(batch, starts, opened, 1.0, FORMAT.fps),
    )


def test_sound_windows_are_slices_of_the_sound_padded_with_silence(cut):
    sound, _ = cut
    assert sound.there.tolist() == [[True] * 4, [True, False, False, False], [False] * 4]
    scaled = sound.windows / LOUDEST * 32768
    for gate in range(4):
        expected = np.arange(50 * gate, 50 * gate + 100)
        np.testing.assert_allclose(scaled[gate], np.where(expected < 250, expected, 0), rtol=1e-5)
    np.testing.assert_allclose(scaled[4], [*range(50), *[0] * 50], rtol=1e-5)


def test_chip_windows_are_slices_of_the_chips_and_need_half_of_their_faces(cut):
    _, chips = cut
    # c shows a face in one of the four chips of its first window, and in none of the later ones.
    assert chips.there.tolist() == [[True] * 4, [True, False, False, False], [False] * 4]
    levels = chips.windows[:, :, 0, 0, 0].tolist()
    assert levels == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7], [6, 7, 8, 9], [0, 1, 1, 1]]


def test_windows_are_told_apart_by_clip(cut):
    _, chips = cut
    first, second = chips.of_clips()
    assert torch.equal(first, chips.windows[:4])
    assert torch.equal(second, chips.windows[4:])


def test_the_apex_is_the_loudest_window_of_a_clip_found_by_trying_all(tmp_path):
    rng = np.random.default_rng(0)
    sounds = [rng.integers(-3000, 3000, n, np.int16) for n in (250, 90, 170)]
    recordings = [(f"{k}", "S", 0, counting(10), [True] * 10, s) for k, s in enumerate(sounds)]
    recordings.append(("mute", "S", 0, counting(10), [True] * 10, None))
    batch = SequenceDataset(clips_of(tmp_path, recordings, FORMAT), BOTH)[[0, 1, 2, 3]]
    middle = torch.tensor([[0.7], [0.7], [0.7], [0.7]])
    expected = [0.7] * 4  # of the one shorter than a window, and of the mute one
    for k in (0, 2):
        loud = sounds[k].astype(float) ** 2
        energies = [loud[start : start + 100].sum() for start in range(len(loud) - 99)]
        expected[k] = int(np.argmax(energies)) / FORMAT.rate
    found = loudest_start(batch, middle, 1.0, FORMAT.rate)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-6)


def test_values_of_windows_go_back_to_their_places(cut):
    sound, _ = cut
    spread = sound.spread(torch.arange(1.0, 6.0)[:, None])
    assert spread[..., 0].tolist() == [[1, 2, 3, 4], [5, 0, 0, 0], [0, 0, 0, 0]]


def test_windows_past_the_end_of_the_sound_are_no_audio(tmp_path):
    recordings = [("a", "S", 0, counting(10), [True] * 10, np.ones(100, np.int16))]  # 1 s of sound
    batch = SequenceDataset(clips_of(tmp_path, recordings, FORMAT), BOTH)[[0]]
    starts = torch.from_numpy(WINDOWS.starts())[None]
    opened = torch.from_numpy(WINDOWS.open(batch.durations.numpy()))
    assert opened.tolist() == [[True] * 4]
    heard = cut_sound(batch, starts, opened, 1.0, FORMAT.rate).there
    assert heard.tolist() == [[True, True, False, False]]
