"""Encoders of pictures against transformers itself, and their rows as the stage makes them."""

import shutil
from functools import cache

import numpy as np
import pytest
import torch
from encoders import TINY, described_by, saved

from avlib.descriptors.video_clip import video_rows
from avlib.faces.alignment import decode_chips, encode_jpeg
from avlib.faces.tables import FACES
from avlib.runtime.errors import ParamsError, WeightsError
from avlib.runtime.tables import clip_refs, write_table

pytestmark = pytest.mark.usefixtures("no_network")

PICTURE = {"image_size": 32, "patch_size": 16}
NAMES = ["vit", "clip", "clip_vision_model", "dinov2"]


@cache
def models():
    """By name: class, settings and preprocessor. Transformers takes seconds to load."""
    import transformers as t

    return {
        "vit": (
            t.ViTForImageClassification,  # without a pooler, as published
            t.ViTConfig(**TINY, **PICTURE, intermediate_size=32),
            t.ViTImageProcessorPil(size={"height": 32, "width": 32}),
        ),
        "clip": (
            t.CLIPModel,  # the text side is left
            t.CLIPConfig(
                text_config={**TINY, "intermediate_size": 32, "vocab_size": 9},
                vision_config={**TINY, **PICTURE, "intermediate_size": 32},
                projection_dim=8,
            ),
            t.CLIPImageProcessorPil(
                size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32}
            ),
        ),
        "clip_vision_model": (
            t.CLIPVisionModel,
            t.CLIPVisionConfig(**TINY, **PICTURE, intermediate_size=32),
            t.CLIPImageProcessorPil(
                size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
            ),
        ),
        "dinov2": (
            t.Dinov2Model,
            t.Dinov2Config(**TINY, image_size=42, patch_size=14),
            t.BitImageProcessorPil(
                size={"shortest_edge": 48}, crop_size={"height": 42, "width": 42}
            ),
        ),
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {name: saved(root / name, *parts) for name, parts in models().items()}


@pytest.fixture(scope="module")
def chips():
    return np.random.default_rng(0).integers(0, 256, (20, 224, 224, 3), np.uint8)


def plainly(name, folder, chips):
    """What transformers gives: last, and the class token of every hidden state."""
    kind, _, processor = models()[name]
    network = kind.from_pretrained(folder).eval()
    network = {"vit": lambda n: n.vit, "clip": lambda n: n.vision_model}.get(name, lambda n: n)(
        network
    )
    pixels = type(processor).from_pretrained(folder)(list(chips), return_tensors="pt")
    with torch.no_grad():
        output = network(pixels["pixel_values"], output_hidden_states=True)
    pooled = "clip" in name  # its last normalisation is in what it pools
    last = output.pooler_output if pooled else output.last_hidden_state[:, 0]
    return [state.numpy() for state in (last, *(state[:, 0] for state in output.hidden_states))]


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_those_of_transformers_and_layers_are_told_apart(name, folders, chips):
    last, *states = plainly(name, folders[name], chips)
    expected = {"last": last, "mean": np.mean(states, axis=0), 1: states[1], 2: states[2]}
    expected[0.5, 0.5, 0.0] = (states[0] + states[1]) / 2
    for layer, values in expected.items():
        descriptor = described_by("video", folders[name], layer, fps=None)
        found = descriptor.describe_chips(chips)
        assert (found.dtype, found.shape) == (np.float32, (20, 16))
        np.testing.assert_allclose(found, values, atol=1e-4)
        assert found.tobytes() == descriptor.describe_chips(chips).tobytes()
    assert min(np.abs(a - b).max() for a, b in zip(expected.values(), states, strict=False)) > 0.01


def test_the_stage_describes_frames_with_a_face(folders, chips, tmp_path):
    jpegs = [None if i == 2 else encode_jpeg(chips[i]) for i in range(5)]
    rows = {name: [None] * 5 for name in FACES.columns} | {
        "clip_id": ["a"] * 5,
        "frame": range(5),
        "time": np.arange(5) / 25,
        "state": ["found"] * 5,
        "landmarks": np.zeros((5, 136), np.float32),
        "chip": jpegs,
        "thumbnail": [b""] * 5,
    }
    write_table(tmp_path / "faces.parquet", rows, FACES)
    descriptor = described_by("video", folders["dinov2"], fps=None)
    found = video_rows(clip_refs(tmp_path / "faces.parquet")[0], descriptor)
    assert found.columns["frame"].tolist() == [0, 1, 3, 4]
    seen = decode_chips([jpegs[i] for i in (0, 1, 3, 4)])
    expected = plainly("dinov2", folders["dinov2"], seen)[0]
    np.testing.assert_allclose(found.columns["descriptor"], expected, atol=1e-4)


def test_no_face_gives_no_row_of_the_encoders_length(folders, chips):
    descriptor = described_by("video", folders["clip"], fps=None)
    assert descriptor.describe_chips(chips[:0]).shape == (0, 16)


def test_what_is_no_encoder_of_pictures_is_refused(folders, tmp_path, chips):
    folder = shutil.copytree(folders["vit"], tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"no weights in safetensors .*pytorch_model\.bin"):
        described_by("video", folder)
    text = (folder / "config.json").read_text().replace('"vit"', '"whisper"')
    (folder / "config.json").write_text(text)
    with pytest.raises(WeightsError, match=r"'whisper'; expected one of vit, clip.*video\.model"):
        described_by("video", folder)
    with pytest.raises(ParamsError, match=r"video\.model_layer is 9, .* 0 to 2"):
        described_by("video", folders["vit"], 9, fps=None).describe_chips(chips)
