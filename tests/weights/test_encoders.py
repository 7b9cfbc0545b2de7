import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from avlib.cli.weights import app
from avlib.runtime.errors import WeightsError
from avlib.weights.encoders import ENCODERS, list_encoders


def test_list_says_where_encoders_are_and_which_are_here(tmp_path):
    (tmp_path / "dinov2-base").mkdir()
    (tmp_path / "dinov2-base" / "config.json").touch()
    rows = {row["name"]: row for row in list_encoders(tmp_path)}
    assert [name for name, row in rows.items() if row["present"] == "yes"] == ["dinov2-base"]
    assert rows.keys() == ENCODERS.keys()
    for name, row in rows.items():
        assert row["source"].startswith("https://huggingface.co/")
        assert name in row["source"]
        assert row["licence"]
    assert "dinov2" in CliRunner().invoke(app, ["list"]).output


def test_a_pickle_becomes_safetensors_beside_it(tmp_path, monkeypatch):
    shared = torch.arange(6.0).reshape(2, 3)
    tensors = {"a.weight": shared.T, "b.weight": shared, "c": torch.tensor([1, 2])}
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["convert", "pytorch_model.bin"])
    assert "model.safetensors: written" in done.output
    found = load_file(tmp_path / "model.safetensors")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
    again = CliRunner().invoke(app, ["convert", "pytorch_model.bin"])
    assert isinstance(again.exception, WeightsError)
    assert "remove it" in str(again.exception)


class Malice:
    def __reduce__(self):
        return print, ("run",)


def test_a_pickle_that_would_run_something_is_refused(tmp_path):
    torch.save({"a": Malice()}, tmp_path / "pytorch_model.bin")
    refused = CliRunner().invoke(app, ["convert", str(tmp_path / "pytorch_model.bin")])
    assert isinstance(refused.exception, WeightsError)
    assert not (tmp_path / "model.safetensors").exists()
    assert "run" not in refused.output
