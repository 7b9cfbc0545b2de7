"""The published weights that the systems use: what they are, where they come from, how they load.

A file as people have it is converted once, by `import_weights`, to
``data/weights/<name>/<name>.safetensors``; everything else reads only that.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import torch
import yaml
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from avlib.runtime import paths
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import WeightsError
from avlib.runtime.files import atomic_path
from avlib.weights.files import read_tensors

# Batch norm's step counter is missing from files made before torch had it; nothing reads it.
_UNREAD = "num_batches_tracked"


@dataclass(frozen=True)
class Published:
    """One set of published weights.

    Attributes
    ----------
    description, used_by, source, licence : str
        For people. `source` is where its authors, or the makers of the usual port, publish it.
    files : mapping of str to str or None
        Names of the files that people have, and the first digits of their sha256 where known.
    without : str or None
        The setting that does without these weights, where there is one.
    build : callable
        Makes the network whose names and shapes a file must have.
    convert : callable or None
        Turns the file's tensors into those of the network, where their names or layouts differ.
    head : str or None
        The layer whose number of classes is the file's own affair.
    """

    description: str
    used_by: str
    source: str
    licence: str
    files: Mapping[str, str | None]
    build: Callable[[], nn.Module]
    without: str | None = None
    convert: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] | None = None
    head: str | None = None


def _later(place: str) -> Callable[..., Any]:
    """Stand for ``module:name`` in avlib, which is imported when it is called.

    By a name put together at run time: what uses one network's weights then does not depend on the
    source files of all the others (`avlib.runtime.provenance`).
    """
    return lambda *args: resolve_name(f"avlib.{place}")(*args)


def _published(facts: Mapping[str, Any]) -> Published:
    late = {key: _later(facts[key]) for key in ("build", "convert") if key in facts}
    return Published(**{**facts, **late})


_FACTS = yaml.safe_load(Path(__file__).with_name("published.yaml").read_text())
REGISTRY = {name: _published(facts) for name, facts in _FACTS.items()}


def weights_path(name: str, root: Path = paths.WEIGHTS) -> Path:
    """Where the converted weights of `name` stand or will stand."""
    return root / name / f"{name}.safetensors"


def require_weights(name: str, root: Path = paths.WEIGHTS) -> Path:
    """Return where the converted weights of `name` stand.

    Raises
    ------
    WeightsError
        The name is unknown, or the file is missing; the message says how to get it.
    """
    entry = registered(name)
    path = weights_path(name, root)
    if not path.exists():
        files = " or ".join(entry.files)
        raise WeightsError(
            f"{path} is missing: {entry.description}. Its file is {files}, from {entry.source}. "
            f"Bring it in with `python -m avlib weights import FILE --name {name}`"
            + (f", or do without: {entry.without}" if entry.without else "")
        )
    return path


def load_tensors(path: Path, module: nn.Module, *, fresh: str | None = None) -> None:
    """Fill `module` from a safetensors file; tensors that `module` lacks are not even read.

    So a network cut off at fc6 loads from the file of the whole one. The layer named `fresh` keeps
    what it has: the last one, where the classes are others. `module` may be on the meta device: the
    tensors of the file then become its parameters, with no second copy in memory. Batch norm's step
    counters begin at 0 where the file has none.

    Raises
    ------
    WeightsError
        The file is missing, damaged, or lacks a tensor that `module` has in that shape.
    """
    kept = f"{fresh}." if fresh else "\0"
    wanted = {n: tensor for n, tensor in module.state_dict().items() if not n.startswith(kept)}
    expected = {n: shape for n, shape in _shapes(module).items() if n in wanted}
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            shapes = {n: tuple(file.get_slice(n).get_shape()) for n in expected if n in names}
            _compare(shapes, expected, path)
            tensors = {
                name: file.get_tensor(name) if name in names else torch.tensor(0) for name in wanted
            }
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be read ({error}); import the weights again") from None
    is_meta = any(tensor.is_meta for tensor in wanted.values())
    module.load_state_dict(tensors, strict=False, assign=is_meta)


def import_weights(file: Path, name: str, root: Path = paths.WEIGHTS) -> Path:
    """Convert a weights file that somebody has; write safetensors and where it came from.

    Beside the safetensors stands a json with the source file's name and sha256 and the result's
    sha256. Importing the same file twice gives the same bytes.

    Returns
    -------
    Path
        Of the safetensors.

    Raises
    ------
    WeightsError
        The name is unknown, the file cannot be read safely, or its tensors' names and shapes are
        not the network's.
    """
    entry = registered(name)
    with torch.device("meta"):
        expected = _shapes(entry.build())
    found = read_tensors(file)
    if entry.convert:
        found = entry.convert(found)
    expected |= _head_shapes(entry.head, found, expected)
    digest = file_digest(file)
    published = entry.files.get(file.name)
    if published and not digest.startswith(published):
        raise WeightsError(
            f"{file} is not the published {file.name}: its sha256 starts {digest[:8]}, "
            f"expected {published}; get the file again"
        )
    tensors = {n: _like(t, expected.get(n)) for n, t in found.items() if not n.endswith(_UNREAD)}
    _compare({n: tuple(t.shape) for n, t in tensors.items()}, expected, file)

    path = weights_path(name, root)
    # The weights come last: where they stand, their provenance does.
    with atomic_path(path) as scratch:
        save_tensors(tensors, scratch)
        provenance = {
            "name": name,
            "source_file": file.name,
            "source_sha256": digest,
            "sha256": file_digest(scratch),
            "tensors": len(tensors),
            "parameters": sum(t.numel() for t in tensors.values()),
        }
        write_json(path.with_suffix(".json"), provenance)
    return path


def list_weights(root: Path = paths.WEIGHTS) -> list[dict[str, str]]:
    """One row per registered set: name, present ("yes" or "no"), used_by, licence, source."""
    return [
        {
            "name": name,
            "present": "yes" if weights_path(name, root).exists() else "no",
            **{fact: getattr(entry, fact) for fact in ("used_by", "licence", "source")},
        }
        for name, entry in REGISTRY.items()
    ]


def registered(name: str) -> Published:
    """Return the entry `name`; WeightsError when there is none."""
    if name not in REGISTRY:
        raise WeightsError(f"no weights are called {name!r}; expected one of {', '.join(REGISTRY)}")
    return REGISTRY[name]


def save_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Write safetensors, readable by everybody whom the folder lets in."""
    save_file(tensors, path)
    path.chmod(0o644)  # safetensors leaves 600


