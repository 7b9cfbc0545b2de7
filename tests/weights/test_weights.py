import json
import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
import scipy.io
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from avlib import weights
from avlib.cli.weights import app
from avlib.descriptors.vgg_face import VGGFace
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import WeightsError
from avlib.weights import import_weights, list_weights, load_tensors, require_weights

WIDTH = 1 / 32


@pytest.fixture(autouse=True)
def _tiny_network(monkeypatch):
    tiny = replace(weights.REGISTRY["vgg_face"], build=lambda: VGGFace(width=WIDTH))
    monkeypatch.setitem(weights.REGISTRY, "vgg_face", tiny)


@pytest.fixture
def state(tiny_vgg_face):
    return {name: tensor.clone() for name, tensor in tiny_vgg_face.state_dict().items()}


def nested(state):
    tree = {}
    for name, tensor in state.items():
        layer, kind = name.split(".")
        tree.setdefault(layer, {})[{"weight": "weights", "bias": "biases"}[kind]] = tensor.numpy()
    return tree


def as_torch(state, path):
    torch.save(state, path)


def as_legacy_torch(state, path):
    torch.save(state, path, _use_new_zipfile_serialization=False)


def as_wrapped_torch(state, path):
    torch.save({"epoch": 3, "state_dict": {f"module.{n}": t for n, t in state.items()}}, path)


def as_pickled_tensors(state, path):
    path.write_bytes(pickle.dumps(state))


def as_pickled_arrays(state, path):
    path.write_bytes(pickle.dumps(nested(state), 2))


def as_npy(state, path):
    with path.open("wb") as file:
        np.save(file, nested(state), allow_pickle=True)


def as_npz(state, path):
    with path.open("wb") as file:
        np.savez(file, **{name: tensor.numpy() for name, tensor in state.items()})


def as_safetensors(state, path):
    save_file(state, path)


def as_matconvnet(state, path):
    """Kernels (height, width, in, out); fully connected layers are convolutions there."""
    layers = [{"name": "relu", "type": "relu"}]
    for name, tree in nested(state).items():
        kernel = tree["weights"]
        if kernel.ndim == 2:
            side = 7 if name == "fc6" else 1
            kernel = kernel.reshape(kernel.shape[0], -1, side, side)
        pair = np.empty(2, object)
        pair[:] = [kernel.transpose(2, 3, 1, 0), tree["biases"][:, None]]
        layers.append({"name": name, "type": "conv", "weights": pair})
    cells = np.empty(len(layers), object)
    cells[:] = layers
    with path.open("wb") as file:
        scipy.io.savemat(file, {"layers": cells, "classes": "names"})


WRITERS = [
    as_torch,
    as_legacy_torch,
    as_wrapped_torch,
    as_pickled_tensors,
    as_pickled_arrays,
    as_npy,
    as_npz,
    as_safetensors,
    as_matconvnet,
]


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_every_format_imports_to_the_same_weights(write, state, tmp_path):
    source = tmp_path / "any-name"  # the format is in the file, not in its name
    write(state, source)
    path = import_weights(source, "vgg_face", tmp_path)
    assert path == tmp_path / "vgg_face" / "vgg_face.safetensors"
    found = load_file(path)
    assert found.keys() == state.keys()
    for name, tensor in state.items():
        assert torch.equal(found[name], tensor), name


def test_import_records_the_source_and_repeats_byte_for_byte(state, tmp_path):
    source = tmp_path / "vgg_face_dag.pth"
    as_torch(state, source)
    folder = tmp_path / "root" / "vgg_face"
    runs = []
    for _ in range(2):
        import_weights(source, "vgg_face", tmp_path / "root")
        runs.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert runs[0] == runs[1]
    assert runs[0].keys() == {"vgg_face.safetensors", "vgg_face.json"}
    provenance = json.loads(runs[0]["vgg_face.json"])
    assert provenance["source_file"] == "vgg_face_dag.pth"
    assert provenance["source_sha256"] == file_digest(source)
    assert provenance["sha256"] == file_digest(folder / "vgg_face.safetensors")
    assert str(tmp_path) not in runs[0]["vgg_face.json"].decode()


def test_imported_weights_give_the_network_its_activations(state, tiny_vgg_face, tmp_path):
    as_torch(state, tmp_path / "file")
    import_weights(tmp_path / "file", "vgg_face", tmp_path)
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    for device in ("cpu", "meta"):
        with torch.device(device):
            network = VGGFace("fc6", width=WIDTH)
        load_tensors(require_weights("vgg_face", tmp_path), network.eval())
        with torch.no_grad():
            torch.testing.assert_close(network(x), tiny_vgg_face(x, "fc6"), rtol=1e-4, atol=1e-4)


