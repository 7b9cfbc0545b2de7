"""AVEF: segments of mel images and faces, two networks and a deep belief network, an SVM.

Ma, Hao, Chen, Chen, Lu and Kosir, "Audio-visual emotion fusion (AVEF): A deep efficient weighted
approach" (Information Fusion 2019).
"""

import copy
import io
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pandas as pd
import torch

from avlib.runtime.device import device
from avlib.runtime.errors import DataError
from avlib.speech.mel import SAMPLE_RATE
from avlib.systems.avef.binary import share_right
from avlib.systems.avef.inference import Network, PooledFeatures, pool_segments
from avlib.systems.avef.network import JointNetwork, SegmentNetwork
from avlib.systems.avef.polynomial_svm import PolynomialSVM, choose_settings
from avlib.systems.avef.pretraining import fill_without_labels
from avlib.systems.avef.segments import (
    Segments,
    ShuffledSegments,
    channel_statistics,
    cut_segments,
    in_turn,
    segment_batches,
)
from avlib.systems.avef.spoken import SpokenClips
from avlib.systems.avef.weights import build, first_network
from avlib.systems.common.deep import DeepModel, frozen, seeded
from avlib.systems.common.model import BOTH, concatenate
from avlib.systems.common.stream_cache import StreamFormat


class AVEFModel(DeepModel[SpokenClips]):
    """Segments classified by networks, pooled over each clip, and decided on by an SVM.

    The networks of each modality are kept as they were before the joint training, with an SVM of
    their own on fc7: they score clips that lack the other modality, and test each modality alone
    (tables 4 and 5 of the paper).

    Parameters
    ----------
    n_classes : int
        Emotions of the corpus.
    modalities : tuple of str
        What the system uses; of one, there is nothing to join, and its own SVM decides.
    system : {"avef", "avef_raw"}
        Tells in messages which one it is; the clips are cut already.
    settings
        Section ``avef`` of params.yaml, see there.

    Attributes
    ----------
    chosen_ : dict
        ``epochs`` of each network; ``svm_c`` and ``svm_degree`` of each space where there was a
        choice.
    binary_ : dict of str to AVEFModel
        By task of setting ``binary``, arousal or valence: the same system with two classes.
    """

    SYSTEM = "avef"
    networks_: dict[str, Network]
    binary_: dict[str, "AVEFModel"]
    _last: tuple[list[int], SpokenClips, dict[str, PooledFeatures]] | None = (
        None  # what was made of clips
    )

    @property
    def spaces(self) -> dict[str, tuple[str, ...]]:
        """The modalities that a segment must have for a place in each space."""
        alone = {m: (m,) for m in self.modalities}
        return alone | ({"joint": BOTH} if self.modalities == BOTH else {})

    def fit(self, train: SpokenClips, validation: SpokenClips) -> Self:
        """Train each modality's network, join them, and train an SVM on the pooled features.

        With ``patience`` the validation subjects tell when to stop and how certain the SVM is;
        without it, as in the paper, they are trained on like the others.

        Raises
        ------
        ParamsError
            Training diverged, or weights are asked for that do not fit the settings.
        WeightsError
            These weights are missing.
        DataError
            Fewer than two emotions, or no segment has both modalities.
        """
        s, everything = self.settings, concatenate(train, validation)
        learns = np.arange(len(everything)) < len(train)  # clips
        trained = learns if s["patience"] else np.ones_like(learns)
        self._check(everything, trained)
        self.networks_ = {}
        self._last = None
        with tempfile.TemporaryDirectory(dir=self._folder()) as scratch:
            segments = cut_segments(everything, Path(scratch))
            used = trained[segments.clip]
            curves = {}
            for modality in self.modalities:
                network = self._alone(modality, segments, used)
                curves[modality] = self._train(modality, network, segments, used)
                self.networks_[modality] = network
            pretraining = {}
            if self.modalities == BOTH:
                joint, rows = self._join(segments, used, Path(scratch))
                pretraining = {"pretraining": rows}
                curves["joint"] = self._train("joint", joint, segments, used)
                self.networks_["joint"] = joint
            pooled = {space: self._pool(space, segments) for space in self.spaces}
        self.logs_ = {"curves": _merged(curves), **pretraining}
        self.chosen_ = {f"epochs_{name}": len(rows) for name, rows in curves.items()}
        self._decide(everything, pooled, trained)
        self.binary_ = {task: self._binary(task, train, validation) for task in s["binary"]}
        return self

    def _binary(self, task: str, train: SpokenClips, validation: SpokenClips) -> "AVEFModel":
        """Train the same system on two classes."""
        settings = self.settings | {"binary": []}
        model = AVEFModel(2, self.modalities, system=f"{self.system} {task}", **settings)
        model.checkpoints = self.checkpoints / task if self.checkpoints else None
        return model.fit(train.of_task(task), validation.of_task(task))

    def _check(self, clips: SpokenClips, trained: np.ndarray) -> None:
        for space, needed in self.spaces.items():
            emotions = np.unique(clips.emotion[trained & clips.has(needed)])
            if len(emotions) < 2:
                raise DataError(
                    f"{self.system}, {space}: the training clips with {' and '.join(needed)} show"
                    f" {len(emotions)} emotions; expected two at least"
                )
            if not trained.all() and not (~trained & clips.has(needed)).any():
                raise DataError(
                    f"{self.system}, {space}: no validation clip has {' and '.join(needed)}, so"
                    " nothing tells when to stop: set avef.patience to null, or hold out more"
                    " subjects (protocol.validation)"
                )

    def _folder(self) -> Path | None:
        """Where large files may lie for the time of the training; None: where the system says."""
        if self.checkpoints:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        return self.checkpoints

    def _alone(self, modality: str, segments: Segments, used: np.ndarray) -> SegmentNetwork:
        """Return a modality's network before it has learned."""
        network = first_network(modality, self.n_classes, self.settings)
        mean, spread = channel_statistics(
            segments, modality, np.flatnonzero(used & segments.has((modality,)))
        )
        if modality == "video" and self.settings["weights"] == "published":
            spread = np.ones(3)  # C3D learned from grey levels less their mean
        network.mean.copy_(torch.from_numpy(mean))
        network.spread.copy_(torch.from_numpy(spread))
        return network

    def _join(
        self, segments: Segments, learns: np.ndarray, folder: Path
    ) -> tuple[JointNetwork, str]:
        """Put copies of both networks under a deep belief network, and fill it without labels.

        Its machines are watched on the subjects held out, if any; how they fare is returned as CSV.
        """
        s = self.settings
        streams = {m: copy.deepcopy(cast(SegmentNetwork, self.networks_[m])) for m in BOTH}
        with seeded(s["seed"]):
            joint = JointNetwork(streams, self.n_classes, width=s["width"])
        return joint, fill_without_labels(joint, segments, learns, s, folder)

    def _train(
        self, name: str, network: Network, segments: Segments, used: np.ndarray
    ) -> pd.DataFrame:
        """Train a network on the segments that have what it needs; return its curves."""
        from avlib.networks.train_network import train_network  # loads Lightning: seconds
        from avlib.systems.avef.training import SegmentTraining

        s, needed = self.settings, self.spaces[name]
        joint = name == "joint"
        size = s["joint_batch"] if joint else s["batch"]
        has = segments.has(needed)
        workers = 0 if device() == "cpu" else 2
        rows = ShuffledSegments(used & has, size, s["seed"])
        loader = segment_batches(segments, needed, rows, workers=workers)
        held_out = None
        if (watched := ~used & has).any():
            held_out = segment_batches(segments, needed, in_turn(watched, size), workers=workers)
        network.train().requires_grad_(requires_grad=True)  # copies of trained ones have neither
        module = SegmentTraining(network, learning_rate=s["learning_rate"], momentum=s["momentum"])
        epochs = s["joint_epochs"] if joint else s["epochs"]
        curves = train_network(module, loader, held_out, max_epochs=epochs, **self.training(name))
        frozen(network)
        return pd.read_csv(io.StringIO(curves))

    def _decide(
        self, clips: SpokenClips, pooled: Mapping[str, PooledFeatures], trained: np.ndarray
    ) -> None:
        """Train an SVM in each space, and calibrate it where clips are held out.

        There its C and degree are chosen too. Networks that have learned from all clips hold none
        out; then the first of `svm_c` and `svm_degree` are taken.
        """
        s = self.settings
        self.svms_ = {}
        for space, needed in self.spaces.items():
            has, x, y = clips.has(needed), pooled[space].pooled, clips.emotion
            learned, held_out = trained & has, ~trained & has
            c, degree = choose_settings(
                s["svm_c"], s["svm_degree"], (x[learned], y[learned]), (x[held_out], y[held_out])
            )
            if len(s["svm_c"]) * len(s["svm_degree"]) > 1:
                self.chosen_ |= {f"svm_c_{space}": c, f"svm_degree_{space}": degree}
            svm = PolynomialSVM(self.n_classes, c=c, degree=degree)
            svm.fit(x[learned], y[learned])
            if held_out.any():
                svm.calibrate(x[held_out], y[held_out])
            self.svms_[space] = svm

    def pooled(
        self, clips: SpokenClips, spaces: Iterable[str] | None = None
    ) -> dict[str, PooledFeatures]:
        """Apply the networks of some spaces, or all, to clips.

        What they made of the last clips is remembered for the next condition.
        """
        wanted = list(self.spaces) if spaces is None else list(spaces)
        # The same streams and cuts, not only the same names; held, so that ids stay theirs.
        parts = [id(part) for part in (*clips.streams, *clips.kept)]
        if self._last is None or self._last[0] != parts:
            self._last = parts, clips, {}
        pooled = self._last[2]
        if set(wanted) - set(pooled):
            with tempfile.TemporaryDirectory(dir=self._folder()) as scratch:
                segments = cut_segments(clips, Path(scratch))
                pooled |= {s: self._pool(s, segments) for s in wanted if s not in pooled}
        return pooled

    def _pool(self, space: str, segments: Segments) -> PooledFeatures:
        return pool_segments(self.networks_[space], segments, self.spaces[space])

    def diagnose(self, test: SpokenClips) -> dict[str, Any]:
        """Return how often single segments and the binary models are right, and what is kept.

        Returns
        -------
        dict
            ``kept_share`` of the clips' time; ``segment_accuracy`` by space; ``binary``: by task
            see `share_right`.
        """
        clips = test.select(self.scorable(test))
        if not len(clips):
            return {}
        found: dict[str, Any] = {
            "kept_share": round(clips.kept_share(), 4),
            "segment_accuracy": {
                space: round(pooled.accuracy, 4)
                for space, pooled in self.pooled(clips).items()
                if pooled.accuracy is not None
            },
        }
        if self.binary_:
            found["binary"] = {
                task: share_right(model, clips.of_task(task))
                for task, model in self.binary_.items()
            }
        return found

    def predict_proba(self, clips: SpokenClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return the SVMs' probabilities, shape (n_clips, n_classes); rows sum to one.

        A clip is decided on in the joint space where it has both modalities, else in that of the
        one it has.

        Raises
        ------
        DataError
            A clip has none of the modalities (ask `scorable` first).
        """
        probabilities = np.zeros((len(clips), self.n_classes))
        spaces = {
            "joint" if len(available) == 2 else available[0]: rows
            for available, rows in self.by_available_modalities(clips, modalities)
        }
        pooled = self.pooled(clips, spaces)
        for space, rows in spaces.items():
            probabilities[rows] = self.svms_[space].predict_proba(pooled[space].pooled[rows])
        return probabilities

    def embeddings(self, clips: SpokenClips) -> dict[str, np.ndarray]:
        """Return the clips' pooled features; rows of NaN where a clip lacks what a space needs."""
        return {
            space: pooled.pooled.astype(np.float32) for space, pooled in self.pooled(clips).items()
        }

    def build(self) -> dict[str, Network]:
        """Return the network of each space."""
        return {space: self._build(space) for space in self.spaces}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the SVMs."""
        return {
            f"{space}_{name}": values
            for space, svm in self.svms_.items()
            for name, values in svm.state().items()
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take back the SVMs."""
        self.svms_ = {}
        for space in self.spaces:
            state = {
                name.removeprefix(f"{space}_"): values
                for name, values in arrays.items()
                if name.startswith(f"{space}_")
            }
            self.svms_[space] = PolynomialSVM.restored(self.n_classes, state)

    def save(self, folder: Path) -> None:
        """Write the system into a folder, and each binary model into one of its own in there."""
        super().save(folder)
        for task, model in self.binary_.items():
            model.save(Path(folder) / task)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a system that `save` wrote."""
        model = super().load(folder)
        model.binary_ = {task: cls.load(Path(folder) / task) for task in model.settings["binary"]}
        return model

    def _build(self, space: str) -> Network:
        if space != "joint":
            return build(space, self.n_classes, self.settings)
        streams = {m: build(m, self.n_classes, self.settings) for m in BOTH}
        return JointNetwork(streams, self.n_classes, width=self.settings["width"])


def stream_format(settings: dict[str, Any]) -> StreamFormat:
    """Return how the system wants its streams decoded."""
    return StreamFormat(settings["side"], settings["fps"], SAMPLE_RATE)


def _merged(curves: dict[str, pd.DataFrame]) -> str:
    """Put the networks' curves side by side, as CSV.

    The last network's are ``train_loss`` and so on, the others' ``train_loss_audio``.
    """
    *others, final = curves
    merged = curves[final]
    for name in others:
        renamed = {c: f"{c}_{name}" for c in curves[name] if c != "epoch"}
        merged = merged.merge(curves[name].rename(columns=renamed), on="epoch", how="outer")
    text = io.StringIO()
    merged.sort_values("epoch").to_csv(text, index=False, lineterminator="\n")
    return text.getvalue()
