"""Train the demo's small networks on generated people whom the demo corpus does not hold.

The gating paradigm and AVEF start from networks that were pre-trained elsewhere. On the demo, small
ones stand in for them: for gating an I3D and a SoundNet with the LSTMs that they were trained
under, for AVEF an AlexNet and a C3D. In a clone of the project, with
`demo_corpus: {subjects: 40, seed: 1000, ...}`:

    dvc repro faces speech folds
    python scripts/pretrain_demo.py gating
    python scripts/pretrain_demo.py avef

That takes half an hour and a quarter of one on two cores, and writes data/weights/demo/<system>.
"""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avlib.params import load
from avlib.registry import system
from avlib.systems.avef import weights as avef_weights
from avlib.systems.avef.model import AVEFModel
from avlib.systems.common.fold_clips import read_fold
from avlib.systems.common.model import (
    BOTH,
    AnyClips,
    Model,
    concatenate,
)
from avlib.systems.gating import model as gating
from avlib.weights import save_tensors

EPOCHS = {"gating": {"audio": 20, "video": 34}, "avef": {"audio": 20, "video": 20}}


def main() -> None:
    """Train the networks of a system by softmax, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("system", choices=list(EPOCHS))
    name = parser.parse_args().system
    params = load(("avef", "gating", "demo_corpus", "modern"))
    if params.demo_corpus.seed == 0:
        sys.exit("error: demo_corpus.seed is 0, the demo's own people; expected another seed")
    for modality in BOTH:
        {"gating": pretrain_gating, "avef": pretrain_avef}[name](modality, params)


def pretrain_gating(modality: str, params: Any) -> None:
    """Train and keep the stream of one modality."""
    epochs = {"softmax_epochs": EPOCHS["gating"][modality], "epochs": 0}
    recipe = system("gating").recipe("gating", params)
    model = gating.GatingModel(6, (modality,), **recipe.settings | {"weights": "none"} | epochs)
    right = _fitted(model, recipe.source, f"gating/{modality}")
    stream = model.network_.stream(modality)
    _keep(stream, gating.DEMO_WEIGHTS / f"{modality}.safetensors", right)


def pretrain_avef(modality: str, params: Any) -> None:
    """Train and keep the network of one modality, on segments of everything."""
    epochs = {"epochs": EPOCHS["avef"][modality]}
    recipe = system("avef").recipe("avef_raw", params)
    model = AVEFModel(6, (modality,), **recipe.settings | {"weights": "none"} | epochs)
    right = _fitted(model, recipe.source, f"avef/{modality}")
    network = model.networks_[modality]
    _keep(
        network.get_submodule("backbone"),
        avef_weights.DEMO_WEIGHTS / f"{modality}.safetensors",
        right,
    )


def _fitted(model: Model[AnyClips], source: Any, name: str) -> float:
    """Train a model on everybody; return how many of its training clips it has right."""
    _, parts = read_fold(source, 0, source.inputs())
    train = concatenate(parts["train"], parts["test"])
    model.checkpoints = Path(f".memo/pretrain_demo/{name}")
    model.fit(train, parts["validation"])
    shutil.rmtree(model.checkpoints)  # or another run would go on from here
    whole = concatenate(train, parts["validation"])
    whole = whole.select(model.scorable(whole))
    with torch.inference_mode():
        return float(np.mean(model.predict_proba(whole).argmax(1) == whole.emotion))


def _keep(network: torch.nn.Module, path: Path, right: float) -> None:
    state = {n: t.half() if t.is_floating_point() else t for n, t in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(state, path)
    print(f"{path}: {path.stat().st_size:,} bytes; {100 * right:.1f} % of its training clips right")


if __name__ == "__main__":
    main()
