import csv
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter


@pytest.fixture(autouse=True, scope="session")
def _one_thread(one_thread):
    """Networks here are small."""


@pytest.fixture
def no_network(monkeypatch):
    """Nothing is looked for in the network."""

    def refuse(*args):
        raise AssertionError(f"the network was asked for {args[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


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
    """Write a small fer2013.csv whose emotions are told by where the face is bright.

    Those to train on are blurred when that is asked for.
    """

    def write(path: Path, counts: dict[str, int], seed: int = 0, blur: float = 0.0) -> Path:
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
                    if blur and usage == "Training":
                        pixels = gaussian_filter(pixels, blur)
                    rows.writerow([emotion, " ".join(map(str, pixels.ravel())), usage])
        return path

    return write
