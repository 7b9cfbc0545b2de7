import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from avlib.networks import training
from avlib.networks.vgg_face import VGGFace

WIDTH = 1 / 32


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """On networks this small a second thread only waits for the first."""
    before = torch.get_num_threads(), training.CPU_THREADS
    torch.set_num_threads(1)
    training.CPU_THREADS = 1
    yield
    torch.set_num_threads(before[0])
    training.CPU_THREADS = before[1]


@pytest.fixture(scope="session")
def tiny_vgg_face() -> VGGFace:
    """A network of 2 to 16 channels whose activations neither vanish nor explode."""
    torch.manual_seed(5)
    network = VGGFace(width=WIDTH)
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):
            torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu")
        else:
            torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


@pytest.fixture(scope="session")
def tiny_pretrained(tiny_vgg_face, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pretrained") / "vgg_face.safetensors"
    # Scaled down so that activations on 0-255 pixels stay near 1.
    tensors = {name: tensor.clone() for name, tensor in tiny_vgg_face.state_dict().items()}
    tensors["conv1_1.weight"] /= 64
    save_file(tensors, path)
    return path


@pytest.fixture(scope="session")
def write_fer() -> Callable[..., Path]:
    """Write a small fer2013.csv whose emotions are told by where the face is bright."""

    def write(path: Path, counts: dict[str, int], seed: int = 0) -> Path:
        rng = np.random.default_rng(seed)
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["emotion", "pixels", "Usage"])
            for usage, count in counts.items():
                for index in range(count):
                    emotion = index % 7
                    pixels = rng.integers(40, 80, (48, 48))
                    row, column = divmod(emotion, 3)
                    pixels[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] += 150
                    rows.writerow([emotion, " ".join(map(str, pixels.ravel())), usage])
        return path

    return write


@pytest.fixture(scope="session")
def tiny_sound8() -> dict[str, dict[str, np.ndarray]]:
    """SoundNet of 2 to 128 channels as ``sound8.npy`` lays it out: (kernel, 1, in, out)."""
    rng = np.random.default_rng(0)
    layers: dict[str, dict[str, np.ndarray]] = {}
    before = 1
    for index, kernel in enumerate((64, 32, 16, 8, 4, 4, 4)):
        after = 2 << index
        scale = np.sqrt(2 / (kernel * before))
        layers[f"conv{index + 1}"] = {
            "weights": rng.normal(0, scale, (kernel, 1, before, after)),
            "biases": rng.normal(0, 0.2, after),
            "mean": rng.normal(0, 0.2, after),
            "var": rng.uniform(0.5, 1.5, after),
            "gamma": rng.uniform(0.5, 1.5, after),
            "beta": rng.normal(0, 0.2, after),
        }
        before = after
    layers["conv1"]["var"] *= 150**2  # of a loud sound, whose full scale is 256
    for name, classes in {"conv8": 1000, "conv8_2": 401}.items():
        layers[name] = {
            "weights": rng.normal(0, np.sqrt(1 / (8 * before)), (8, 1, before, classes)),
            "biases": rng.normal(0, 0.2, classes),
        }
    return {
        layer: {kind: array.astype(np.float32) for kind, array in kinds.items()}
        for layer, kinds in layers.items()
    }
