import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from avlib.corpora.fer2013 import FOLDERS
from avlib.descriptors.face_images import enlarge
from avlib.descriptors.face_model import fine_tune
from avlib.descriptors.vgg_face import VGGFace
from avlib.runtime.errors import CorpusError, WeightsError
from avlib.weights import load_tensors

WIDTH = 1 / 32
SMALL = {"Training": 8, "PublicTest": 4, "PrivateTest": 2}
QUICK = {
    "epochs": 3,
    "batch_size": 4,
    "learning_rate": 1e-3,
    "patience": 3,
    "seed": 1,
    "width": WIDTH,
}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def csv_path(write_fer, tmp_path_factory):
    return write_fer(tmp_path_factory.mktemp("fer") / "fer2013.csv", SMALL)


@pytest.fixture(scope="module")
def undisturbed(csv_path, tiny_pretrained, tmp_path_factory):
    root = tmp_path_factory.mktemp("undisturbed")
    fine_tune(csv_path, tiny_pretrained, root / "out", checkpoints=root / "work", **QUICK)
    assert list((root / "work").iterdir()) == []
    return files(root / "out")


def test_small_set_is_learned_by_heart(write_fer, tiny_pretrained, tmp_path):
    path = write_fer(tmp_path / "fer.csv", {"Training": 42, "PublicTest": 21})
    report = fine_tune(
        path,
        tiny_pretrained,
        tmp_path / "out",
        checkpoints=tmp_path / "work",
        **QUICK | {"epochs": 6, "patience": 6, "batch_size": 7},
    )
    assert report["validation_accuracy"] > 0.8  # 1.0 with three seeds; an image is 0.05


def test_report_tells_images_epochs_and_the_test_accuracy_apart(undisturbed):
    report = json.loads(undisturbed["report.json"])
    assert report["images"] == {"train": 8, "validation": 4, "test": 2}
    assert [row["epoch"] for row in report["epochs"]] == [0, 1, 2]
    assert set(report["epochs"][0]) == {
        "epoch",
        "train_loss",
        "validation_loss",
        "validation_accuracy",
    }
    accuracies = [row["validation_accuracy"] for row in report["epochs"]]
    assert report["validation_accuracy"] == max(accuracies)
    assert report["best_epoch"] == accuracies.index(max(accuracies))
    assert 0 <= report["test_accuracy"] <= 1
    assert undisturbed["curves.csv"].decode().count("\n") == 4


def test_private_test_faces_decide_nothing(write_fer, undisturbed, tiny_pretrained, tmp_path):
    path = write_fer(tmp_path / "fer.csv", SMALL | {"PrivateTest": 0})
    report = fine_tune(
        path, tiny_pretrained, tmp_path / "out", checkpoints=tmp_path / "work", **QUICK
    )
    assert report["test_accuracy"] is None
    found = files(tmp_path / "out")
    assert found["face_model.safetensors"] == undisturbed["face_model.safetensors"]


KILLED = """
import os, signal, sys
from pathlib import Path
from avlib.descriptors import face_model
from avlib.networks import train_network
train_network.CPU_THREADS = 1
step = face_model._Task.training_step
def dying(self, batch, index):
    if (self.current_epoch, index) == (1, 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)
face_model._Task.training_step = dying
train_network.SAVE_EVERY = 0.0
csv, pretrained, out, work = map(Path, sys.argv[1:5])
face_model.fine_tune(csv, pretrained, out, checkpoints=work, **eval(sys.argv[5]))
"""


def test_run_killed_in_its_second_epoch_resumes_to_the_same_bytes(
    csv_path, tiny_pretrained, undisturbed, tmp_path
):
    out, work = tmp_path / "out", tmp_path / "work"
    arguments = [csv_path, tiny_pretrained, out, work, QUICK]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not out.exists()
    assert [path.name for path in work.rglob("last.ckpt")] == ["last.ckpt"]
    fine_tune(csv_path, tiny_pretrained, out, checkpoints=work, **QUICK)
    assert files(out) == undisturbed


