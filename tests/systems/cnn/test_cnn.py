"""The plain network: what it hears, and that it learns what can be heard."""

import numpy as np
import pytest
from scipy.signal import lfilter
from sequence_clips import clips_of

from avlib.speech.mel import relative_log_mel, standard_log_mel
from avlib.systems.cnn.mels import AtAnySpeed, MelDataset, at_speed, draw_mels
from avlib.systems.cnn.model import CNNModel
from avlib.systems.common.batch import ShuffledBatches
from avlib.systems.common.streams import StreamFormat, held_streams

FORMAT = StreamFormat.of_sound(16000)
MODERN = {
    "batch_size": 8,
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "warm_up": 0.2,
    "balanced": True,
    "label_smoothing": 0.1,
    "mixup": 0.2,
    "masks": 1,
    "mask_bands": 0.1,
    "mask_frames": 0.1,
    "shift": 0.02,
    "stretch": 0.1,
}
SETTINGS = {
    "channels": [4, 8, 8],
    "statistics": 4,
    "speeds": [1.0],
    "crop": 0.8,
    "dropout": 0.0,
    "epochs": 12,
    "patience": None,
    "seed": 0,
}


def voice(kind, seed, seconds=1.0, level=0.2):
    """Return noise that swells slowly, quickly or not at all: level and spectrum tell nothing."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(16000 * seconds)) / 16000
    swell = 1 + 0.95 * np.sin(2 * np.pi * (3, 12, 0)[kind] * t + rng.uniform(0, 6))
    wave = level * rng.uniform(0.1, 1) * swell * rng.normal(size=len(t)) / 4
    return np.round(32767 * np.clip(wave, -1, 1)).astype(np.int16)


def corpus(folder, n, seed):
    folder.mkdir()
    recordings = [
        (f"{seed}-{k:02d}", f"S{k % 4}", k % 3, None, None, voice(k % 3, 1000 * seed + k))
        for k in range(n)
    ]
    return clips_of(folder, recordings, FORMAT)


def test_network_learns_what_is_heard_over_time(tmp_path):
    model = CNNModel(3, ("audio",), **SETTINGS, modern=MODERN)
    train, test = corpus(tmp_path / "train", 48, 1), corpus(tmp_path / "test", 24, 2)
    model.fit(train, train.select([]))
    right = model.predict_proba(test).argmax(1) == test.emotion
    assert right.sum() >= 18  # 8 by chance; 24 for most seeds
    assert model.chosen_ == {"epochs": 12}


def coloured(folder, n, seed):
    """Write clips whose colour alone tells their emotion: what standardised bands do not show."""
    folder.mkdir()
    recordings = []
    for k in range(n):
        noise = np.random.default_rng([seed, k]).normal(size=16000)
        sound = lfilter([1, (-0.7, 0.0, 0.7)[k % 3]], [1], noise)
        recordings.append((f"{k}", f"S{k % 4}", k % 3, None, None, np.int16(3000 * sound)))
    return clips_of(folder, recordings, FORMAT)


def test_statistics_tell_what_standardised_bands_do_not(tmp_path):
    train, test = coloured(tmp_path / "train", 48, 1), coloured(tmp_path / "test", 24, 2)
    right = {}
    for units in (0, 8):
        model = CNNModel(3, ("audio",), **SETTINGS | {"statistics": units}, modern=MODERN)
        model.fit(train, train.select([]))
        right[units] = (model.predict_proba(test).argmax(1) == test.emotion).sum()
    assert right[8] >= 20
    assert right[0] <= 16  # 8 by chance


def test_epochs_are_chosen_on_validation_clips(tmp_path):
    settings = SETTINGS | {"patience": 2, "epochs": 3, "modern": MODERN}
    model = CNNModel(3, ("audio",), **settings)
    train, validation = corpus(tmp_path / "train", 12, 1), corpus(tmp_path / "held", 6, 2)
    model.fit(train, validation)
    assert "validation_loss" in model.logs_["curves"].splitlines()[0]


def test_bands_are_means_of_two_frames_of_the_whole_clip(tmp_path):
    clips = corpus(tmp_path / "some", 3, 1)
    clips.streams[1] = held_streams(FORMAT, None, None)
    mels = draw_mels(clips, tmp_path / "mels")
    assert len(mels.of(1)) == 0
    assert not mels.statistics[1].any()
    for row in (0, 2):
        sound = clips.streams[row].sound() / np.float32(32768)
        levels = relative_log_mel(sound)
        np.testing.assert_allclose(mels.statistics[row, :64], levels.mean(0), rtol=1e-4)
        np.testing.assert_allclose(mels.statistics[row, 64:], levels.std(0), rtol=1e-3)
        whole = standard_log_mel(sound)
        n = len(whole) // 2
        expected = np.mean([whole[k : 2 * n : 2] for k in range(2)], axis=0)
        np.testing.assert_allclose(mels.of(row), expected, rtol=1e-5, atol=1e-6)


def test_batch_is_padded_to_its_longest_clip(tmp_path):
    clips = corpus(tmp_path / "some", 3, 1)
    mels = draw_mels(clips, tmp_path / "mels")
    first = np.array([0, 10, len(mels.of(0)), mels.first[2]])
    short = mels.__class__(mels.frames, first, mels.statistics)
    batch = MelDataset(short, clips.emotion)[[0, 2]]
    assert batch.lengths.tolist() == [10, len(mels.of(1))]
    assert batch.mels.shape == (2, 1, 64, len(mels.of(1)))
    assert not batch.mels[0, ..., 10:].any()
    np.testing.assert_array_equal(batch.mels[0, 0, :, :10].T, mels.frames[:10])


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_a_tone_at_another_speed_is_shorter_and_higher(speed):
    t = np.arange(16000) / 16000
    found = at_speed(np.int16(8000 * np.sin(2 * np.pi * 500 * t)), speed)
    assert len(found) == pytest.approx(16000 / speed, abs=1)
    spectrum = np.abs(np.fft.rfft(found * np.hanning(len(found))))
    assert np.argmax(spectrum) * 16000 / len(found) == pytest.approx(500 * speed, abs=2)


def test_rows_of_further_speeds_follow_those_of_the_first(tmp_path):
    clips = corpus(tmp_path / "some", 3, 1)
    one = draw_mels(clips, tmp_path / "one")
    two = draw_mels(clips, tmp_path / "two", speeds=[0.5, 1.0])
    for clip in range(3):
        np.testing.assert_array_equal(two.of(3 + clip), one.of(clip))
        assert len(two.of(clip)) == pytest.approx(2 * len(one.of(clip)), abs=2)
    assert MelDataset(two, clips.emotion).emotion.tolist() == 2 * clips.emotion.tolist()


def test_clips_of_a_batch_are_at_any_speed_and_the_same_in_another_run():
    runs = []
    for _ in range(2):
        batches = AtAnySpeed(ShuffledBatches(np.arange(40), 7, seed=3), 40, 3)
        batches.set_epoch(5)
        runs.append([row for batch in batches for row in batch])
    plain = ShuffledBatches(np.arange(40), 7, seed=3)
    plain.set_epoch(5)
    assert runs[0] == runs[1]
    assert [row % 40 for row in runs[0]] == [clip for batch in plain for clip in batch]
    assert {row // 40 for row in runs[0]} == {0, 1, 2}


def test_short_and_silent_clips_have_probabilities(tmp_path):
    sounds = [np.zeros(16000, np.int16), voice(0, 1, 0.03), np.ones(1, np.int16)]
    recordings = [(str(k), "S", 0, None, None, sound) for k, sound in enumerate(sounds)]
    model = CNNModel(3, ("audio",), **SETTINGS, modern=MODERN)
    model.networks_ = {"network": model.build()["network"].eval()}
    probabilities = model.predict_proba(clips_of(tmp_path, recordings, FORMAT))
    np.testing.assert_allclose(probabilities.sum(1), 1)
