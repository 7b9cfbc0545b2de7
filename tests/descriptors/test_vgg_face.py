import numpy as np
import pytest
import torch
from scipy.signal import correlate

from avlib.descriptors.vgg_face import VGGFace, VGGFaceDescriptor, preprocess

CONVOLUTIONS = {
    "conv1_1": (64, 3),
    "conv1_2": (64, 64),
    "conv2_1": (128, 64),
    "conv2_2": (128, 128),
    "conv3_1": (256, 128),
    "conv3_2": (256, 256),
    "conv3_3": (256, 256),
    "conv4_1": (512, 256),
    "conv4_2": (512, 512),
    "conv4_3": (512, 512),
    "conv5_1": (512, 512),
    "conv5_2": (512, 512),
    "conv5_3": (512, 512),
}
FULLY_CONNECTED = {"fc6": (4096, 25088), "fc7": (4096, 4096), "fc8": (2622, 4096)}


def test_state_dict_has_the_published_names_and_shapes():
    expected = {}
    for name, shape in CONVOLUTIONS.items():
        expected[f"{name}.weight"] = (*shape, 3, 3)
        expected[f"{name}.bias"] = shape[:1]
    for name, shape in FULLY_CONNECTED.items():
        expected[f"{name}.weight"] = shape
        expected[f"{name}.bias"] = shape[:1]
    with torch.device("meta"):
        network = VGGFace()
    assert {name: tuple(t.shape) for name, t in network.state_dict().items()} == expected


def correlated(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """A padded 3x3 convolution layer and its ReLU in scipy: (in, h, w) to (out, h, w)."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    maps = [
        correlate(padded, k, "valid", "direct")[0] + b for k, b in zip(kernel, bias, strict=True)
    ]
    return np.maximum(maps, 0)


def halved(x: np.ndarray) -> np.ndarray:
    channels, height, width = x.shape
    return x.reshape(channels, height // 2, 2, width // 2, 2).max((2, 4))


def test_layers_are_those_of_a_network_written_out_in_numpy(tiny_vgg_face):
    values = {n: t.double().numpy() for n, t in tiny_vgg_face.state_dict().items()}
    image = np.random.default_rng(0).normal(size=(3, 224, 224)).astype(np.float32)
    x = image.astype(np.float64)
    for name in CONVOLUTIONS:
        x = correlated(x, values[f"{name}.weight"], values[f"{name}.bias"])
        if name in ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"):
            x = halved(x)
    fc6 = np.maximum(values["fc6.weight"] @ x.ravel() + values["fc6.bias"], 0)
    fc7 = np.maximum(values["fc7.weight"] @ fc6 + values["fc7.bias"], 0)
    fc8 = values["fc8.weight"] @ fc7 + values["fc8.bias"]
    for layer, expected in {"fc6": fc6, "fc7": fc7, "fc8": fc8}.items():
        with torch.no_grad():
            found = tiny_vgg_face(torch.from_numpy(image)[None], layer)[0].numpy()
        assert expected.std() > 0.1, "a test on vanished activations would show nothing"
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_network_cut_at_fc6_is_smaller_and_refuses_later_layers():
    with torch.device("meta"):
        network = VGGFace("fc6")
    assert not any(name.startswith(("fc7", "fc8")) for name in network.state_dict())
    with pytest.raises(ValueError, match=r"'fc7' is not in this network, which ends at fc6"):
        network(torch.zeros(1, 3, 224, 224, device="meta"), "fc7")


def test_dropout_acts_in_training_only(tiny_vgg_face):
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(tiny_vgg_face(x), tiny_vgg_face(x))
        tiny_vgg_face.train()
        try:
            assert not torch.equal(tiny_vgg_face(x), tiny_vgg_face(x))
        finally:
            tiny_vgg_face.eval()


def test_preprocessing_subtracts_the_mean_colour_and_does_not_scale():
    chips = np.zeros((2, 224, 224, 3), np.uint8)
    chips[1, 3, 5] = (255, 128, 7)
    x = preprocess(chips)
    assert x.shape == (2, 3, 224, 224)
    assert x.dtype == torch.float32
    np.testing.assert_allclose(x[0, :, 0, 0], (-129.186, -104.762, -93.594), atol=1e-4)
    np.testing.assert_allclose(x[1, :, 3, 5], (125.814, 23.238, -86.594), atol=1e-4)


@pytest.mark.parametrize(
    "chips",
    [np.zeros((1, 224, 224, 3), np.float32), np.zeros((1, 3, 224, 224), np.uint8)],
)
def test_chips_of_another_type_or_layout_are_refused(chips):
    with pytest.raises(ValueError, match=r"expected uint8 of shape \(n, 224, 224, 3\)"):
        VGGFaceDescriptor().describe_chips(chips)