@pytest.mark.parametrize("trainable", ["head", "fc6", "all"])
def test_frozen_layers_stay_and_the_others_move(trainable, csv_path, tiny_pretrained, tmp_path):
    fine_tune(
        csv_path,
        tiny_pretrained,
        tmp_path / "out",
        checkpoints=tmp_path / "work",
        trainable=trainable,
        **QUICK | {"epochs": 1},
    )
    before = load_file(tiny_pretrained)
    after = load_file(tmp_path / "out" / "face_model.safetensors")
    moved = {
        name for name in before if name in after and not torch.equal(before[name], after[name])
    }
    fc6 = {"fc6.weight", "fc6.bias"}
    kept = {name for name in before if name.startswith("conv")} | fc6
    # A dead unit of the tiny network may keep a bias where it was.
    weights = {name for name in kept if name.endswith("weight")}
    if trainable == "all":
        assert moved >= weights
    else:
        assert moved == ({"head": set(), "fc6": fc6}[trainable])
    assert after["emotion1.weight"].shape == (1000, 128)
    assert after["emotion2.weight"].shape == (7, 1000)
    assert after.keys() == kept | {
        f"emotion{i}.{kind}" for i in (1, 2) for kind in ("weight", "bias")
    }


def test_fine_tuned_file_loads_as_a_network_cut_at_fc6(undisturbed, tmp_path):
    path = tmp_path / "face_model.safetensors"
    path.write_bytes(undisturbed["face_model.safetensors"])
    network = VGGFace("fc6", width=WIDTH)
    load_tensors(path, network)
    assert torch.equal(network.fc6.weight, load_file(path)["fc6.weight"])


def test_faces_are_enlarged_to_colour_chips_less_the_mean():
    grey = torch.full((1, 48, 48), 200, dtype=torch.uint8)
    large = enlarge(grey)
    assert large.shape == (1, 3, 224, 224)
    expected = torch.tensor([200 - 129.186, 200 - 104.762, 200 - 93.594])
    torch.testing.assert_close(large.mean((0, 2, 3)), expected)


def test_pictures_are_learned_from_like_the_csv(tiny_pretrained, tmp_path):
    random = np.random.default_rng(0)
    for part, n in (("train", 8), ("test", 1)):
        for name in FOLDERS:
            (tmp_path / part / name).mkdir(parents=True)
            for k in range(n):
                face = Image.fromarray(random.integers(0, 256, (48, 48), np.uint8))
                face.save(tmp_path / part / name / f"{k}.png")
    report = fine_tune(
        tmp_path,
        tiny_pretrained,
        tmp_path / "out",
        checkpoints=tmp_path / "work",
        **QUICK | {"epochs": 1, "batch_size": 16},
    )
    assert report["validated_on"] == "held-out train"
    assert report["images"]["train"] + report["images"]["validation"] == 56
    assert report["images"]["test"] == 7


def test_blurred_training_faces_are_said(write_fer, tiny_pretrained, tmp_path, caplog):
    path = write_fer(tmp_path / "fer.csv", SMALL, blur=2.0)
    report = fine_tune(
        path,
        tiny_pretrained,
        tmp_path / "out",
        checkpoints=tmp_path / "work",
        **QUICK | {"epochs": 1},
    )
    assert report["blur"] > 1
    assert "the faces to train on are blurred against those to validate with" in caplog.text


def test_missing_weights_or_faces_are_one_clear_line(write_fer, tiny_pretrained, tmp_path):
    def run(csv_path, pretrained):
        fine_tune(csv_path, pretrained, tmp_path / "out", checkpoints=tmp_path / "work", **QUICK)

    with pytest.raises(CorpusError, match=r"put fer2013\.csv there"):
        run(tmp_path / "nothing.csv", tiny_pretrained)
    only_test = write_fer(tmp_path / "test.csv", {"PrivateTest": 2})
    with pytest.raises(CorpusError, match="holds no usable Training row"):
        run(only_test, tiny_pretrained)
    with pytest.raises(WeightsError, match=r"nothing\.safetensors"):
        run(only_test, tmp_path / "nothing.safetensors")
    assert not (tmp_path / "out").exists()