def write_json(path: Path, content: object) -> None:
    """Write `content` atomically, the same bytes each time."""
    with atomic_path(path) as scratch:
        scratch.write_text(json.dumps(content, indent=2) + "\n")


def _shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {
        name: tuple(tensor.shape)
        for name, tensor in module.state_dict().items()
        if not name.endswith(_UNREAD)
    }


def _head_shapes(
    head: str | None, found: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the layer `head` for the number of classes that a file has."""
    weight = found.get(f"{head}.weight")
    if weight is None or weight.dim() == 0:
        return {}
    return {name: (len(weight), *expected[name][1:]) for name in (f"{head}.weight", f"{head}.bias")}


def _like(tensor: Tensor, shape: tuple[int, ...] | None) -> Tensor:
    """Return `tensor` as contiguous float32, a convolution over the whole input as a matrix."""
    tensor = tensor.float().contiguous()
    if shape and tensor.dim() == 4 and len(shape) == 2 and tensor.shape[0] == shape[0]:
        return tensor.flatten(1)
    return tensor


def _compare(
    found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]], path: Path
) -> None:
    differences = [
        f"{name} is {found[name]}, expected {shape}" if name in found else f"{name} is missing"
        for name, shape in expected.items()
        if found.get(name) != shape
    ]
    differences += [f"{name} is not in the network" for name in found if name not in expected]
    if differences:
        more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
        raise WeightsError(
            f"{path} holds other weights: {'; '.join(differences[:3])}{more}; "
            "give the file of exactly this network"
        )
