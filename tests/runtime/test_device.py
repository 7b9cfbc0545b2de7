"""Which devices there are, and folds side by side on several of them.

``cpu:0`` and ``cpu:1`` are devices to torch as GPUs are, so that no GPU is needed here.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from avlib.runtime.device import claimed, device, devices, gpus, numerics, precision
from avlib.runtime.errors import ParamsError
from avlib.runtime.per_fold import FoldJobs, run_per_fold

TWO = ["cpu:0", "cpu:1"]


@pytest.fixture(autouse=True)
def claims(tmp_path, monkeypatch):
    """Claim devices among the processes of a test alone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("AVLIB_DEVICE", "AVLIB_PRECISION"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_gpu_there_is_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert devices() == ["cpu"]
    assert gpus() == []
    assert numerics() == "cpu"


def test_all_gpus_are_used_and_the_first_of_them_where_one_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert devices() == gpus() == ["cuda:0", "cuda:1", "cuda:2"]
    assert device() == "cuda:0"


def test_devices_are_those_that_are_named(monkeypatch):
    monkeypatch.setenv("AVLIB_DEVICE", "cpu:1, cpu:0")
    assert devices() == ["cpu:1", "cpu:0"]
    assert device() == "cpu:1"


@pytest.mark.parametrize("given", ["cuda:64", "gpu", "cpu,,", "cpu:0,cpu:0"])
def test_what_is_no_device_is_said(given, monkeypatch):
    monkeypatch.setenv("AVLIB_DEVICE", given)
    with pytest.raises(ParamsError, match=f"AVLIB_DEVICE={given}: "):
        devices()


@pytest.mark.parametrize(
    ("computes_in_bf16", "given", "expected"),
    [
        (True, "auto", "bf16-mixed"),
        (False, "auto", "16-mixed"),
        (True, "fp16", "16-mixed"),
        (False, "fp32", "32-true"),
    ],
)
def test_networks_learn_on_a_gpu_as_precisely_as_asked(
    computes_in_bf16, given, expected, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: computes_in_bf16)
    monkeypatch.setenv("AVLIB_PRECISION", given)
    assert precision() == expected
    assert numerics() == f"cuda, {expected}"


def test_networks_learn_on_a_cpu_in_float32(monkeypatch):
    monkeypatch.setenv("AVLIB_DEVICE", "cpu")
    monkeypatch.setenv("AVLIB_PRECISION", "bf16")
    assert precision() == "32-true"


def test_unknown_precision_is_said(monkeypatch):
    monkeypatch.setenv("AVLIB_PRECISION", "half")
    with pytest.raises(ParamsError, match="AVLIB_PRECISION=half: expected one of auto, bf16"):
        precision()


def test_a_claimed_device_is_nobody_elses_until_its_process_ends():
    code = "import time; from avlib.runtime.device import claimed\n"
    code += "with claimed(['cpu:0']): print('claimed', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "claimed\n"
        with claimed(TWO) as mine:
            assert mine == device() == "cpu:1"
        other.kill()
        other.wait()
    with claimed(TWO) as mine:
        assert mine == "cpu:0"
    assert "AVLIB_DEVICE" not in os.environ


def test_claims_follow_no_link_that_somebody_left(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "cpu-0").write_text("precious")
    (tmp_path / f"avlib-devices-{os.getuid()}").symlink_to(elsewhere)
    with pytest.raises(ParamsError, match="belongs to somebody else"), claimed(TWO):
        pass
    assert (elsewhere / "cpu-0").read_text() == "precious"


def meet(payload, folder):
    """Wait until as many folds as there are devices are under way; note the device."""
    Path(payload["here"], f"{payload['fold']}").touch()
    until = time.monotonic() + 600
    while len(list(Path(payload["here"]).iterdir())) < len(TWO):
        assert time.monotonic() < until
        time.sleep(0.01)
    (folder / "device.txt").write_text(device())


def test_folds_take_a_device_each_side_by_side(tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    payloads = {fold: {"fold": fold, "here": str(here)} for fold in range(3)}
    jobs = FoldJobs(payloads, {"device": Path("devices")}, {}, [])
    run_per_fold("train", meet, {"": jobs}, devices=TWO)
    found = [Path(f"devices/fold-{fold}.txt").read_text() for fold in range(3)]
    assert set(found) == set(TWO)
