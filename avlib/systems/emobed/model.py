"""EmoBed for emotions: a network per modality, which another modality has helped to train.

Han, Zhang, Ren and Schuller, "EmoBed: Strengthening Monomodal Emotion Recognition via Training with
Crossmodal Emotion Embeddings" (IEEE Transactions on Affective Computing 2019). One class makes the
paper's system and the three that it is compared with.
"""

import io
import math
from collections.abc import Mapping
from functools import partial
from typing import Self

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Sampler

from avlib.runtime.device import device
from avlib.systems.common.batch import in_order
from avlib.systems.common.deep import DeepModel, n_epochs
from avlib.systems.common.model import BOTH, without_prefix
from avlib.systems.common.standardiser import Standardiser
from avlib.systems.emobed.controls import CONTROLS
from avlib.systems.emobed.functional_clips import FunctionalClips
from avlib.systems.emobed.joint import KeepsJoint
from avlib.systems.emobed.network import EmoBedNetwork, read_clips
from avlib.systems.emobed.tables import SHARED_SPACE
from avlib.systems.emobed.unpaired import (
    Half,
    Sequences,
    UnpairedRows,
    drawn_apart,
    epochs_over,
    held_out_loader,
)
from avlib.systems.emobed.weights import best_weights

_READ = 256  # clips at once, after training


