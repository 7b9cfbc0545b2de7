"""Train the demo's small streams on generated people whom the demo corpus does not hold.

The gating paradigm starts from networks that were pre-trained elsewhere. An I3D and a SoundNet of
an eighth of their width stand in for them on the demo, with the LSTMs that they were trained under.
In a clone of the project, with `demo_corpus: {subjects: 40, seed: 1000, ...}`:

    dvc repro faces speech folds
    python scripts/pretrain_demo.py video && python scripts/pretrain_demo.py audio

That takes about half an hour on two cores and writes data/weights/demo/<modality>.safetensors.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from avlib.models.base import concatenate
from avlib.models.gating.model import DEMO_WEIGHTS, GatingModel, wanted_format
from avlib.models.sequences import DecodedStreams
from avlib.networks.weights import save_tensors
from avlib.params import load

EPOCHS = {"audio": 20, "video": 34}


def main() -> None:
    """Train the stream of one modality by softmax, and keep it."""
    modality = sys.argv[1]
    params = load(("gating", "demo_corpus"))
    if params.demo_corpus.seed == 0:
        sys.exit("error: demo_corpus.seed is 0, the demo's own people; expected another seed")
    settings = params.gating.model_dump(exclude={"train"})
    settings |= {"weights": "none", "softmax_epochs": EPOCHS[modality], "epochs": 0}
    source = DecodedStreams(wanted_format(settings))
    emotions, parts = source.read(0, source.inputs())
    train = concatenate(parts["train"], parts["test"])
    model = GatingModel(len(emotions), (modality,), system="gating", **settings)
    model.checkpoints = Path(f".memo/pretrain_demo/{modality}")
    model.fit(train, parts["validation"])
    stream = model.network_.stream(modality).state_dict()
    state = {name: t.half() if t.is_floating_point() else t for name, t in stream.items()}
    path = DEMO_WEIGHTS / f"{modality}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(state, path)
    whole = concatenate(train, parts["validation"])
    with torch.inference_mode():
        right = np.mean(model.predict_proba(whole).argmax(1) == whole.emotion)
    print(f"{path}: {path.stat().st_size:,} bytes; {100 * right:.1f} % of its training clips right")


if __name__ == "__main__":
    main()
