"""Fixtures of several rooms; torch is loaded only where one of them is used."""

import avlib  # noqa: F401, I001 - first of all: it says how the libraries are to compute

import gc
import importlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

from avlib.protocols import make_folds
from avlib.runtime.tables import Schema

EMOTIONS = ["anger", "disgust", "happiness"]

WIDTH = 1 / 32

gc.set_threshold(20_000, 20, 20)  # see `pytest_collection_finish`

# A busy machine is slow, and that is no failure.
settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")


def pytest_collection_modifyitems(items):
    """Begin with the tests that take longest, so that no worker waits for them at the end."""
    items.sort(key=lambda item: [kind not in item.keywords for kind in ("pipeline", "slow")])


def pytest_collection_finish():
    """Have Python look for garbage seldom, and never among the libraries and the tests themselves.

    It would spend a fifth of the suite's time on going through them.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def one_thread():
    """On networks as small as the tests' a second thread only waits for the first."""
    import torch

    from avlib.networks import train_network

    before = torch.get_num_threads(), train_network.CPU_THREADS
    torch.set_num_threads(1)
    train_network.CPU_THREADS = 1
    yield
    torch.set_num_threads(before[0])
    train_network.CPU_THREADS = before[1]


@pytest.fixture(scope="session")
def tiny_vgg_face():
    """A network of 2 to 16 channels whose activations neither vanish nor explode."""
    import torch

    from avlib.descriptors.vgg_face import VGGFace

    torch.manual_seed(5)
    network = VGGFace(width=WIDTH)
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):
            torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu")
        else:
            torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


@pytest.fixture(scope="session")
def schemas():
    """By name: the schema of every table, wherever its producer stands."""
    found = {}
    for path in sorted(Path("avlib").rglob("*.py")):
        if path.name in ("tables.py", "per_clip.py"):
            module = importlib.import_module(".".join(path.with_suffix("").parts))
            of_module = [thing for thing in vars(module).values() if isinstance(thing, Schema)]
            found |= {schema.name: schema for schema in of_module}
    return found


@dataclass
class TinyRun:
    """Six subjects, three emotions, two takes, three folds; models that are right at random."""

    clips: pd.DataFrame
    folds: pd.DataFrame
    predict: Callable[..., pd.DataFrame]
    gates: Callable[..., pd.DataFrame]

    @property
    def status(self):
        rows = list(itertools.product(self.clips["clip_id"], ("faces", "speech")))
        table = pd.DataFrame(rows, columns=["clip_id", "stage"])
        return table.assign(status="ok", reason="")

    def data(self, predictions, **changes):
        """What a section of the report is given."""
        from avlib.protocol_params import Protocol
        from avlib.report.report_data import ReportData

        protocol = Protocol(
            name="subject_kfold", k=3, folds=None, validation=0.25, validation_by="subjects", seed=0
        )
        facts = {"corpus": "demo", "protocol": protocol, "clips": self.clips, "folds": self.folds}
        return ReportData(**{**facts, "status": self.status, "predictions": predictions, **changes})


@pytest.fixture
def tiny():
    keys = itertools.product("abcdef", EMOTIONS, range(2))
    rows = [(f"{s}_{e}_{t}", s, e) for s, e, t in keys]
    clips = pd.DataFrame(rows, columns=["clip_id", "subject", "emotion"])
    clips = clips.assign(sha256=clips["clip_id"], vote_voice=None, vote_face=None)
    clips = clips.assign(vote_multimodal=None)
    folds = make_folds(clips, protocol="subject_kfold", k=3, validation=0.25, seed=0)

    def predict(model="merml", conditions=("default",), seed=0, used="audio+video"):
        rng = np.random.default_rng(seed)
        tested = folds[folds["part"] == "test"].merge(clips, on="clip_id")
        tables = []
        for condition in conditions:
            values = rng.random((len(tested), len(EMOTIONS)))
            values[np.arange(len(tested)), [EMOTIONS.index(e) for e in tested["emotion"]]] += 0.4
            values /= values.sum(axis=1, keepdims=True)
            table = tested[["clip_id", "fold"]].assign(
                model=model,
                condition=condition,
                modalities=used if condition == "default" else condition,
                emotion=tested["emotion"],
                predicted=np.array(EMOTIONS)[values.argmax(axis=1)],
            )
            tables.append(
                table.assign(**{f"prob_{e}": values[:, i] for i, e in enumerate(EMOTIONS)})
            )
        return pd.concat(tables, ignore_index=True)

    def gates(conditions=("default", "audio", "video"), gates=5, seed=0, model="gating"):
        """Random decisions; a clip of 1 to `gates` gates goes on with its last one, closed."""
        rng = np.random.default_rng(seed)
        tested = folds[folds["part"] == "test"].merge(clips, on="clip_id")
        lengths = rng.integers(1, gates + 1, len(tested))
        lengths[0] = gates
        gate = np.arange(1, gates + 1)
        tables = []
        for condition in conditions:
            values = rng.dirichlet(np.ones(len(EMOTIONS)), (len(tested), gates))
            for clip, length in enumerate(lengths):
                values[clip, length:] = values[clip, length - 1]
            values = values.reshape(-1, len(EMOTIONS))
            each = tested.loc[tested.index.repeat(gates)].reset_index(drop=True)
            table = each[["clip_id", "fold"]].assign(
                model=model,
                condition=condition,
                gate=np.tile(gate, len(tested)),
                time=np.tile(0.5 + 0.5 * gate, len(tested)),
                open=(gate <= lengths[:, None]).astype(int).ravel(),
                emotion=each["emotion"],
                predicted=np.array(EMOTIONS)[values.argmax(axis=1)],
            )
            tables.append(
                table.assign(**{f"prob_{e}": values[:, i] for i, e in enumerate(EMOTIONS)})
            )
        return pd.concat(tables, ignore_index=True)

    return TinyRun(clips, folds, predict, gates)
