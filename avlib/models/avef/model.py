"""AVEF: segments of mel images and faces, two networks and a deep belief network, an SVM.

Ma, Hao, Chen, Chen, Lu and Kosir, "Audio-visual emotion fusion (AVEF): A deep efficient weighted
approach" (Information Fusion 2019).
"""

import copy
import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import numpy as np
import pandas as pd
import torch

from avlib.device import device
from avlib.errors import DataError
from avlib.models.avef.polynomial_svm import PolynomialSVM
from avlib.models.avef.segments import (
    Segments,
    ShuffledSegments,
    channel_statistics,
    cut_segments,
    in_turn,
    pool_segments,
    segment_batches,
)
from avlib.models.avef.spoken import SpokenClips
from avlib.models.avef.training import SegmentTraining, merged_curves
from avlib.models.avef.weights import build, first_network
from avlib.models.base import BOTH, concatenate
from avlib.models.decoded import Format
from avlib.models.deep import DeepModel, frozen, seeded
from avlib.networks.avef.dbn import pretrain
from avlib.networks.avef.segment import JointNetwork, SegmentNetwork
from avlib.speech.mel import SAMPLE_RATE

SYSTEMS = {"avef": True, "avef_raw": False}  # whether only what is spoken is kept
_AT_ONCE = 64  # segments, after training

Network = SegmentNetwork | JointNetwork


