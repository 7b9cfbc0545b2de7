"""The gating paradigm: audio-visual embeddings that grow window by window, and their neighbours.

Ghaleb, Popa and Asteriadis, "Multimodal and Temporal Perception of Audio-visual Cues for Emotion
Recognition" (2019). One class makes the paper's system and the two baselines of its table II.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from sklearn.neighbors import KNeighborsClassifier

from avlib.metric_learning.triplets import BalancedBatches
from avlib.runtime import paths
from avlib.runtime.device import device
from avlib.runtime.errors import ParamsError
from avlib.systems.common.batch import batch_loader, in_order
from avlib.systems.common.deep import DeepModel, seeded
from avlib.systems.common.model import BOTH, concatenate, prediction_rows, same_modalities
from avlib.systems.common.sequences import SequenceClips, SequenceDataset
from avlib.systems.gating.network import GatingNetwork
from avlib.systems.gating.windows import Windows
from avlib.weights import load_tensors, require_weights

if TYPE_CHECKING:
    from avlib.systems.gating.training import GatingTraining

# Whether LSTMs follow the windows, and whether the shared space draws the modalities together.
SYSTEMS = {"gating": (True, True), "gating_lstm": (True, False), "gating_global": (False, False)}
_WEIGHTS = {"audio": "soundnet8", "video": "i3d"}
DEMO_WEIGHTS = paths.WEIGHTS / "demo" / "gating"  # see scripts/pretrain_demo.py
_ENCODED = 16  # clips at once, after training


class Embedded(NamedTuple):
    """Clips at their gates.

    Attributes
    ----------
    gates : dict of str to float32 array of shape (n_clips, n_gates, embedding)
        By modality.
    presented : dict of str to bool array of shape (n_clips, n_gates)
        By modality: whether any window of it has been presented by that gate. Until then the
        embedding is zero and means nothing.
    opened : bool array of shape (n_clips, n_gates)
        Which windows the clips have.
    """

    gates: dict[str, np.ndarray]
    presented: dict[str, np.ndarray]
    opened: np.ndarray


class GatingModel(DeepModel[SequenceClips]):
    """Streams trained by triplets, then the k nearest training clips at every gate.

    A clip that lacks a modality is compared in the space of the other. The probabilities of
    the emotions are the shares of the neighbours' votes.

    Parameters
    ----------
    n_classes : int
        Emotions of the corpus.
    modalities : tuple of str
        What the system uses.
    system : {"gating", "gating_lstm", "gating_global"}
        The paper's system; LSTMs trained apart, whose embeddings are concatenated; one window in
        the middle of the clip without LSTM, trained apart.
    settings
        Section ``gating`` of params.yaml, see there.

    Attributes
    ----------
    chosen_ : dict
        ``epochs``: how many were trained.
    """

    SYSTEM = "gating"
    networks_: dict[str, GatingNetwork]
    _last: tuple[list[int], SequenceClips, Embedded] | None = None  # see `embed`

    def fit(self, train: SequenceClips, validation: SequenceClips) -> Self:
        """Train the streams, and keep the embeddings of all these clips as neighbours.

        With ``patience`` the validation subjects tell when to stop; without it, as in the paper,
        they are trained on like the others.

        Raises
        ------
        ParamsError
            Training diverged, or published weights are asked for and cannot be used.
        DataError
            Too few emotions to form triplets.
        """
        s = self.settings
        learned, watched = self.split(train, validation)
        with seeded(s["seed"]):
            self.networks_ = self.build()
            self._load_weights()
            module = self._training()
        loader = self._loader(learned, BalancedBatches(learned.emotion, s["per_class"], s["seed"]))
        held_out = None
        if watched is not None:
            if not _has_triplets(watched):
                raise self.never_stops(
                    f"the {len(watched)} validation clips form no triplet (two clips of an emotion"
                    " and one of another)"
                )
            rows = BalancedBatches(watched.emotion, s["per_class"], s["seed"])
            held_out = self._loader(watched, list(rows))
        self.train(module, loader, held_out, epochs=s["softmax_epochs"] + s["epochs"])
        self._last = None
        everything = concatenate(train, validation)
        gallery = everything.select(self.scorable(everything))
        embedded = self.embed(gallery)
        self._neighbours, self._presented = embedded.gates, embedded.presented
        self._labels = gallery.emotion
        return self

    @property
    def network_(self) -> GatingNetwork:
        """The streams of both modalities."""
        return self.networks_["network"]

    def embed(self, clips: SequenceClips) -> Embedded:
        """Embed clips at every gate."""
        # The same streams, not only clips of the same names; kept, so that ids stay theirs.
        streams = [id(of_clip) for of_clip in clips.streams]
        if self._last is not None and self._last[0] == streams:
            return self._last[2]
        where, network = device(), self.network_
        network.to(where).eval()
        shape = (len(clips), network.windows.count)
        gates = {
            m: np.zeros((*shape, self.settings["embedding"]), np.float32) for m in self.modalities
        }
        presented = {m: np.zeros(shape, bool) for m in self.modalities}
        opened = np.zeros(shape, bool)
        rows_of_batches = in_order(range(len(clips)), _ENCODED)
        loader = self._loader(clips, rows_of_batches)
        with torch.inference_mode():
            for rows, batch in zip(rows_of_batches, loader, strict=True):
                moved = batch.to(where)
                found = network(moved)
                opened[rows] = network.schedule(moved)[1].cpu().numpy()
                for m in self.modalities:
                    there = found.there[m].cpu().numpy()
                    presented[m][rows] = np.logical_or.accumulate(there, axis=1)
                    gates[m][rows] = found.embedded[m].float().cpu().numpy()
        # The same clips are asked for under each condition.
        self._last = streams, clips, Embedded(gates, presented, opened)
        return self._last[2]

    def rows(
        self, clips: SequenceClips, emotions: list[str], allowed: tuple[str, ...]
    ) -> dict[str, pd.DataFrame]:
        """Return what is predicted at the last gate, and at every gate; see `Model`."""
        probabilities, opened = self.predict_gates(clips, allowed)
        gates = [
            prediction_rows(clips, emotions, allowed, probabilities[:, gate])
            .drop(columns="modalities")
            .assign(gate=gate + 1, time=float(end), open=opened[:, gate].astype(int))
            for gate, end in enumerate(self.network_.windows.ends())
        ]
        last = prediction_rows(clips, emotions, allowed, probabilities[:, -1])
        return {"predictions": last, "gates": pd.concat(gates)}

    def predict_proba(self, clips: SequenceClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return probabilities at the last gate, shape (n_clips, n_classes); rows sum to one."""
        return self.predict_gates(clips, modalities)[0][:, -1]

    def predict_gates(
        self, clips: SequenceClips, modalities: tuple[str, ...] = BOTH
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the probabilities of each emotion after each gate.

        Returns
        -------
        probabilities : array of shape (n_clips, n_gates, n_classes)
            A clip that has ended keeps its last embedding.
        opened : bool array of shape (n_clips, n_gates)
            Which windows the clips have.

        Raises
        ------
        DataError
            A clip has none of the modalities (ask `scorable` first).
        """
        self.require_scorable(clips, modalities)
        embedded = self.embed(clips)
        probabilities = np.zeros((*embedded.opened.shape, self.n_classes))
        used = [m for m in self.modalities if m in modalities]
        for gate in range(embedded.opened.shape[1]):
            presented = {m: embedded.presented[m][:, gate] for m in used}
            for available, rows in same_modalities(presented):
                values = [embedded.gates[m][rows, gate] for m in available]
                space = np.hstack(values) if available else np.zeros((len(rows), 0))
                probabilities[rows, gate] = self.vote(space, available, gate)
        return probabilities, embedded.opened

    def vote(self, values: np.ndarray, available: tuple[str, ...], gate: int) -> np.ndarray:
        """Return the shares of the nearest training clips' emotions, shape (n, n_classes).

        Before anything has been presented, and where no training clip has come as far with these
        modalities, they are the shares of all training clips.

        Parameters
        ----------
        values : array of shape (n, embedding * len(available))
            Embeddings of these modalities at a gate, side by side.
        available : tuple of str
        gate : int
            From 0.
        """
        comparable = np.all([self._presented[m][:, gate] for m in available], axis=0)
        if not available or not comparable.any():
            shares = np.bincount(self._labels, minlength=self.n_classes) / len(self._labels)
            return np.tile(shares, (len(values), 1))
        neighbours = np.hstack([self._neighbours[m][comparable, gate] for m in available])
        labels = self._labels[comparable]
        knn = KNeighborsClassifier(min(self.settings["neighbours"], len(labels)), algorithm="brute")
        knn.fit(neighbours, labels)
        probabilities = np.zeros((len(values), self.n_classes))
        probabilities[:, knn.classes_] = knn.predict_proba(values)
        return probabilities

    def embeddings(self, clips: SequenceClips) -> dict[str, np.ndarray]:
        """Return the clips at their last gate in each modality's space and both side by side.

        Rows of NaN where no window of a clip has the modality, or, side by side, one of them.
        """
        made = self.embed(clips)
        spaces = {m: made.gates[m][:, -1].copy() for m in self.modalities}
        for modality, values in spaces.items():
            values[~made.presented[modality][:, -1]] = np.nan
        if len(spaces) == 2:
            joint = np.hstack(list(spaces.values()))
            joint[np.isnan(joint).any(axis=1)] = np.nan
            spaces["joint"] = joint
        return spaces

    def build(self) -> dict[str, GatingNetwork]:
        """Return the streams of both modalities, which are one module."""
        s = self.settings
        recurrent, _ = SYSTEMS[self.system]
        windows = Windows(s["windows"] if recurrent else 1, s["length"], s["overlap"])
        sizes = {name: s[name] for name in ("fps", "crop", "width", "shared", "embedding")}
        network = GatingNetwork(self.modalities, windows, apex=not recurrent, **sizes)
        return {"network": network}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the training clips, which are the neighbours of others."""
        gates = {f"gates_{m}": values for m, values in self._neighbours.items()}
        presented = {f"presented_{m}": values for m, values in self._presented.items()}
        return gates | presented | {"labels": self._labels}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take back the neighbours."""
        self._neighbours = {m: arrays[f"gates_{m}"] for m in self.modalities}
        self._presented = {m: arrays[f"presented_{m}"] for m in self.modalities}
        self._labels = arrays["labels"]

    def _load_weights(self) -> None:
        chosen, width = self.settings["weights"], self.settings["width"]
        if chosen == "none":
            return
        if chosen == "published" and width != 1:
            raise ParamsError(
                f"gating.weights is {chosen}, but gating.width is {width}: the published networks"
                " have width 1"
            )
        for modality in self.modalities:
            stream = self.network_.stream(modality)
            if chosen == "demo":
                load_tensors(DEMO_WEIGHTS / f"{modality}.safetensors", stream, fresh="head")
            else:
                load_tensors(require_weights(_WEIGHTS[modality]), stream.backbone)

    def _training(self) -> "GatingTraining":
        from avlib.systems.gating.training import GatingTraining  # loads Lightning: seconds

        _, together = SYSTEMS[self.system]
        cross_modal = self.settings["cross_modal"] and together and self.modalities == BOTH
        settings = self.settings | {"cross_modal": cross_modal}
        return GatingTraining(self.network_, self.n_classes, mse=together, **settings)

    def _loader(self, clips: SequenceClips, rows: Any) -> Any:
        return batch_loader(SequenceDataset(clips, self.modalities), rows, ahead=True)


def _has_triplets(clips: SequenceClips) -> bool:
    """Say whether two clips have one emotion and a third another."""
    counts = np.bincount(clips.emotion)
    return (counts > 0).sum() >= 2 and counts.max() >= 2
