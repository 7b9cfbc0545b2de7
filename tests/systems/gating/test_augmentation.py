import numpy as np
import pytest
import torch

from avlib.systems.gating import augmentation
from avlib.systems.gating.augmentation import (
    add_noise,
    centre_crop,
    change_speed,
    crop,
    random_crop,
    random_sound,
    shift_pitch,
)

RATE = 22_050
SAMPLES = 22_050
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def sine(frequency, samples=SAMPLES):
    return torch.sin(2 * torch.pi * frequency * torch.arange(samples) / RATE)


def frequency_of(wave):
    """Find the strongest frequency, in Hz, by an FFT at steps of 0.125 Hz."""
    n = 8 * RATE
    return int(np.abs(np.fft.rfft(wave.numpy() * np.hanning(len(wave)), n)).argmax()) * RATE / n


def centre_of_energy(wave):
    """Tell when a wave is loud, in samples."""
    energy = wave.square()
    return float((energy * torch.arange(len(wave))).sum() / energy.sum())


def burst(at, width=600):
    """A 1 kHz tone that swells and fades about one sample."""
    times = torch.arange(SAMPLES) - at
    return sine(1000) * torch.exp(-0.5 * (times / width) ** 2)


def test_every_frame_loses_the_same_border():
    frames = torch.arange(2 * 3 * 3 * 6 * 8).view(2, 3, 3, 6, 8)
    assert torch.equal(crop(frames, 4, (1, 3)), frames[:, :, :, 1:5, 3:7])
    assert torch.equal(centre_crop(frames, 4), frames[:, :, :, 1:5, 2:6])


def test_random_crops_reach_every_place_and_are_drawn_once_a_batch():
    frames = torch.arange(6 * 5).view(1, 1, 6, 5).repeat(2, 3, 1, 1)
    generator = seeded()
    corners = set()
    for _ in range(200):
        cut = random_crop(frames, 4, generator)
        assert cut.shape == (2, 3, 4, 4)
        assert bool((cut == cut[0, 0]).all())
        corners.add(int(cut[0, 0, 0, 0]))
    assert corners == {row * 5 + column for row in range(3) for column in range(2)}
    assert torch.equal(random_crop(frames, 4, seeded(3)), random_crop(frames, 4, seeded(3)))


@pytest.mark.parametrize("snr_db", [0.0, 12.5, 30.0])
def test_noise_stands_at_the_ratio_to_each_wave(snr_db):
    waves = torch.stack([sine(440), 200 * sine(1000)])
    noise = (add_noise(waves, snr_db, seeded()) - waves).double()
    measured = 10 * torch.log10(waves.double().square().mean(1) / noise.square().mean(1))
    # The power of 22,050 draws has a standard deviation of 1 %, 0.04 dB.
    torch.testing.assert_close(measured, torch.full((2,), snr_db).double(), rtol=0, atol=0.15)
    assert abs(float(torch.corrcoef(noise)[0, 1])) < 0.03  # each has its own


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.07])
def test_speed_scales_frequency_and_times_about_the_middle(factor):
    waves = torch.stack([sine(440), burst(8000)])
    changed = change_speed(waves, factor)
    assert changed.shape == waves.shape
    assert frequency_of(changed[0]) == pytest.approx(440 * factor, abs=0.5)
    middle = (SAMPLES - 1) / 2
    expected = middle + (8000 - middle) / factor
    assert centre_of_energy(changed[1]) == pytest.approx(expected, abs=2)
    if factor > 1:  # nothing was recorded before and after
        silent = round(SAMPLES * (1 - 1 / factor) / 2) - 2
        assert float(changed[0, :silent].abs().max()) == 0
        assert float(changed[0, -silent:].abs().max()) == 0
        assert float(changed[0, silent : silent + 50].abs().max()) > 0.5


@pytest.mark.parametrize("semitones", [-2.0, -0.5, 1.3, 2.0])
def test_pitch_scales_frequency_and_leaves_times_alone(semitones):
    waves = torch.stack([sine(440), 100 * sine(997.3), burst(8000)])
    shifted = shift_pitch(waves, semitones)
    ratio = 2 ** (semitones / 12)
    assert shifted.shape == waves.shape
    for wave, frequency in zip(shifted, (440, 997.3, 1000), strict=True):
        assert frequency_of(wave) == pytest.approx(frequency * ratio, rel=2e-3)
    assert centre_of_energy(shifted[2]) == pytest.approx(8000, abs=100)  # 4.5 ms
    # Neighbouring frames that no longer agree in phase cost some of the power.
    power = shifted.square().mean(1) / waves.square().mean(1)
    assert bool(((power > 0.75) & (power < 1.1)).all())


def test_a_shift_by_nothing_changes_nothing():
    waves = torch.randn(2, SAMPLES, generator=seeded())
    torch.testing.assert_close(shift_pitch(waves, 0.0), waves, rtol=0, atol=1e-3)
    assert torch.equal(change_speed(waves, 1.0), waves)


@pytest.mark.parametrize("samples", [1, 7, 300, 513, 4574])
@pytest.mark.parametrize("strength", [-1.0, 1.0])
def test_sound_of_any_length_keeps_it(samples, strength):
    waves = torch.randn(2, samples, generator=seeded())
    for changed in (
        shift_pitch(waves, 24 * strength),
        change_speed(waves, 1 + 0.5 * strength),
        add_noise(waves, 10 * strength, seeded()),
    ):
        assert changed.shape == waves.shape
        assert bool(changed.isfinite().all())


def test_silence_stays_silent_beside_a_voice():
    waves = torch.stack([torch.zeros(SAMPLES), sine(440)])
    for changed in (
        shift_pitch(waves, 1.5),
        change_speed(waves, 1.1),
        add_noise(waves, 10, seeded()),
    ):
        assert float(changed[0].abs().max()) == 0
        assert bool(changed[1].isfinite().all())


def test_random_sound_draws_one_method_for_the_batch_within_the_ranges(monkeypatch):
    drawn = []
    for name in ("add_noise", "change_speed", "shift_pitch"):

        def record(waves, strength, *_, name=name):
            drawn.append((name, strength))
            return waves + 1

        monkeypatch.setattr(augmentation, name, record)
    generator = seeded()
    waves = torch.zeros(3, 4)
    untouched = sum(torch.equal(random_sound(waves, generator), waves) for _ in range(400))
    assert untouched + len(drawn) == 400
    ranges = {
        "add_noise": augmentation.SNR_DB,
        "change_speed": augmentation.SPEED,
        "shift_pitch": augmentation.SEMITONES,
    }
    assert 60 < untouched < 140
    for name, (low, high) in ranges.items():
        strengths = [strength for other, strength in drawn if other == name]
        assert 60 < len(strengths) < 140
        assert low <= min(strengths) < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < max(strengths) <= high


def test_random_sound_is_the_same_for_a_seed():
    waves = torch.randn(2, 5000, generator=seeded())
    runs = []
    for _ in range(2):
        generator = seeded(9)
        runs.append([random_sound(waves, generator) for _ in range(24)])
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))
    assert len({float(wave[0, 1000]) for wave in runs[0]}) > 6  # and not always the same


@pytest.mark.gpu
@needs_gpu
def test_gpu_agrees_with_the_cpu():
    waves = torch.stack([sine(440), burst(8000), torch.zeros(SAMPLES)])
    for function in (
        lambda x: shift_pitch(x, 1.5),
        lambda x: change_speed(x, 0.93),
        lambda x: add_noise(x, 15, seeded()),
    ):
        torch.testing.assert_close(function(waves.cuda()).cpu(), function(waves), rtol=0, atol=1e-3)