def test_other_names_and_shapes_are_named_in_one_line(state, tmp_path):
    del state["conv1_1.bias"]
    state["fc6.weight"] = state["fc6.weight"][:, 1:]
    state["fc9.weight"] = torch.zeros(1)
    as_torch(state, tmp_path / "file")
    with pytest.raises(WeightsError) as caught:
        import_weights(tmp_path / "file", "vgg_face", tmp_path)
    message = str(caught.value)
    assert "conv1_1.bias is missing" in message
    assert "fc6.weight is (128, 783), expected (128, 784)" in message
    assert "fc9.weight is not in the network" in message
    assert "\n" not in message
    assert not (tmp_path / "vgg_face").exists()


def test_missing_weights_say_where_to_get_them_and_what_does_without(tmp_path):
    with pytest.raises(WeightsError) as caught:
        load_tensors(require_weights("vgg_face", tmp_path), VGGFace("fc6", width=WIDTH))
    message = str(caught.value)
    for part in (
        str(tmp_path / "vgg_face" / "vgg_face.safetensors"),
        "vgg_face_dag.pth",
        "robots.ox.ac.uk",
        "python -m avlib weights import FILE --name vgg_face",
        "video.descriptor: dlib_resnet",
    ):
        assert part in message


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_truncated_files_are_one_clear_line(write, state, tmp_path):
    source = tmp_path / "file"
    write(state, source)
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    with pytest.raises(WeightsError, match=r"get the file again|holds other weights") as caught:
        import_weights(source, "vgg_face", tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "vgg_face").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"<html>404</html>, padded for length", "is of no known format"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "option -v7"),
    ],
    ids=["empty", "web page", "hdf5"],
)
def test_files_that_are_no_weights_are_one_clear_line(content, expected, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(WeightsError, match=expected):
        import_weights(tmp_path / "file", "vgg_face", tmp_path)


def test_missing_file_and_folder_are_one_clear_line(tmp_path):
    with pytest.raises(WeightsError, match="No such file"):
        import_weights(tmp_path / "nothing", "vgg_face", tmp_path)
    with pytest.raises(WeightsError, match="expected a file of weights"):
        import_weights(tmp_path, "vgg_face", tmp_path)


class Bomb:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("kind", ["pickle", "npy", "npz", "torch", "legacy torch"])
def test_a_file_that_runs_a_command_is_refused_and_not_run(kind, tmp_path):
    mark, source = tmp_path / "was-run", tmp_path / "file"
    bomb = {"conv1_1.weight": Bomb(f"touch {mark}")}
    with source.open("wb") as file:
        if kind == "pickle":
            pickle.dump(bomb, file)
        elif kind == "npy":
            np.save(file, bomb, allow_pickle=True)
        elif kind == "npz":
            np.savez(file, a=np.array(bomb, object))
        else:
            torch.save(bomb, file, _use_new_zipfile_serialization=kind == "torch")
    with pytest.raises(WeightsError):
        import_weights(source, "vgg_face", tmp_path)
    assert not mark.exists()


def test_damaged_download_of_a_file_with_a_known_digest_is_refused(state, tmp_path, monkeypatch):
    entry = replace(weights.REGISTRY["vgg_face"], files={"vgg_face_dag.pth": "00000000"})
    monkeypatch.setitem(weights.REGISTRY, "vgg_face", entry)
    source = tmp_path / "vgg_face_dag.pth"
    as_torch(state, source)
    with pytest.raises(WeightsError, match=r"is not the published vgg_face_dag\.pth"):
        import_weights(source, "vgg_face", tmp_path)


def test_truncated_safetensors_do_not_load(state, tmp_path):
    as_torch(state, tmp_path / "file")
    path = import_weights(tmp_path / "file", "vgg_face", tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="import the weights again"):
        load_tensors(require_weights("vgg_face", tmp_path), VGGFace(width=WIDTH))


def test_unknown_networks_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="'vgg'; expected one of vgg_face"):
        import_weights(tmp_path, "vgg", tmp_path)


def test_list_tells_which_weights_are_here(state, tmp_path):
    before = {row["name"]: row["present"] for row in list_weights(tmp_path)}
    assert before == dict.fromkeys(
        ("vgg_face", "expression", "i3d", "soundnet8", "c3d", "alexnet"), "no"
    )
    as_torch(state, tmp_path / "file")
    import_weights(tmp_path / "file", "vgg_face", tmp_path)
    rows = {row["name"]: row for row in list_weights(tmp_path)}
    assert rows["vgg_face"]["present"] == "yes"
    assert all(row["licence"] and row["source"] and row["used_by"] for row in rows.values())


def test_commands_import_list_and_fail_in_one_line(state, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    as_torch(state, tmp_path / "file")
    run = CliRunner().invoke
    refused = run(app, ["import", "nothing", "--name", "vgg_face"])
    assert isinstance(refused.exception, WeightsError)
    assert str(refused.exception).startswith("nothing: No such file")
    done = run(app, ["import", "file", "--name", "vgg_face"])
    assert done.exit_code == 0
    assert "data/weights/vgg_face/vgg_face.safetensors: written" in done.output
    assert "vgg_face" in run(app, ["list"]).output
