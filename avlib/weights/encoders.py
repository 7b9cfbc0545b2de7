"""Published encoders for the descriptor `huggingface`: where they are, and pickles made safe.

Apart from `avlib.weights`, whose code is in the fingerprints of what uses its networks.
"""

from pathlib import Path

import yaml

from avlib.runtime import paths
from avlib.runtime.errors import WeightsError
from avlib.runtime.files import atomic_path
from avlib.weights import save_tensors
from avlib.weights.files import read_tensors

ENCODERS = yaml.safe_load(Path(__file__).with_name("encoders.yaml").read_text())


def list_encoders(root: Path = paths.WEIGHTS) -> list[dict[str, str]]:
    """One row per encoder, as of `avlib.weights.list_weights`; present as a folder of its name."""
    return [
        {
            "name": name,
            "present": "yes" if (root / name / "config.json").exists() else "no",
            "used_by": f"{facts['modality']}.descriptor: huggingface",
            "licence": facts["licence"],
            "source": "; ".join(
                [
                    f"https://huggingface.co/{facts['repository']}",
                    *filter(None, [facts.get("note")]),
                ]
            ),
        }
        for name, facts in ENCODERS.items()
    ]


def to_safetensors(file: Path) -> Path:
    """Write ``model.safetensors`` beside the pickle of a model, of which nothing is run.

    Returns
    -------
    Path
        Of the safetensors.

    Raises
    ------
    WeightsError
        It stands there already, or the pickle cannot be read safely.
    """
    path = file.with_name("model.safetensors")
    if path.exists():
        raise WeightsError(f"{path} is there already; remove it to make it anew of {file.name}")
    # Tensors that share memory cannot be written as they are.
    tensors = {name: t.clone().contiguous() for name, t in read_tensors(file).items()}
    with atomic_path(path) as scratch:
        save_tensors(tensors, scratch)
    return path
