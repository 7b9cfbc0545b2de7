"""AVEF: segments of mel images and faces, two networks and a deep belief network, an SVM.

Ma, Hao, Chen, Chen, Lu and Kosir, "Audio-visual emotion fusion (AVEF): A deep efficient weighted
approach" (Information Fusion 2019).
"""

import copy
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pandas as pd
import torch

from avlib.systems.avef.binary import binary_rows
from avlib.systems.avef.inference import Network, PooledFeatures, pool_segments, with_fc7
from avlib.systems.avef.network import JointNetwork, SegmentNetwork
from avlib.systems.avef.params import TRAINED_LAYERS
from avlib.systems.avef.polynomial_svm import PolynomialSVM, fit_by_subjects, fit_svm
from avlib.systems.avef.pretraining import fill_without_labels
from avlib.systems.avef.segments import (
    DrawnSegments,
    MelFaceDataset,
    Segments,
    channel_statistics,
    cut_segments,
    drawn_segments,
)
from avlib.systems.avef.spoken import SpokenClips
from avlib.systems.avef.weights import build, carried_machines, first_network
from avlib.systems.common.batch import ShuffledBatches, batch_loader, in_order
from avlib.systems.common.deep import DeepModel, frozen, seeded
from avlib.systems.common.held_back import held_back
from avlib.systems.common.model import BOTH, concatenate, without_prefix


