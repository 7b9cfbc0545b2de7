"""The gating paradigm: audio-visual embeddings that grow window by window, and their neighbours.

Ghaleb, Popa and Asteriadis, "Multimodal and Temporal Perception of Audio-visual Cues for Emotion
Recognition" (2019). One class makes the paper's system and the two baselines of its table II.
"""

import copy
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch

from avlib.metric_learning.triplets import BalancedBatches
from avlib.runtime import paths
from avlib.runtime.device import device
from avlib.runtime.errors import ParamsError
from avlib.systems.common.batch import batch_loader, in_order
from avlib.systems.common.deep import DeepModel, seeded
from avlib.systems.common.held_back import held_back
from avlib.systems.common.model import BOTH, concatenate, prediction_rows, same_modalities
from avlib.systems.common.sequences import SequenceClips
from avlib.systems.common.standardiser import Standardiser
from avlib.systems.gating.clips import DescribedClips, GatingDataset
from avlib.systems.gating.kept_windows import KeptWindows
from avlib.systems.gating.neighbours import votes
from avlib.systems.gating.network import GatingNetwork
from avlib.systems.gating.params import TRAINED_LAYERS
from avlib.systems.gating.windows import gate_windows
from avlib.weights import load_tensors, require_weights

# Whether the shared space draws the modalities together.
SYSTEMS = {"gating": True, "gating_lstm": False, "gating_global": False}
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
        The paper's system; LSTMs trained apart, whose embeddings are concatenated; one window of
        the clip without LSTM, trained apart.
    settings
        Section ``gating`` of params.yaml, see there.

    Attributes
    ----------
    standardisers_ : dict of str to Standardiser
        By modality that is described, of the windows of the training clips.
    chosen_ : dict
        ``epochs``: how many were trained.
    """

    SYSTEM = "gating"
    networks_: dict[str, GatingNetwork]
    standardisers_: dict[str, Standardiser]
    _last: tuple[list[int], SequenceClips, Embedded] | None = None  # see `embed`; ids stay theirs
    _kept: KeptWindows | None = None  # while it learns

    def fit(self, train: SequenceClips, validation: SequenceClips) -> Self:
        """Train the streams, and keep the embeddings of all these clips as neighbours.

        With ``patience`` the validation subjects tell when to stop: by what the training clips say
        of them, and with ``recipe: paper`` by their loss. Without it, as in the paper, they are
        trained on like the others.

        Raises
        ------
        ParamsError
            Training diverged, or published weights are asked for and cannot be used.
        DataError
            Too few emotions to form triplets.
        """
        s = self.settings
        learned, watched = self.split(train, validation)
        self._standardise(learned)
        modern = s["recipe"] == "modern"
        with seeded(s["seed"]):
            self.networks_ = self.build()
            self._load_weights()
            module = self._training(len(learned))
        everything = concatenate(train, validation)
        gallery = everything.select(self.scorable(everything))
        epochs = s["modern"]["epochs"] if modern else s["softmax_epochs"] + s["epochs"]
        with self._frozen_once(gallery):
            batches = BalancedBatches(learned.emotion, s["per_class"], s["seed"])
            loader, held_out = self._loader(learned, batches), None
            if watched is not None:
                choose = partial(self._neighbourhood, learned) if modern else self._triplets
                held_out = choose(watched)
            self.train(module, loader, held_out, epochs=epochs)
            self._last = None
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
        same = _content(clips)
        if self._last is not None and self._last[0] == same:
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
                    gates[m][rows] = network.placed(found.embedded[m].float()).cpu().numpy()
        # The same clips are asked for under each condition.
        self._last = same, clips, Embedded(gates, presented, opened)
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
        return votes(neighbours, labels, values, self.n_classes, self.settings["neighbours"])

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
        windows, apex = gate_windows(self.system, s)
        sizes = {
            name: s[name] for name in ("fps", "crop", "width", "shared", "embedding", "dropout")
        }
        network = GatingNetwork(
            self.modalities,
            windows,
            apex=apex,
            described={m: len(of.mean) for m, of in self.standardisers_.items()},
            unit=s["recipe"] == "modern",
            per_clip=s["augmentation"] == "clip",
            **sizes,
        )
        return {"network": network}

    def judged_by(self, n: int) -> Self:
        """Return the same model with the first n of its neighbours alone."""
        judge = copy.copy(self)
        judge._neighbours = {m: values[:n] for m, values in self._neighbours.items()}
        judge._presented = {m: values[:n] for m, values in self._presented.items()}
        judge._labels = self._labels[:n]
        return judge

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the training clips, which are the neighbours of others, and what standardises."""
        gates = {f"gates_{m}": values for m, values in self._neighbours.items()}
        presented = {f"presented_{m}": values for m, values in self._presented.items()}
        means = {f"mean_{m}": of.mean for m, of in self.standardisers_.items()}
        scales = {f"scale_{m}": of.scale for m, of in self.standardisers_.items()}
        return gates | presented | means | scales | {"labels": self._labels}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take them back; the means say how many descriptors a window has."""
        self._neighbours = {m: arrays[f"gates_{m}"] for m in self.modalities}
        self._presented = {m: arrays[f"presented_{m}"] for m in self.modalities}
        self._labels = arrays["labels"]
        self.standardisers_ = {
            m: Standardiser(arrays[f"mean_{m}"], arrays[f"scale_{m}"]) for m in self.described
        }

    @property
    def described(self) -> tuple[str, ...]:
        """The modalities that are described."""
        return tuple(m for m in self.modalities if self.settings[m] == "descriptors")

    @property
    def wholly_frozen(self) -> tuple[str, ...]:
        """The modalities of which no layer of SoundNet's, or of I3D's, learns."""
        n_layers, frozen = TRAINED_LAYERS["published"], self.settings["frozen"]
        streamed = (m for m in self.modalities if m not in self.described)
        return tuple(m for m in streamed if frozen[m] == n_layers[m])

    def _standardise(self, learned: SequenceClips) -> None:
        """Fit what standardises descriptors to the windows of the clips to learn from."""
        self.standardisers_ = {}
        for modality in self.described:
            assert isinstance(learned, DescribedClips)
            self.standardisers_[modality] = Standardiser.fit(learned.described[modality][:, 0])

    def _load_weights(self) -> None:
        chosen, width = self.settings["weights"], self.settings["width"]
        if chosen == "none":
            return
        if chosen == "published" and width != 1:
            raise ParamsError(
                f"gating.weights is {chosen}, but gating.width is {width}: the published networks"
                " have width 1"
            )
        for modality in set(self.modalities) - set(self.described):
            stream = self.network_.stream(modality)
            if chosen == "demo":
                load_tensors(DEMO_WEIGHTS / f"{modality}.safetensors", stream, fresh="head")
            else:
                assert stream.backbone is not None
                load_tensors(require_weights(_WEIGHTS[modality]), stream.backbone)

    @contextmanager
    def _frozen_once(self, clips: SequenceClips) -> Iterator[None]:
        """Keep what wholly frozen networks make of clips, for as long as the system learns."""
        whole = self.wholly_frozen
        if not whole:
            yield
            return
        shared = self.checkpoints and self.checkpoints.parent / "frozen"
        with nullcontext(shared) if shared else tempfile.TemporaryDirectory() as folder:
            self._kept = KeptWindows(Path(folder), self.network_, whole)
            self._kept.fill(clips)
            try:
                yield
            finally:
                self._kept = None

    def training(self, name: str = "") -> dict[str, Any]:
        """Return how the network is trained; by the modern recipe neighbours tell when to stop."""
        best = {"monitor": "validation_neighbours", "mode": "max"}
        return super().training(name) | (best if self.settings["recipe"] == "modern" else {})

    def _training(self, n_learned: int) -> Any:
        # Both load Lightning: seconds.
        from avlib.systems.gating.modern_training import ModernGatingTraining
        from avlib.systems.gating.training import GatingTraining

        together = SYSTEMS[self.system]
        cross_modal = self.settings["cross_modal"] and together and self.modalities == BOTH
        settings = self.settings | {
            "cross_modal": cross_modal,
            "mse": together and self.settings["mse"],
        }
        network, backbones = self.network_, {}
        for modality in self.modalities:
            if (backbone := network.stream(modality).backbone) is not None:
                backbones[modality] = backbone
        settings["factors"] = held_back(backbones, settings, TRAINED_LAYERS)
        if self.settings["recipe"] == "modern":
            return ModernGatingTraining(network, self.n_classes, n_known=n_learned, **settings)
        return GatingTraining(network, self.n_classes, **settings)

    def _triplets(self, watched: SequenceClips) -> Any:
        """Return batches of validation clips that form triplets."""
        if not _has_triplets(watched):
            raise self.never_stops(
                f"the {len(watched)} validation clips form no triplet (two clips of an emotion"
                " and one of another)"
            )
        s = self.settings
        return self._loader(
            watched, list(BalancedBatches(watched.emotion, s["per_class"], s["seed"]))
        )

    def _neighbourhood(self, learned: SequenceClips, watched: SequenceClips) -> Any:
        """Return batches of the clips to learn from and then those of validation, in order."""
        if not len(watched):
            raise self.never_stops("no validation clip can be scored")
        everybody = concatenate(learned, watched)
        return self._loader(everybody, in_order(range(len(everybody)), _ENCODED))

    def _loader(self, clips: SequenceClips, rows: Any) -> Any:
        dataset = GatingDataset(clips, self.modalities, self.standardisers_, self._kept)
        return batch_loader(dataset, rows, ahead=True)


def _has_triplets(clips: SequenceClips) -> bool:
    """Say whether two clips have one emotion and a third another."""
    counts = np.bincount(clips.emotion)
    return (counts > 0).sum() >= 2 and counts.max() >= 2


def _content(clips: SequenceClips) -> list[int]:
    """Return numbers that tell what clips show: which streams they are, and what describes them.

    Clips without streams, such as those of a table, all have the same one.
    """
    described = clips.described.values() if isinstance(clips, DescribedClips) else ()
    return [*map(id, clips.streams), *(hash(values.tobytes()) for values in described)]
