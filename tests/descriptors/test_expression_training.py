import json
from collections import Counter

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.ndimage import gaussian_filter
from torch.nn import functional

from avlib.descriptors import expression_training
from avlib.descriptors.expression_net import ExpressionNet, standardise
from avlib.descriptors.expression_scores import card_tables, scores
from avlib.descriptors.expression_training import train_expression, vary
from avlib.descriptors.face_images import FaceImages, relative_blur, unpack
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import CorpusError
from avlib.weights import load_tensors

COUNTS = {"Training": 140, "PublicTest": 42, "PrivateTest": 21}
TOY = {"epochs": 8, "side": 32, "blur": 0.0, "seed": 1}


@pytest.fixture(scope="module")
def toy(write_fer, tmp_path_factory):
    return write_fer(tmp_path_factory.mktemp("fer") / "fer2013.csv", COUNTS)


def trained(path, folder, **settings):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expression_training, "BATCH", 14)
        # Where the toy is bright tells the emotion: neither mirrored nor far away.
        patch.setattr(
            expression_training, "_random_poses", lambda n: torch.eye(2, 3).repeat(n, 1, 1)
        )
        return train_expression(path, folder, checkpoints=folder / "work", **TOY | settings)


@pytest.fixture(scope="module")
def run(toy, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return trained(toy, out), out


def test_separable_faces_are_learned(run):
    report, _ = run
    assert report["scores"]["validation"]["accuracy"] > 0.8
    assert report["scores"]["test"]["accuracy"] > 0.8


def test_report_is_that_of_the_file_beside_it(run, toy, tmp_path):
    report, out = run
    assert json.loads((out / "training.json").read_text()) == report
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == [
        "expression.safetensors",
        "training.json",
    ]
    path = out / "expression.safetensors"
    assert report["network"]["sha256"] == file_digest(path)
    assert report["network"]["bytes"] == path.stat().st_size
    assert report["images"] == {"train": 140, "validation": 42, "test": 21}
    network = ExpressionNet()
    load_tensors(path, network.eval())
    assert int(network.side) == TOY["side"]
    parts = unpack(toy, tmp_path, Counter())
    assert scores(network, parts["test"]) == report["scores"]["test"]
    accuracies = [row["validation_accuracy"] for row in report["curves"]]
    assert report["best_epoch"] == accuracies.index(max(accuracies))


def test_the_same_seed_gives_the_same_weights_whatever_is_in_the_test_part(write_fer, tmp_path):
    few = {"Training": 28, "PublicTest": 14}
    weights = []
    for k, private in enumerate((0, 7)):
        path = write_fer(tmp_path / f"{k}.csv", few | {"PrivateTest": private})
        trained(path, tmp_path / str(k), epochs=1)
        weights.append((tmp_path / str(k) / "expression.safetensors").read_bytes())
    assert weights[0] == weights[1]
    path = write_fer(tmp_path / "other.csv", few)
    trained(path, tmp_path / "other", epochs=1, seed=2)
    other = load_file(tmp_path / "other" / "expression.safetensors")
    assert not torch.equal(
        other["stem.weight"], load_file(tmp_path / "0" / "expression.safetensors")["stem.weight"]
    )


def test_confusions_and_recalls_of_the_card_add_up():
    """Of three faces of each true emotion k, k // 2 at most are right."""
    confusions = np.diag([0, 1, 1, 2, 2, 3, 3])
    confusions[:, 3] += 3 - np.diag(confusions)
    report = {
        "scores": {
            "test": {"accuracy": 0.5, "accuracy_mirrored": 0.25, "confusions": confusions.tolist()}
        }
    }
    lines = card_tables(report).splitlines()
    assert "| PrivateTest | 50.0 | 25.0 |" in lines
    assert "| disgust | 0 | 1 | 0 | 2 | 0 | 0 | 0 | 33.3 |" in lines
    assert "| anger | 0 | 0 | 0 | 3 | 0 | 0 | 0 | 0.0 |" in lines


@pytest.fixture
def smooth(tmp_path):
    noise = np.random.default_rng(0).normal(size=(300, 48, 48))
    pictures = gaussian_filter(noise, (0, 1.5, 1.5), mode="reflect") * 250 + 128

    def images(blur):
        blurred = gaussian_filter(pictures, (0, blur, blur), mode="reflect") if blur else pictures
        path = tmp_path / f"{blur}.pixels"
        path.write_bytes(blurred.clip(0, 255).round().astype(np.uint8).tobytes())
        return FaceImages(path, [0] * len(pictures))

    return images


@pytest.mark.parametrize("blur", [1.0, 2.0, 3.0])
def test_blur_of_one_part_against_another_is_measured(smooth, blur):
    assert relative_blur(smooth(blur), smooth(0)) == pytest.approx(blur, abs=0.15)
    assert relative_blur(smooth(0), smooth(blur)) == 0
    assert relative_blur(smooth(blur), smooth(blur)) == pytest.approx(0, abs=0.05)


def test_blur_that_is_not_the_one_said_stops_the_training(toy, tmp_path):
    with pytest.raises(
        CorpusError, match=r"blurred .* of 0\.\d pixels, expected 3\.0; get FER2013"
    ):
        trained(toy, tmp_path, blur=3.0)


def test_varied_faces_are_standardised_and_differ():
    grey = torch.randint(0, 256, (40, 1, 48, 48)).float()
    torch.manual_seed(0)
    one, two = vary(grey, 40), vary(grey, 40)
    assert one.shape == (40, 1, 40, 40)
    assert not torch.equal(one, two)
    assert one.mean().abs() < 0.1
    torch.manual_seed(0)
    assert torch.equal(vary(grey, 40), one)


def test_without_its_amounts_varying_leaves_faces_or_mirrors_them(monkeypatch):
    for name in ("TURN", "ZOOM", "STRETCH", "SHIFT", "GAMMA", "ERASED"):
        monkeypatch.setattr(expression_training, name, 0.0)
    grey = torch.randint(0, 256, (40, 1, 48, 48)).float()
    expected = standardise(functional.interpolate(grey, (32, 32), mode="bilinear"))
    kept = 0
    for face, same, mirrored in zip(vary(grey, 32), expected, expected.flip(3), strict=True):
        is_same, is_mirrored = (torch.allclose(face, e, atol=1e-3) for e in (same, mirrored))
        assert is_same or is_mirrored
        kept += is_same
    assert 5 < kept < 35


def test_erased_rectangle_is_the_mean_and_has_the_size_that_is_said(monkeypatch):
    monkeypatch.setattr(expression_training, "ERASED", 1.0)
    faces = expression_training._erase(torch.ones(50, 1, 40, 40))
    rows, columns = (faces == 0).any(3).sum(2), (faces == 0).any(2).sum(2)
    for sides in (rows, columns):
        assert sides.min() >= 0.15 * 40 - 1
        assert sides.max() <= 0.45 * 40 + 1
    assert torch.equal((faces == 0).sum((1, 2, 3)), (rows * columns)[:, 0])
