import numpy as np
import pytest


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
