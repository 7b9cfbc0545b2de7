"""Segments of another length: sound, chips, denoising and networks all go by it."""

from types import SimpleNamespace

import numpy as np
import pytest
from avef_clips import FORMAT, sequences
from test_avef import SETTINGS

from avlib.speech.mel import PAPERS, SegmentLength, log_mel, mel_images
from avlib.systems.avef.denoise import face_frames, spoken_parts
from avlib.systems.avef.model import AVEFModel
from avlib.systems.avef.params import Avef
from avlib.systems.avef.segments import cut_segments
from avlib.systems.avef.spoken import cut_clips
from avlib.systems.avef.system import AVEFSystem

SHORT = SegmentLength.nearest(0.255)


def test_lengths_are_those_of_whole_frames():
    assert (PAPERS.samples, PAPERS.step) == (10480, 5440)
    assert SegmentLength.nearest(0.655) == PAPERS
    assert SHORT.samples == 0.255 * 16000
    assert (SHORT.frames, SHORT.hop) == (24, 13)  # 24 * 34 / 64 is 12.75


def test_mel_images_are_as_long_and_as_far_apart():
    signal = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    images, static = mel_images(signal, length=SHORT), log_mel(signal)
    assert images.shape == (1 + (98 - 24) // 13, 3, 64, 24)
    for number, image in enumerate(images):
        np.testing.assert_array_equal(image[0], static[13 * number : 13 * number + 24].T)
    with pytest.raises(ValueError, match="a segment needs 4080"):
        mel_images(signal[:4079], length=SHORT)


def test_chips_are_spread_over_the_length_of_each_segment():
    times = np.arange(200) / 100
    spoken = spoken_parts(32000, None, SHORT)
    rows = face_frames(spoken, times, np.ones(200, bool))
    assert len(rows) == spoken.n_segments == 1 + (32000 - 4080) // 2080
    for number, chips in enumerate(rows):
        moments = number * 0.13 + (np.arange(16) + 0.5) * 0.255 / 16
        inside = times[(times >= number * 0.13) & (times < number * 0.13 + 0.255)]
        nearest = np.abs(inside[:, None] - moments).min(0)
        np.testing.assert_allclose(np.abs(times[chips] - moments), nearest, atol=1e-9)


@pytest.mark.parametrize(("seconds", "repeated"), [(0.3, False), (0.2, True)])
def test_denoising_repeats_what_is_shorter_than_such_a_segment(seconds, repeated):
    spoken = spoken_parts(32000, np.array([[0.5, 0.5 + seconds]]), SHORT)
    assert (len(spoken.parts) > 1) == repeated
    assert spoken.n_segments == 1
    assert spoken.share == pytest.approx(seconds / 2)
    assert spoken.n_samples == max(SHORT.samples, seconds * 16000)


def test_networks_learn_from_short_segments(tmp_path):
    params = SimpleNamespace(avef=Avef(train=True, transfer=[], **(SETTINGS | {"segment": 0.255})))
    recipe = params.avef.used({})
    source = AVEFSystem().source("avef", recipe)
    assert source.length == SHORT
    clips = cut_clips(sequences(tmp_path / "clips", 2), {}, source.length)
    cut = cut_segments(clips, tmp_path)
    assert cut.images.shape == (len(cut.clip), 3, 64, 24)
    assert len(cut.clip) == 4 * (1 + (round(1.4 * 16000) - 4080) // 2080)
    assert FORMAT.fps == 8  # fewer pictures than chips: they stand repeatedly
    model = AVEFModel(2, **recipe).fit(clips, clips.select(np.arange(0)))
    np.testing.assert_allclose(model.predict_proba(clips).sum(1), 1)