class Seen(NamedTuple):
    """What the trained networks make of clips.

    Attributes
    ----------
    pooled : dict of str to float64 array of shape (n_clips, d)
        "audio" and "video": fc7 of the networks trained alone; "joint": the last hidden layer of
        the deep belief network. Means over the segments; NaN where a clip has none.
    accuracy : dict of str to float
        Of single segments, by space; None where there are none.
    """

    pooled: dict[str, np.ndarray]
    accuracy: dict[str, float | None]


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
        ``epochs`` of each network, and after `examine` the accuracy of single test segments and the
        share of the test clips that is kept.
    """

    SYSTEM = "avef"
    networks_: dict[str, Network]
    _last: tuple[np.ndarray, Seen] | None = None  # clips, and what the networks made of them

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
                joint, rows = self._join(segments, learns[segments.clip])
                pretraining = {"pretraining": rows}
                curves["joint"] = self._train("joint", joint, segments, used)
                self.networks_["joint"] = joint
            seen = self._see(segments)
        self.logs_ = {"curves": merged_curves(curves), **pretraining}
        self.chosen_ = {f"epochs_{name}": len(rows) for name, rows in curves.items()}
        self._decide(everything, seen, trained)
        return self

    def _check(self, clips: SpokenClips, trained: np.ndarray) -> None:
        for space, needed in self.spaces.items():
            emotions = np.unique(clips.emotion[trained & clips.has(needed)])
            if len(emotions) < 2:
                raise DataError(
                    f"{self.system}, {space}: the training clips with {' and '.join(needed)} show"
                    f" {len(emotions)} emotions; expected two at least"
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

    def _join(self, segments: Segments, learns: np.ndarray) -> tuple[JointNetwork, str]:
        """Put copies of both networks under a deep belief network, and fill it without labels.

        Its machines are watched on the validation subjects; how they fare is returned as CSV.
        """
        s = self.settings
        streams = {m: copy.deepcopy(cast(SegmentNetwork, self.networks_[m])) for m in BOTH}
        with seeded(s["seed"]):
            joint = JointNetwork(streams, self.n_classes, width=s["width"])
        both = segments.has(BOTH)
        found = self._apply(joint, joint.features, segments, both)
        order = np.random.default_rng(s["seed"]).permutation(len(found))
        features, learns = torch.from_numpy(found[order]), learns[both][order]
        learned, watched = features[learns], features[~learns]
        batches = list(learned.split(s["joint_batch"]))
        joint.dbn.to(device())
        rows = pretrain(
            joint.dbn,
            batches,
            watched if len(watched) else batches[0],
            epochs=s["dbn_epochs"],
            rates=s["dbn_rates"],
            momentum=s["momentum"],
            weight_decay=s["dbn_weight_decay"],
            steps=s["dbn_steps"],
            seed=s["seed"],
        )
        joint.dbn.cpu()
        return joint, pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")

    def _train(
        self, name: str, network: Network, segments: Segments, used: np.ndarray
    ) -> pd.DataFrame:
        """Train a network on the segments that have what it needs; return its curves."""
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
        network.train().requires_grad_(
            requires_grad=True
        )  # copies of trained networks have neither
        module = SegmentTraining(network, learning_rate=s["learning_rate"], momentum=s["momentum"])
        epochs = s["joint_epochs"] if joint else s["epochs"]
        curves = self.descend(module, loader, held_out, max_epochs=epochs, name=name)
        frozen(network)
        return pd.read_csv(io.StringIO(curves))

    def _decide(self, clips: SpokenClips, seen: Seen, trained: np.ndarray) -> None:
        """Train an SVM in each space, and calibrate it where clips are held out."""
        self.svms_ = {}
        for space, needed in self.spaces.items():
            has, pooled = clips.has(needed), seen.pooled[space]
            svm = self._svm()
            svm.fit(pooled[trained & has], clips.emotion[trained & has])
            if (held_out := ~trained & has).any():
                svm.calibrate(pooled[held_out], clips.emotion[held_out])
            self.svms_[space] = svm

    def see(self, clips: SpokenClips) -> Seen:
        """Apply the networks to clips; the last clips' are remembered for the next condition."""
        if self._last is not None and np.array_equal(self._last[0], clips.clip_id):
            return self._last[1]
        with tempfile.TemporaryDirectory(dir=self._folder()) as scratch:
            seen = self._see(cut_segments(clips, Path(scratch)))
        self._last = clips.clip_id, seen
        return seen

    def _see(self, segments: Segments) -> Seen:
        pooled, accuracy = {}, {}
        for space, needed in self.spaces.items():
            network = self.networks_[space]
            rows = segments.has(needed)
            values = self._apply(network, network.embed, segments, rows)
            pooled[space] = pool_segments(values, segments.clip[rows], len(segments.clips))
            scores = network.classifier(torch.from_numpy(values))
            right = scores.argmax(1).numpy() == segments.emotion[rows]
            accuracy[space] = float(right.mean()) if len(right) else None
        return Seen(pooled, accuracy)

    def _apply(
        self, network: Network, function: Any, segments: Segments, rows: np.ndarray
    ) -> np.ndarray:
        """Return a function of the inputs of some segments, float32 of shape (n, d)."""
        where = device()
        network.to(where).eval()
        found = []
        with torch.inference_mode():
            for batch in segment_batches(segments, network.modalities, in_turn(rows, _AT_ONCE)):
                found.append(function(batch.to(where).inputs).float().cpu().numpy())
        network.cpu()
        width = network.classifier.in_features
        return np.concatenate(found) if found else np.zeros((0, width), np.float32)

    def examine(self, test: SpokenClips) -> None:
        """Note how often single test segments are right, and how much of the clips is kept."""
        clips = test.select(self.scorable(test))
        if len(clips):
            self.chosen_["test_kept_share"] = round(clips.kept_share(), 4)
            for space, share in self.see(clips).accuracy.items():
                if share is not None:
                    self.chosen_[f"test_segment_accuracy_{space}"] = round(share, 4)

    def predict_proba(self, clips: SpokenClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return the SVMs' probabilities, shape (n_clips, n_classes); rows sum to one.

        A clip is decided on in the joint space where it has both modalities, else in that of the
        one it has.

        Raises
        ------
        DataError
            A clip has none of the modalities (ask `scorable` first).
        """
        chances = np.zeros((len(clips), self.n_classes))
        scorable = self.scorable(clips)
        pooled = self.see(clips).pooled if scorable.all() else {}
        for held, rows in self.patterns(clips, modalities):
            space = "joint" if len(held) == 2 else held[0]
            chances[rows] = self.svms_[space].predict_proba(pooled[space][rows])
        return chances

    def embeddings(self, clips: SpokenClips) -> dict[str, np.ndarray]:
        """Return the clips' pooled features; rows of NaN where a clip lacks what a space needs."""
        return {
            space: values.astype(np.float32) for space, values in self.see(clips).pooled.items()
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
            self.svms_[space] = self._svm().restore(state)

    def _svm(self) -> PolynomialSVM:
        s = self.settings
        return PolynomialSVM(self.n_classes, c=s["svm_c"], degree=s["svm_degree"])

    def _build(self, space: str) -> Network:
        if space != "joint":
            return build(space, self.n_classes, self.settings)
        streams = {m: build(m, self.n_classes, self.settings) for m in BOTH}
        return JointNetwork(streams, self.n_classes, width=self.settings["width"])


def wanted_format(settings: dict[str, Any]) -> Format:
    """Return how the system wants its streams decoded."""
    return Format(settings["side"], settings["fps"], SAMPLE_RATE)
