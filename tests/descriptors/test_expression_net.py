import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from avlib.descriptors.expression_net import ExpressionNet, keep_detail, standardise


def faces(n, seed=0):
    """Make smooth pictures with some fine detail, as floats of shape (n, 1, 48, 48)."""
    noise = np.random.default_rng(seed).normal(size=(n, 48, 48))
    pictures = 20 * gaussian_filter(noise, (0, 4, 4), mode="reflect") / 0.07 + 2 * noise + 128
    return torch.from_numpy(pictures).float().unsqueeze(1)


def waves(cycles):
    """Make a cosine across the picture that a cosine transform knows."""
    x = np.cos(2 * np.pi * cycles * (np.arange(48) + 0.5) / 48)
    return torch.from_numpy(np.tile(x, (48, 1))).float()[None, None]


def test_logits_follow_from_features_at_any_even_side():
    for side in (32, 48):
        network = ExpressionNet(side).eval()
        x = network.see(faces(3))
        assert x.shape == (3, 1, side, side)
        features = network.features(x)
        assert features.shape == (3, 128)
        assert (features >= 0).all()
        torch.testing.assert_close(network(x), network.emotion(features))


def test_network_is_small():
    state = ExpressionNet().state_dict().values()
    assert sum(tensor.numel() * tensor.element_size() for tensor in state) < 4e6


@settings(max_examples=20, deadline=None)
@given(st.floats(0.2, 1.5), st.floats(-60, 60))
def test_brightness_and_contrast_fall_out(contrast, brightness):
    network = ExpressionNet(32, 6.5)
    grey = faces(2)
    torch.testing.assert_close(
        network.see(contrast * grey + brightness), network.see(grey), atol=1e-3, rtol=1e-3
    )


def test_flat_face_stays_flat():
    assert torch.equal(standardise(torch.full((1, 1, 48, 48), 7.0)), torch.zeros(1, 1, 48, 48))


def test_fine_detail_goes_and_coarse_detail_stays():
    torch.testing.assert_close(keep_detail(waves(3), 6.5), waves(3), atol=0.01, rtol=0)
    torch.testing.assert_close(keep_detail(waves(12), 6.5), 0 * waves(12), atol=0.01, rtol=0)
    torch.testing.assert_close(keep_detail(waves(12), 0.0), waves(12))


def test_a_known_blur_is_undone():
    sharp = faces(4)
    blurred = torch.from_numpy(gaussian_filter(sharp.numpy(), (0, 0, 2, 2), mode="reflect"))
    restored, expected = keep_detail(blurred, 6.0, blur=2.0), keep_detail(sharp, 6.0)
    error = (restored - expected).std() / expected.std()
    assert error < 0.02
    assert (keep_detail(blurred, 6.0) - expected).std() / expected.std() > 5 * error
