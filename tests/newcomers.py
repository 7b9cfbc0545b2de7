"""What a stranger adds: a system with a table of its own, a descriptor, a corpus."""

from pathlib import Path

FILES = {
    "avlib/systems/prior/__init__.py": '"""The commonest emotion of the training clips."""\n',
    "avlib/systems/prior/params.py": '''"""Section ``prior`` of params.yaml."""

from avlib.runtime.params import Positive, Section


class Prior(Section):
    """How the shares are smoothed."""

    smoothing: Positive
''',
    "avlib/systems/prior/tables.py": '''"""The table of shares."""

from avlib.runtime.tables.schema import INT, TEXT, Schema

SHARES = Schema(
    "shares",
    key=("clip_id", "fold", "model", "condition"),
    columns={"clip_id": TEXT, "fold": INT, "model": TEXT, "condition": TEXT},
    prefix="share_",
)
''',
    "avlib/systems/prior/model.py": '''"""Every clip gets the shares of the training clips."""

import numpy as np
import pandas as pd

from avlib.systems.common.model import BOTH, Model, load_state, save_state


class PriorModel(Model):
    def __init__(self, n_classes, modalities=BOTH, *, smoothing):
        self.n_classes, self.modalities, self.smoothing = n_classes, tuple(modalities), smoothing

    def fit(self, train, validation):
        counts = np.bincount(train.emotion, minlength=self.n_classes) + self.smoothing
        self.shares_ = counts / counts.sum()
        return self

    def predict_proba(self, clips, modalities=BOTH):
        self.require_scorable(clips, modalities)
        return np.tile(self.shares_, (len(clips), 1))

    def rows(self, clips, emotions, allowed):
        shares = {f"share_{e}": self.shares_[k] for k, e in enumerate(emotions)}
        shares = pd.DataFrame({"clip_id": clips.clip_id, **shares})
        return super().rows(clips, emotions, allowed) | {"shares": shares}

    def save(self, folder):
        arguments = {"n_classes": self.n_classes, "modalities": list(self.modalities)}
        save_state(folder, {"shares": self.shares_}, arguments | {"smoothing": self.smoothing})

    @classmethod
    def load(cls, folder):
        arrays, arguments = load_state(folder)
        model = cls(**arguments)
        model.shares_ = arrays["shares"]
        return model
''',
    "avlib/systems/prior/system.py": '''"""The prior as the pipeline sees it."""

from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System
from avlib.systems.common.tables import PREDICTIONS
from avlib.systems.prior.params import Prior
from avlib.systems.prior.tables import SHARES


class PriorSystem(System):
    name = "prior"
    models = {"prior": "The shares of the training clips"}
    model = "avlib.systems.prior.model:PriorModel"
    sections = {"prior": Prior}
    tables = (PREDICTIONS, SHARES)

    def recipe(self, model, params):
        return Recipe(model, self.model_class(), settings=params.prior.model_dump())
''',
    "stages/train_prior.py": '''"""Train the prior."""

from avlib.params import load
from avlib.registry import system
from avlib.runtime.stage import run
from avlib.systems.common.train_section import train_section

PARAMS = ("modalities", "prior", "protocol")


def main():
    train_section(system("prior"), load(PARAMS))


if __name__ == "__main__":
    run(main)
''',
    "avlib/descriptors/loudness.py": '''"""How loud it is."""

import numpy as np

from avlib.descriptors.audio import AudioDescriptor


class Loudness(AudioDescriptor):
    """The level of 25 ms every 25 ms."""

    name = "loudness"
    dim = 1
    rate = 40.0

    def describe(self, signal, sample_rate):
        frames = self.prepared(signal, sample_rate)
        frames = frames[: len(frames) // 400 * 400].reshape(-1, 400)
        times = (np.arange(len(frames)) + 0.5) / 40
        return times, np.sqrt(np.mean(frames**2, axis=1, keepdims=True)).astype(np.float32)
''',
    "avlib/corpora/other/__init__.py": '''"""A corpus without clips."""

from avlib.corpora.common.base import Listing, Reader


class Other(Reader):
    name = "other"
    emotions = ("anger", "joy")

    def recordings(self, folder, subset=None):
        return Listing([])
''',
    "avlib/corpora/other/corpus.yaml": "title: Other\nlayout: none\n",
}
STAGE = """\
  train_prior:
    desc: Count the training clips of each emotion
    cmd: python -m stages.train_prior
    params: [corpus, modalities, protocol, prior, demo.protocol]
    deps:
      - avlib/protocols
      - avlib/runtime/tables
      - avlib/systems/common
      - avlib/systems/prior
      - stages/train_prior.py
      - data/clips.parquet
      - data/folds.parquet
      - data/fisher
    outs:
      - data/models/prior
      - data/predictions/prior.parquet
      - data/embeddings/prior
      - data/shares/prior.parquet

"""
LINES = {  # in avlib/registry.py, each after the line where its table begins
    "CORPORA = {": '    "other": "avlib.corpora.other:Other",',
    '    "audio": {': '        "loudness": "avlib.descriptors.loudness:Loudness",',
    "SYSTEMS = {": '    "prior": "avlib.systems.prior.system:PriorSystem",',
}


def add_newcomers(folder: Path) -> None:
    """Write them into a copy of the project, and register them."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    lines = []
    for line in (folder / "avlib/registry.py").read_text().splitlines():
        lines += [line, *(added for begin, added in LINES.items() if line.startswith(begin))]
    (folder / "avlib/registry.py").write_text("\n".join(lines) + "\n")
    with (folder / "params.yaml").open("a") as end:
        end.write("\nprior:\n  smoothing: 1.0\n")
    stages = (folder / "dvc.yaml").read_text()
    (folder / "dvc.yaml").write_text(stages.replace("  evaluate:\n", f"{STAGE}  evaluate:\n", 1))
