import json
import lzma
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import BatchNorm2d

from avlib.descriptors.expression import CROP, ExpressionDescriptor, crop, folded
from avlib.descriptors.expression_net import ExpressionNet
from avlib.descriptors.expression_scores import card_tables, scores
from avlib.descriptors.face_images import unpack
from avlib.descriptors.video import Faces
from avlib.faces.alignment import CANONICAL, encode_jpeg
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import WeightsError
from avlib.weights import load_tensors, require_weights

SHIPPED = Path(__file__).parents[2] / "data/weights/expression"


@pytest.fixture(scope="module")
def chips():
    """Pictures with detail of all sizes and no grey level near the ends."""
    picture = skimage.data.astronaut()[:448, :448].astype(float)
    parts = [picture[i : i + 224, j : j + 224] for i in (0, 224) for j in (0, 224)]
    return (70 + 110 * np.stack(parts) / 255).astype(np.uint8)


class Untrained(ExpressionDescriptor):
    def network(self):
        torch.manual_seed(0)
        return ExpressionNet(32, 6.5).eval()


def test_crop_is_the_mean_grey_of_what_each_pixel_covers(chips):
    left, top, right, bottom = CROP
    assert 8 * (right - left) % 48 == 0  # eighths of pixels lie in one pixel of the face or another
    part = (right - left) * 8 // 48
    for chip, face in zip(chips, crop(chips), strict=True):
        grey = np.kron((chip @ [0.299, 0.587, 0.114])[top:bottom, left:right], np.ones((8, 8)))
        expected = grey.reshape(48, part, 48, part).mean(axis=(1, 3))
        np.testing.assert_allclose(face[0].numpy(), expected, atol=0.01)


def test_crop_is_square_symmetric_and_holds_the_landmarks():
    left, top, right, bottom = CROP
    assert right - left == bottom - top
    assert left + right == 2 * CANONICAL[:2, 0].mean()
    assert ((left, top) < CANONICAL).all()
    assert (CANONICAL[:5] < (right, bottom)).all()


def test_features_come_first_and_then_the_logits(chips):
    values = Untrained().describe_chips(chips)
    assert values.shape == (4, 135)
    network = Untrained().network()
    with torch.inference_mode():
        x = network.see(crop(chips))
        expected = torch.cat([network.features(x), network(x)], 1).numpy()
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4)


def test_folding_changes_the_time_and_not_the_values(chips):
    shipped = ExpressionDescriptor(weights=SHIPPED / "expression.safetensors")
    plain, faster = shipped.network(), folded(shipped.network())
    assert any(isinstance(module, BatchNorm2d) for module in plain.modules())
    assert not any(isinstance(module, BatchNorm2d) for module in faster.modules())
    with torch.inference_mode():
        x = plain.see(crop(chips))
        values, expected = (network.features(x).numpy() for network in (faster, plain))
    np.testing.assert_allclose(values, expected, atol=1e-4 * expected.std())


@settings(max_examples=15, deadline=None)
@given(st.floats(0.6, 1.3), st.floats(-20, 20))
def test_brightness_and_contrast_hardly_matter(contrast, brightness):
    grey = np.tile(np.linspace(70, 180, 224)[:, None, None], (1, 224, 3))
    grey += 20 * np.sin(np.arange(224) / 9)[None, :, None]
    as_it_is = grey.round().astype(np.uint8)
    lit = (contrast * grey + brightness).round().clip(0, 255).astype(np.uint8)
    one, other = Untrained().describe_chips(np.stack([as_it_is, lit]))
    np.testing.assert_allclose(other, one, atol=0.05 * np.abs(one).max())


def test_clips_are_described_by_luma_and_as_their_colours_would_be(chips):
    faces = Faces(np.arange(4) / 25, np.zeros((4, 68, 2)), [encode_jpeg(chip) for chip in chips])
    times, values = Untrained().describe(faces)
    np.testing.assert_array_equal(times, faces.times)
    coloured = Untrained().describe_chips(faces.chips(np.arange(4)))
    np.testing.assert_allclose(values, coloured, atol=0.02 * coloured.std())


def test_a_batch_gives_what_single_chips_give(chips):
    describe = Untrained().describe_chips
    np.testing.assert_allclose(describe(chips)[1:2], describe(chips[1:2]), rtol=1e-4, atol=1e-5)


def test_missing_weights_say_how_to_get_them_back(tmp_path, monkeypatch, chips):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        WeightsError,
        match=r"expression\.safetensors is missing.*git restore data/weights/expression",
    ):
        ExpressionDescriptor(sha256="none").describe_chips(chips)


@pytest.fixture(scope="module")
def report():
    return json.loads((SHIPPED / "training.json").read_text())


def test_shipped_file_is_small_and_the_one_that_was_scored(report):
    path = require_weights("expression", SHIPPED.parent)
    facts = report["network"]
    assert path.stat().st_size == facts["bytes"] <= 4e6
    assert file_digest(path) == facts["sha256"]
    network = ExpressionNet()
    load_tensors(path, network)
    assert sum(p.numel() for p in network.parameters()) == facts["parameters"] <= 1e6
    assert int(network.side) == report["side"]


def test_card_shows_the_scores_and_the_file_that_they_belong_to(report):
    card = (SHIPPED / "README.md").read_text()
    assert card_tables(report) in card
    assert report["network"]["sha256"] in card
    assert f"{report['network']['bytes']:,} bytes" in card
    assert f"{report['network']['parameters']:,} parameters" in card
    assert f"{report['seconds']:,} s" in card


@pytest.mark.skipif("AVLIB_REAL" not in os.environ, reason="needs FER2013 below AVLIB_REAL")
def test_scores_on_private_test_are_those_of_the_card(report, tmp_path):
    packed = Path(os.environ["AVLIB_REAL"]) / "fer2013" / "fer2013.csv.xz"
    path = tmp_path / "fer2013.csv"
    with lzma.open(packed) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    network = ExpressionNet()
    load_tensors(require_weights("expression", SHIPPED.parent), network.eval())
    found = scores(network, unpack(path, tmp_path, Counter())["test"])
    expected = report["scores"]["test"]["accuracy"]
    assert found["accuracy"] == pytest.approx(expected, abs=0.005)