class EmoBedModel(KeepsJoint, DeepModel[FunctionalClips]):
    """A network for each modality, trained with the other one as auxiliary modality.

    What belongs to the auxiliary modality is discarded after training: a network hears or sees one
    modality alone. The paper goes no further. A clip that has both gets the mean of both networks'
    probabilities here.

    The modalities of the training clips may come from different clips, and so from different
    corpora: no clip need have both. Clips may also be given to help alone, with a modality that is
    not to be recognised (`fit`).

    Parameters
    ----------
    n_classes : int
        Emotions of the corpus.
    modalities : tuple of str
        What the system uses. With one of them every system is the classic one, unless clips of
        the other help it.
    system : {"emobed", "emobed_classic", "emobed_joint", "emobed_triplet"}
    settings
        Section ``emobed`` of params.yaml, with ``alpha`` and the betas as the system uses them.
        ``control`` and ``keep_joint`` may be missing: none.

    Attributes
    ----------
    networks_ : dict of str to EmoBedNetwork
        By modality.
    standardisers_ : dict of str to Standardiser
        By modality, of the training clips; with ``keep_joint`` of one that only helps, too.
    chosen_ : dict
        ``epochs_audio``, ``epochs_video``: how many were trained; where there were several weights
        to choose from ``alpha_audio``, ``beta_audio`` and so on.
    """

    SYSTEM = "emobed"
    networks_: dict[str, EmoBedNetwork]
    standardisers_: dict[str, Standardiser]

    def fit(
        self,
        train: FunctionalClips,
        validation: FunctionalClips,
        auxiliary: FunctionalClips | None = None,
    ) -> Self:
        """Train each modality's network.

        With ``patience`` the epoch counts that is best on the validation subjects. Without it they
        are trained on like the others and the last epoch counts.

        By the modern recipe an epoch is as long for systems without help as for those with it; the
        epochs in which the other modality learns first (``alpha_first``) come on top.

        Parameters
        ----------
        train, validation
        auxiliary
            Clips that help by what they show beside the system's modalities: it is learned from as
            that of other clips is, and nothing learns to recognise it.

        Raises
        ------
        ParamsError
            Training diverged.
        DataError
            The training clips of a modality have fewer than two emotions.
        """
        learned, watched = self.split(train, validation)
        self.standardisers_, self.networks_, self.chosen_, self.logs_ = {}, {}, {}, {}
        self.joint_ = {}
        shown = {m: learned.select(learned.has((m,))) for m in self.modalities}
        if auxiliary is not None:
            shown |= self._helping(auxiliary, shown)
        prepared, curves = {}, {}
        for modality, clips in shown.items():
            self.require_emotions(clips, (modality,))
            standardiser = Standardiser.fit(clips.sequences[modality])
            prepared[modality] = _prepared(clips, modality, standardiser)
            if modality in self.modalities or self.settings.get("keep_joint"):
                self.standardisers_[modality] = standardiser
        for target in self.modalities:
            if watched is not None and not watched.has((target,)).any():
                raise self.never_stops(f"no validation clip has {target}")
            held_out = None
            if watched is not None:
                held_out = _prepared(watched, target, self.standardisers_[target])
            curves[target] = self._train_target(target, prepared, held_out)
        self.logs_["curves"] = _averaged(curves)
        return self

    def _helping(
        self, auxiliary: FunctionalClips, shown: Mapping[str, FunctionalClips]
    ) -> dict[str, FunctionalClips]:
        """Return the clips that help, by modality; what a control puts in their place, if any."""
        control = self.settings.get("control")
        helping = {}
        for modality in (m for m in BOTH if m not in self.modalities):
            clips = auxiliary.select(auxiliary.has((modality,)))
            if control:
                rng = np.random.default_rng(self.settings["seed"])
                [target] = shown.values()
                clips = CONTROLS[control](clips, target, modality, rng)
            if len(clips):
                helping[modality] = clips
        return helping

    def _train_target(
        self, target: str, prepared: Mapping[str, Sequences], held_out: Sequences | None
    ) -> str:
        """Train a modality's network, with the weights that are best for it; return its curves."""
        # Loads Lightning: seconds.
        from avlib.systems.emobed.modern_training import ModernTraining
        from avlib.systems.emobed.training import EmoBedTraining, train_jointly

        modern = self.settings["recipe"] == "modern"
        s = self.settings | (self.settings["modern"] if modern else {})
        others = [m for m in prepared if m != target]
        loader = held_out and held_out_loader(target, held_out, s["batch_size"])

        def train_with(alpha: float, beta: float, name: str) -> tuple[EmoBedNetwork, str]:
            weights = s | {"alpha": alpha, "beta": beta}
            helpers = others if alpha > 0 or beta > 0 else []
            return train_jointly(
                partial(ModernTraining if modern else EmoBedTraining, target=target, **weights),
                self.n_classes,
                {m: prepared[m] for m in (target, *helpers)},
                loader,
                weights,
                partial(self._draws, every=prepared),
                **self.training(name),
            )

        alpha, beta = (s["alpha"], s[f"beta_{target}"]) if others else (0.0, 0.0)
        network, curves, tried = best_weights(
            train_with, alpha, beta, target, held_out=held_out is not None
        )
        self.networks_[target] = self.divide(target, network)
        self.logs_[f"curves_{target}"] = curves
        self.chosen_[f"epochs_{target}"] = n_epochs(curves)
        if len(tried) > 1:
            chosen = tried.iloc[0]
            self.chosen_ |= {f"{w}_{target}": float(chosen[w]) for w in ("alpha", "beta")}
            self.logs_[f"weights_{target}"] = tried.to_csv(index=False, lineterminator="\n")
        return curves

    def predict_proba(
        self, clips: FunctionalClips, modalities: tuple[str, ...] = BOTH
    ) -> np.ndarray:
        """Return the mean of the networks' probabilities, shape (n_clips, n_classes).

        Raises
        ------
        DataError
            A clip has none of the modalities (ask `scorable` first), or features of another size
            than in training.
        """
        self.require_scorable(clips, modalities)
        used = [m for m in self.modalities if m in modalities]
        return np.nanmean([self._read(clips, m, self.networks_[m])[0] for m in used], axis=0)

    def embeddings(self, clips: FunctionalClips) -> dict[str, np.ndarray]:
        """Return the clips as each modality's subnetwork embeds them; NaN where they lack it."""
        return {m: self._read(clips, m, self.networks_[m])[1] for m in self.modalities}

    def shared_space(self, clips: FunctionalClips) -> dict[str, np.ndarray]:
        """Return the clips as each target's network embeds them, from all modalities it knows.

        Where no joint network was kept that is the target alone.

        Returns
        -------
        dict
            Columns of `SHARED_SPACE`: a row for each target, modality and clip that has it.
        """
        found = []
        for target in self.modalities:
            network = self.joint_.get(target, self.networks_[target])
            for modality in network.specific:
                there = clips.has((modality,))
                embedded = self._read(clips, modality, network)[1][there]
                words = np.full(len(embedded), target), np.full(len(embedded), modality)
                found.append((*words, clips.clip_id[there], embedded))
        return {
            name: np.concatenate(parts)
            for name, parts in zip(SHARED_SPACE.columns, zip(*found, strict=True), strict=True)
        }

    def build(self) -> dict[str, EmoBedNetwork]:
        """Return each modality's network."""
        return {
            m: EmoBedNetwork({m: len(self.standardisers_[m].mean)}, self.n_classes, **self.settings)
            for m in self.modalities
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the training clips' means and standard deviations."""
        means = {f"mean_{m}": of.mean for m, of in self.standardisers_.items()}
        return means | {f"scale_{m}": of.scale for m, of in self.standardisers_.items()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take them back; they say how many features a modality has."""
        self.standardisers_ = {
            m: Standardiser(mean, arrays[f"scale_{m}"])
            for m, mean in without_prefix("mean_", arrays).items()
        }

    def _draws(
        self, drawn: Mapping[str, Sequences], every: Mapping[str, Sequences]
    ) -> Sampler[UnpairedRows]:
        """Return the mini-batches of an epoch; the first modality drawn is the target."""
        if self.settings["recipe"] == "paper":
            return epochs_over(_counts(drawn), _counts(every), self.settings)
        modern, seed = self.settings["modern"], self.settings["seed"]
        size, target = modern["batch_size"], next(iter(drawn))
        passed = every.values() if self.settings["epoch_over"] == "larger" else [every[target]]
        return drawn_apart(
            {m: np.asarray(of.labels) for m, of in drawn.items()},
            size,
            seed,
            balanced=modern["balanced"],
            steps=max(math.ceil(len(of.labels) / size) for of in passed),
        )

    def _read(
        self, clips: FunctionalClips, modality: str, network: EmoBedNetwork
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return a network's probabilities (n, n_classes) and embeddings (n, hidden).

        NaN for clips that lack the modality.
        """
        where = device()
        network = network.to(where)
        prepared = _prepared(clips, modality, self.standardisers_[modality])
        probabilities = np.full((len(clips), self.n_classes), np.nan)
        embedded = np.full((len(clips), self.settings["hidden"]), np.nan, np.float32)
        there = np.flatnonzero(clips.has((modality,)))
        with torch.inference_mode():
            for rows in in_order(range(len(there)), _READ):
                half = Half(*(values.to(where) for values in prepared.half(rows)))
                logits, embeddings = read_clips(
                    network, modality, half.features, half.lengths, self.settings["pooling"]
                )
                probabilities[there[rows]] = logits.double().softmax(1).cpu()
                embedded[there[rows]] = embeddings.cpu()
        return probabilities, embedded


def _prepared(clips: FunctionalClips, modality: str, standardiser: Standardiser) -> Sequences:
    """Return the clips that have a modality, standardised."""
    having = clips.select(clips.has((modality,)))
    features = [standardiser.apply(values) for values in having.sequences[modality]]
    return Sequences(features, having.emotion.astype(np.int64))


def _counts(sequences: Mapping[str, Sequences]) -> dict[str, int]:
    return {modality: len(of.labels) for modality, of in sequences.items()}


def _averaged(curves: Mapping[str, str]) -> str:
    """Return the mean of the networks' curves, as CSV; of those that still train."""
    tables = [pd.read_csv(io.StringIO(text)) for text in curves.values()]
    return pd.concat(tables).groupby("epoch").mean().to_csv(lineterminator="\n")