class AVEFModel(DeepModel[SpokenClips]):
    """Segments classified by networks, pooled over each clip, and decided on by an SVM.

    The networks of each modality are kept as they were before the joint training, with an SVM of
    their own on fc7: they score clips that lack the other modality, and test each modality alone
    (tables 4 and 5 of the paper). With ``decision: segments`` there is no SVM: a clip's
    probabilities are the mean of what the network says of its segments.

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
    svms_ : dict of str to PolynomialSVM
        By space, where an SVM decides.
    binary_ : dict of str to AVEFModel
        By task of setting ``binary``, arousal or valence: the same system with two classes.
    """

    SYSTEM = "avef"
    networks_: dict[str, Network]
    svms_: dict[str, PolynomialSVM]
    binary_: dict[str, "AVEFModel"]
    _last: tuple[list[int], SpokenClips, dict[str, PooledFeatures]] | None = None  # see `pooled`

    @property
    def spaces(self) -> dict[str, tuple[str, ...]]:
        """The modalities that a segment must have for a place in each space."""
        alone = {m: (m,) for m in self.modalities}
        return alone | ({"joint": BOTH} if self.modalities == BOTH else {})

    @property
    def by_svm(self) -> bool:
        """Whether an SVM decides."""
        return self.settings["decision"] == "svm"

    @property
    def wholly_frozen(self) -> tuple[str, ...]:
        """The modalities of whose network the last layer alone learns."""
        n_layers, frozen = TRAINED_LAYERS["published"], self.settings["frozen"]
        return tuple(m for m in self.modalities if frozen[m] == n_layers[m])

    @property
    def described(self) -> tuple[str, ...]:
        """The modalities of which each segment's fc7 is kept, once their networks learn no more."""
        # Where a belief network and an SVM learn from it, the networks are asked once.
        return self.modalities if self.modalities == BOTH and self.by_svm else self.wholly_frozen

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
        self.networks_, self.logs_, self._last = {}, {}, None
        with self._segments(everything) as segments:
            used, curves = trained[segments.clip], {}
            # Three steps: each modality's network alone, then a belief network on top of both
            # without labels, then all of it together.
            for modality in self.modalities:
                network = self._alone(modality, segments, used)
                if modality in self.wholly_frozen:
                    segments = with_fc7(network, segments)
                self.networks_[modality] = network
                curves[modality] = self._train(modality, segments, used)
            described = segments
            for modality in self.described:
                if modality not in segments.fc7:
                    network = cast(SegmentNetwork, self.networks_[modality])
                    described = with_fc7(network, described)
            if self.modalities == BOTH:
                self.networks_["joint"] = self._joint(described, used)
                curves["joint"] = self._train("joint", segments, used)
            self.svms_ = {}
            if self.by_svm:
                alone = {space: self._pool(space, described) for space in self.modalities}
                joint = {space: self._pool(space, segments) for space in self.spaces - alone.keys()}
                pooled = alone | joint
        self.logs_["curves"] = _merged(curves)
        self.chosen_ = {f"epochs_{name}": len(rows) for name, rows in curves.items()}
        if self.by_svm:
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
        for needed in self.spaces.values():
            self.require_emotions(clips.select(trained & clips.has(needed)), needed)
            if not trained.all() and not (~trained & clips.has(needed)).any():
                raise self.never_stops(f"no validation clip has {' and '.join(needed)}")

    @contextmanager
    def _segments(self, clips: SpokenClips) -> Iterator[Segments]:
        """Cut clips into segments, whose images lie on disk meanwhile."""
        if self.checkpoints:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.checkpoints) as scratch:
            yield cut_segments(clips, Path(scratch), self.settings["mels"])

    def _alone(self, modality: str, segments: Segments, used: np.ndarray) -> SegmentNetwork:
        """Return a modality's network before it has learned."""
        network = first_network(modality, self.n_classes, self.settings)
        rows = np.flatnonzero(used & segments.has((modality,)))
        mean, spread = channel_statistics(segments, modality, rows)
        if modality == "video" and self.settings["weights"] == "published":
            spread = np.ones(3)  # C3D learned from grey levels less their mean
        network.mean.copy_(torch.from_numpy(mean))
        network.spread.copy_(torch.from_numpy(spread))
        return network

    def _joint(self, segments: Segments, used: np.ndarray) -> JointNetwork:
        """Put copies of both networks under a deep belief network, and fill it without labels.

        Its machines are watched on the subjects held out, if any; how they fare is logged.
        """
        s = self.settings
        streams = {m: copy.deepcopy(cast(SegmentNetwork, self.networks_[m])) for m in BOTH}
        with seeded(s["seed"]):
            joint = JointNetwork(streams, self.n_classes, width=s["width"])
        begun = 0
        if s["weights"] == "transfer":
            begun = carried_machines(joint.dbn, s["carried"])
        self.logs_["pretraining"] = fill_without_labels(
            joint, segments, used, s, self.checkpoints, begun
        )
        return joint

    def _train(self, name: str, segments: Segments, used: np.ndarray) -> pd.DataFrame:
        """Train a network on the segments that have what it needs; return its curves."""
        # These load Lightning: seconds.
        from avlib.networks.train_network import train_network
        from avlib.systems.avef.modern_training import ModernSegmentTraining
        from avlib.systems.avef.training import SegmentTraining

        s, needed, network = self.settings, self.spaces[name], self.networks_[name]
        modern, has = s.get("modern"), segments.has(needed)
        learned, watched = (
            MelFaceDataset(segments, np.flatnonzero(part & has), needed) for part in (used, ~used)
        )
        size, epochs = s["batch"], s["epochs"]
        if name == "joint":
            size, epochs = s["joint_batch"], s["joint_epochs"]
        if modern:
            size, epochs = modern["batch_size"], modern["epochs"]
        batches: ShuffledBatches | DrawnSegments
        batches = ShuffledBatches(np.arange(len(learned)), size, s["seed"])
        if modern:
            batches = drawn_segments(learned, s["shown"], modern, s["seed"])
        network.train().requires_grad_(requires_grad=True)  # copies of trained ones have neither
        factors = _held_back(network, s)
        curves = train_network(
            ModernSegmentTraining(network, modern, factors)
            if modern
            else SegmentTraining(network, s["learning_rate"], s["momentum"], factors),
            batch_loader(learned, batches, ahead=True),
            batch_loader(watched, in_order(range(len(watched)), size), ahead=True)
            if len(watched)
            else None,
            max_epochs=epochs,
            **self.training(name),
        )
        frozen(network)
        return pd.read_csv(io.StringIO(curves))

    def _decide(
        self, clips: SpokenClips, pooled: Mapping[str, PooledFeatures], trained: np.ndarray
    ) -> None:
        """Train an SVM in each space, and calibrate it where clips are held out.

        There its C and degree are chosen too. Networks that have learned from all clips hold none
        out; then they are chosen by ``svm_folds``, see `fit_by_subjects`.
        """
        s = self.settings
        for space, needed in self.spaces.items():
            has, x, y = clips.has(needed), pooled[space].features, clips.emotion
            learned, held_out = ((x[rows], y[rows]) for rows in (trained & has, ~trained & has))
            settings = self.n_classes, s["svm_c"], s["svm_degree"], learned
            if trained.all():
                svm = fit_by_subjects(
                    *settings, clips.subject[has], s["svm_folds"], s["svm_kernel"]
                )
            else:
                svm = fit_svm(*settings, held_out, s["svm_kernel"])
            if len(s["svm_c"]) * len(s["svm_degree"]) > 1:
                self.chosen_ |= {f"svm_c_{space}": svm.c, f"svm_degree_{space}": svm.degree}
            self.svms_[space] = svm

    def pooled(self, clips: SpokenClips, spaces: Iterable[str] = ()) -> dict[str, PooledFeatures]:
        """Apply the networks of some spaces, or all, to clips.

        What they made of the last clips is remembered for the next condition.
        """
        # The same streams and cuts, not only the same names; kept, so that ids stay theirs.
        parts = [id(part) for part in (*clips.streams, *clips.spoken)]
        if self._last is None or self._last[0] != parts:
            self._last = parts, clips, {}
        pooled = self._last[2]
        missing = [space for space in spaces or self.spaces if space not in pooled]
        if missing:
            with self._segments(clips) as segments:
                pooled |= {space: self._pool(space, segments) for space in missing}
        return pooled

    def _pool(self, space: str, segments: Segments) -> PooledFeatures:
        return pool_segments(self.networks_[space], segments, self.spaces[space])

    def diagnose(self, test: SpokenClips) -> dict[str, Any]:
        """Return how often single segments are right, and what is spoken.

        Returns
        -------
        dict
            ``kept_share`` of the clips' time; ``segment_accuracy`` by space.
        """
        clips = test.select(self.scorable(test))
        if not len(clips):
            return {}
        return {
            "kept_share": round(clips.spoken_share(), 4),
            "segment_accuracy": {
                space: round(pooled.accuracy, 4)
                for space, pooled in self.pooled(clips).items()
                if pooled.accuracy is not None
            },
        }

    def rows(
        self, clips: SpokenClips, emotions: list[str], allowed: tuple[str, ...]
    ) -> dict[str, pd.DataFrame]:
        """Return what is predicted, and of clips with binary labels what the binary models say."""
        found = super().rows(clips, emotions, allowed)
        tables = [
            binary_rows(model, clips.of_task(task), task, allowed)
            for task, model in self.binary_.items()
        ]
        return found | ({"binary": pd.concat(tables)} if tables else {})

    def predict_proba(self, clips: SpokenClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return probabilities of shape (n_clips, n_classes); rows sum to one.

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
            features, said, _ = pooled[space]
            probabilities[rows] = (
                self.svms_[space].predict_proba(features[rows]) if self.by_svm else said[rows]
            )
        return probabilities

    def embeddings(self, clips: SpokenClips) -> dict[str, np.ndarray]:
        """Return the clips' pooled features; rows of NaN where a clip lacks what a space needs."""
        return {s: pooled.features.astype(np.float32) for s, pooled in self.pooled(clips).items()}

    def build(self) -> dict[str, Network]:
        """Return the network of each space."""
        s, n_classes = self.settings, self.n_classes
        networks: dict[str, Network] = {m: build(m, n_classes, s) for m in self.modalities}
        if self.modalities == BOTH:
            streams = {m: build(m, n_classes, s) for m in BOTH}
            networks["joint"] = JointNetwork(streams, n_classes, width=s["width"])
        return networks

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the SVMs."""
        return {
            f"{space}_{name}": values
            for space, svm in self.svms_.items()
            for name, values in svm.state().items()
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take back the SVMs."""
        self.svms_ = {
            space: PolynomialSVM.restored(self.n_classes, without_prefix(f"{space}_", arrays))
            for space in (self.spaces if self.by_svm else ())
        }

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


def _held_back(network: Network, settings: Mapping[str, Any]) -> dict[torch.nn.Parameter, float]:
    """Freeze first layers of AlexNet and C3D; see `held_back`."""
    if isinstance(network, SegmentNetwork):
        streams = [network]
    else:
        streams = [cast(SegmentNetwork, stream) for stream in network.streams.values()]
    backbones = {stream.modality: stream.backbone for stream in streams}
    return held_back(backbones, settings, TRAINED_LAYERS)


def _merged(curves: dict[str, pd.DataFrame]) -> str:
    """Put the networks' curves side by side, as CSV.

    The last network's are ``train_loss`` and so on, the others' ``train_loss_audio``.
    """
    *others, final = curves
    tables = {name: table.set_index("epoch") for name, table in curves.items()}
    columns = [tables[final], *(tables[name].add_suffix(f"_{name}") for name in others)]
    return pd.concat(columns, axis=1).sort_index().to_csv(lineterminator="\n")
