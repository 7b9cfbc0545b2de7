"""How the gating paradigm's networks learn by the modern recipe."""

import logging
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from avlib.metric_learning.triplets import (
    MultiWindowMiner,
    hardest,
    hinge,
    semi_hard,
    squared_distances,
)
from avlib.networks.layer_rates import EQUAL, Factors
from avlib.networks.modern import Mixup, one_cycle
from avlib.systems.common.model import map_arrays
from avlib.systems.gating.clips import GatingBatch
from avlib.systems.gating.neighbours import COLLAPSED, spread, votes
from avlib.systems.gating.network import Gates, GatingNetwork
from avlib.systems.gating.training import mse_loss


class ModernGatingTraining(LightningModule):
    """Softmax on blended clips at every gate throughout, and in the last epochs triplets beside it.

    The triplets are of embeddings of length 1: the distances of others can all shrink together,
    and the hardest triplets make them. They are semi-hard ones first and the hardest ones in the
    second half of their epochs. The curves tell how far the training clips lie apart and how many
    of them their neighbours have right, in the batches that they were learned from.

    Parameters
    ----------
    network : GatingNetwork
    n_classes : int
    mse : bool
        Whether the shared space draws the modalities together.
    n_known : int
        Of the clips that validation reads, the first that may vote on the others.
    factors : mapping of nn.Parameter to float, optional
        By what some parameters multiply their learning rate.
    settings
        Section ``gating`` of params.yaml: triplets, triplet_weight, margin, mining, cross_modal,
        dropout, neighbours; and ``modern``, that section.
    """

    def __init__(
        self,
        network: GatingNetwork,
        n_classes: int,
        *,
        mse: bool,
        n_known: int,
        factors: Factors = EQUAL,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.factors = factors
        self.network, self.n_classes, self.n_known = network, n_classes, n_known
        self.settings, self.modern = settings, settings["modern"]
        self.mse, self.cross_modal = mse, settings["cross_modal"]
        self.heads = nn.ModuleDict(
            {m: nn.Linear(network.stream(m).embedding, n_classes) for m in network.streams}
        )
        # Last embeddings and emotions of an epoch's clips; validation comes before training ends.
        self.seen: dict[str, list[tuple[Tensor, Tensor]]] = {"train": [], "validation": []}
        self.warned = False

    def configure_optimizers(self) -> Any:
        """Return AdamW and its cycle."""
        steps = int(self.trainer.estimated_stepping_batches)
        return one_cycle(self, self.modern, steps, self.factors)

    def training_step(self, batch: GatingBatch, index: int) -> Tensor:
        """Return the loss of an augmented batch."""
        s, modern = self.settings, self.modern
        noise = torch.Generator().manual_seed(int(torch.randint(2**62, ()).item()))
        there, projected = self.network.project(batch.moved(noise), noise)
        present = torch.stack([of.any(1) for of in there.values()], dim=1)
        mixup = Mixup.draw(len(batch), modern["mixup"], noise, present)
        parts = {"softmax": self._softmax(there, projected, batch.emotion, mixup)}
        with torch.set_grad_enabled(self._in_last(s["triplets"])):
            gates = self.network.gates(there, projected)
        self._see("train", gates, batch)
        loss = parts["softmax"]
        if self._in_last(s["triplets"]):
            parts |= self._drawn_together(gates, batch, hard=self._in_last(s["triplets"] / 2))
            loss = loss + s["triplet_weight"] * parts["triplet"] + parts.get("mse", 0.0)
        logged = {"loss": loss, **parts}
        self._log({f"train_{name}": v.detach() for name, v in logged.items()}, len(batch))
        return loss

    def on_train_epoch_end(self) -> None:
        """Log how the training clips lie; warn where they have become one."""
        embedded, labels = self._take_seen("train")
        k = self.settings["neighbours"]
        apart = spread(embedded)
        if len(labels) > 1:
            right = votes(embedded, labels, None, self.n_classes, k).argmax(1) == labels
            self._log({"train_neighbours": float(right.mean())}, len(labels))
        self._log({"train_spread": apart}, len(labels))
        if apart < COLLAPSED and self._in_last(self.settings["triplets"]) and not self.warned:
            self.warned = True
            logging.getLogger(__name__).warning(
                f"gating: embeddings collapse, their spread is {apart:.2f} of at most 1 after epoch"
                f" {self.current_epoch + 1}; lower gating.triplet_weight or modern.learning_rate"
            )

    def _in_last(self, share: float) -> bool:
        """Say whether the epoch is among the last of this share."""
        return self.current_epoch >= (1 - share) * self.modern["epochs"]

    def validation_step(self, batch: GatingBatch, index: int) -> None:
        """Embed a batch."""
        self._see("validation", self.network(batch), batch)

    def on_validation_epoch_end(self) -> None:
        """Log how many validation clips the training clips have right."""
        embedded, labels = self._take_seen("validation")
        n, k = self.n_known, self.settings["neighbours"]
        said = votes(embedded[:n], labels[:n], embedded[n:], self.n_classes, k).argmax(1)
        self._log({"validation_neighbours": float((said == labels[n:]).mean())}, len(said))

    def _softmax(
        self,
        there: dict[str, Tensor],
        projected: dict[str, Tensor],
        emotion: Tensor,
        mixup: Mixup,
    ) -> Tensor:
        """Return the cross-entropy of blended clips, averaged over the windows that both have."""
        partner = mixup.partner.to(emotion.device)
        both = {m: of & of[partner] for m, of in there.items()}
        gates = self.network.gates(both, {m: mixup.blend(of) for m, of in projected.items()})
        # Also without a single window there is something to differentiate.
        total = torch.stack([values.sum() * 0 for values in gates.embedded.values()]).sum()
        for modality, values in gates.embedded.items():
            clip, _ = torch.nonzero(both[modality], as_tuple=True)
            if len(clip):
                dropped = functional.dropout(values[both[modality]], self.settings["dropout"])
                logits = self.heads[modality](dropped).float()
                for share, of in ((mixup.share, clip), (1 - mixup.share, partner[clip])):
                    if share:
                        loss = functional.cross_entropy(
                            logits, emotion[of], label_smoothing=self.modern["label_smoothing"]
                        )
                        total = total + share * loss
        return total

    def _drawn_together(self, gates: Gates, batch: GatingBatch, *, hard: bool) -> dict[str, Tensor]:
        """Return the terms of eq. 2 by name, in full precision; see `mined_loss`."""
        with torch.autocast(batch.sound.device.type, enabled=False):
            full = map_arrays(lambda v: v.float() if v.is_floating_point() else v, gates)
            places = {m: self.network.placed(values) for m, values in full.embedded.items()}
            once = self.settings["mining"] == "windows"
            found = {
                "triplet": mined_loss(
                    places, full.there, batch.emotion, self.settings["margin"],
                    hard=hard, once=once, cross_modal=self.cross_modal,
                )
            }  # fmt: skip
            if self.mse and len(places) == 2:
                dims = next(iter(full.projected.values())).shape[2]
                found["mse"] = mse_loss(full) / dims
            return found

    def _see(self, part: str, gates: Gates, batch: GatingBatch) -> None:
        places = [self.network.placed(of[:, -1].detach().float()) for of in gates.embedded.values()]
        joint = torch.cat(places, dim=1) / len(places) ** 0.5
        self.seen[part].append((joint.cpu(), batch.emotion.cpu()))

    def _take_seen(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        columns = zip(*self.seen[part], strict=True)
        embedded, emotion = (torch.cat(column).numpy() for column in columns)
        self.seen[part] = []
        return embedded, emotion

    def _log(self, values: dict[str, Any], n: int) -> None:
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=n)


def mined_loss(
    places: dict[str, Tensor],
    there: dict[str, Tensor],
    emotion: Tensor,
    margin: float,
    *,
    hard: bool,
    once: bool,
    cross_modal: bool,
) -> Tensor:
    """Return the mean hinge of the triplets of each window, averaged over windows and modalities.

    Parameters
    ----------
    places, there : dict of str to Tensor of shape (n, n_gates, embedding), and (n, n_gates)
        Embeddings as distances are taken, and which windows clips have.
    emotion : int64 Tensor of shape (n,)
    margin : float
    hard : bool
        Each anchor's hardest triplet; else semi-hard ones.
    once : bool
        No clip is an anchor's hardest positive or negative in two windows; see `MultiWindowMiner`.
    cross_modal : bool
        Positives and negatives are the other modality's embeddings.
    """
    modalities = list(places)
    same = emotion[:, None] == emotion[None, :]
    similar = same & ~torch.eye(len(emotion), dtype=torch.bool, device=emotion.device)
    total, windows = next(iter(places.values())).sum() * 0, 0
    for modality in modalities:
        other = modalities[-1 - modalities.index(modality)] if cross_modal else modality
        miner = MultiWindowMiner(emotion)
        for gate in range(places[modality].shape[1]):
            here = there[modality][:, gate] & there[other][:, gate]
            distances = squared_distances(places[modality][:, gate], places[other][:, gate])
            if hard and once:
                triplets = miner.mine(distances, here)
            else:
                pairs = here[:, None] & here[None, :]
                choose = hardest if hard else semi_hard
                triplets = choose(distances.detach(), similar & pairs, ~same & pairs)
            anchor, positive, negative = triplets
            if len(anchor):
                losses = hinge(distances[anchor, positive], distances[anchor, negative], margin)
                total, windows = total + losses.mean(), windows + 1
    return total / max(windows, 1)
