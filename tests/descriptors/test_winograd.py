import numpy as np
import pytest
import torch
from torch.nn import functional

from avlib.descriptors.winograd import Convolution3x3


def plain(network, x):
    """What torch computes, in doubles."""
    weight, bias = network.weight.detach().double(), network.bias.detach().double()
    return functional.conv2d(x.double(), weight, bias, padding=1).numpy()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 4), (4, 9), (17, 6), (35, 35)])
@pytest.mark.parametrize(("channels_in", "channels_out"), [(32, 64), (128, 32)])
def test_it_is_the_plain_sum(channels_in, channels_out, height, width):
    torch.manual_seed(0)
    network = Convolution3x3(channels_in, channels_out)
    x = torch.randn(7, channels_in, height, width)
    for laid in (x, x.to(memory_format=torch.channels_last)):
        with torch.inference_mode():
            y = network(laid).numpy()
        np.testing.assert_allclose(y, plain(network, x), rtol=1e-4, atol=5e-5)


@pytest.mark.parametrize("n", [0, 1, 5, 30])
def test_an_image_does_not_depend_on_those_beside_it(n):
    torch.manual_seed(1)
    network = Convolution3x3(32, 32)
    images = torch.randn(n, 32, 8, 8)  # 25 at once
    with torch.inference_mode():
        alone = [network(image[None])[0].numpy() for image in images]
        together = network(images).numpy()
    assert together.shape == (n, 32, 8, 8)
    np.testing.assert_allclose(together, np.reshape(alone, together.shape), atol=5e-5)


@pytest.mark.parametrize("channels", [3, 256])
def test_other_channels_are_left_to_torch(channels):
    torch.manual_seed(2)
    network, x = Convolution3x3(channels, 32), torch.randn(2, channels, 5, 5)
    with torch.inference_mode():
        np.testing.assert_allclose(network(x).numpy(), plain(network, x), atol=1e-5)
