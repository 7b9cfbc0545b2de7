"""Every model of every system with tiny settings, fitted to tiny clips."""

import copy
from pathlib import Path

import torch
import yaml
from contract_clips import N_CLASSES, tiny_clips
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from trace_recordings import SETTINGS as TRACE_SETTINGS
from trace_recordings import recordings

from avlib.params import Params

# Laid over params.yaml and its section demo: as little as shows how a system behaves.
TINY = {
    "merml": {"dim": 5, "epochs": 4, "pairs_per_epoch": 200},
    "lmnn": {"max_iter": [0, 5]},
    "itml": {"pairs": 50, "gamma": [1.0]},
    "modern": {"epochs": 2, "batch_size": 4},
    "cnn": {"channels": [4, 4], "speeds": [0.9, 1.0], "crop": 0.8, "epochs": 2},
    "gating": {
        "weights": "none",
        "windows": 2,
        "size": 32,
        "crop": 32,
        "width": 0.0625,
        "shared": 8,
        "embedding": 8,
        "per_class": 2,
        "softmax_epochs": 1,
        "neighbours": 3,
    },
    "temporal_aggregation": {
        "segments": 2,
        "fps": 8.0,
        "size": 32,
        "width": 0.0625,
        "window": 0.4,
        "modality_dropout": 0.5,
        "decay_every": 1,
        "epochs": 2,
    },
    "avef": {"weights": "none", "fps": 8.0, "width": 0.015625, "batch": 8, "joint_batch": 8},
    "emobed": {"recipe": "modern", "hidden": 8, "batch_size": 4, "epochs": 2},
    "traces": {"hidden": 8, "batch_size": 4, "epochs": 2, "delay": TRACE_SETTINGS["delay"]},
}


def tiny_params():
    values = yaml.safe_load(Path("params.yaml").read_text())
    for overlay in (values.pop("demo"), TINY):
        for section, changes in overlay.items():
            values[section] |= changes
    return Params.model_validate(values)


class Case:
    """A model that predicts emotions, what it was fitted to, and what its fit left."""

    def __init__(self, system, name, folder):
        self.recipe = system.recipe(name, tiny_params())
        self.folder = folder
        self.train, self.validation = self.clips(12, 1), self.clips(6, 2)
        self.given = copy.deepcopy(self.recipe.settings)
        self.model = self.unfitted()
        with OptimiserSteps() as self.steps, Operations() as self.operations:
            self.returned = self.model.fit(self.train, self.validation)
        self.model.save(folder / "saved")
        self.saved = files(folder / "saved")

    @property
    def used(self):
        return self.recipe.modalities

    def clips(self, n, seed, **lacking):
        folder = self.folder / f"{n}-{seed}-{lacking}"
        return tiny_clips(self.recipe.source, folder, n, seed, **lacking)

    def unfitted(self):
        return self.recipe.make(N_CLASSES, self.used, **self.recipe.settings)

    def said(self, model):
        """Return all that a model says of test clips, by condition."""
        test = self.clips(6, 3)
        found = {allowed: model.predict_proba(test, allowed) for allowed in self.conditions()}
        return found | model.embeddings(test) | {"chosen": model.chosen_}

    def conditions(self):
        """Return the sets of modalities that predictions are made from."""
        return {self.used, *((m,) for m in self.used)}


class TraceCase(Case):
    """A model that follows arousal and valence, likewise."""

    def clips(self, n, seed):
        return recordings(n // 2, seed)

    def unfitted(self):
        return self.recipe.make(*self.used, **self.recipe.settings, step=TRACE_SETTINGS["step"])

    def said(self, model):
        return {"traces": model.predict(self.clips(6, 3)), "chosen": model.chosen_}


class OptimiserSteps:
    """Counts the steps that networks' optimisers take inside; raises `Killed` before one."""

    def __init__(self, until=None):
        self.until, self.taken = until, 0

    def __enter__(self):
        self.hook = register_optimizer_step_pre_hook(self._count)
        return self

    def __exit__(self, *_):
        self.hook.remove()

    def _count(self, *_):
        if self.taken == self.until:
            raise Killed
        self.taken += 1


class Operations(TorchDispatchMode):
    """Notes which operations torch computes inside, those of float64 apart."""

    def __init__(self):
        super().__init__()
        self.found = set()

    def __torch_dispatch__(self, operation, types, arguments=(), keywords=None):
        double = any(getattr(a, "dtype", None) == torch.float64 for a in arguments)
        name = operation.overloadpacket.__name__.strip("_")
        halved = name == "pow" and any(isinstance(a, float) and a == 0.5 for a in arguments[1:])
        self.found.add(("sqrt" if halved else name, double))
        return operation(*arguments, **keywords or {})

    def of_a_maker(self):
        """Return those whose last bits MKL takes from a guess of the processor's."""
        names = {name for name, double in self.found if name != "log" or double}
        return names & {"sqrt", "log", "log2", "log10", "foreach_sqrt", "mkldnn_rnn_layer"}


class Killed(BaseException):
    """Stands for a signal: nothing catches it on the way."""


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
