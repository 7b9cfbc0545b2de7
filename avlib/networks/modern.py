"""The modern recipe: what training of today adds to a published architecture.

AdamW whose rate goes through one cycle, mixed clips, smoothed labels. Section ``modern`` of
params.yaml holds the settings; see `avlib.systems.common.modern_params`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from avlib.networks.layer_rates import EQUAL, Factors, rated_groups


def one_cycle(
    network: nn.Module, settings: Mapping[str, Any], steps: int, factors: Factors = EQUAL
) -> Any:
    """Return AdamW, and one cycle of its learning rate, as ``configure_optimizers`` does.

    The rate rises along a cosine to its highest value and falls to nearly 0 (Smith and Topin 2019).
    Weights decay apart from the gradient (Loshchilov and Hutter 2019); biases and the scales of
    normalisation, which are vectors, do not.

    Parameters
    ----------
    network
    settings
        ``learning_rate`` at its highest, ``weight_decay``, and ``warm_up``, the share of the steps
        in which the rate rises.
    steps
        Of the whole training.
    factors
        By what parameters multiply their rate; see `slower_below`.
    """
    rate, decay = settings["learning_rate"], settings["weight_decay"]
    vectors = (p for p in network.parameters() if p.ndim < 2)
    matrices = (p for p in network.parameters() if p.ndim >= 2)
    groups = [
        *rated_groups(matrices, rate, factors, weight_decay=decay),
        *rated_groups(vectors, rate, factors, weight_decay=0.0),
    ]
    highest = [group["lr"] for group in groups]
    optimiser = torch.optim.AdamW(groups, rate, fused=True)
    rise = settings["warm_up"]
    if rise * steps == 1:  # OneCycleLR would divide by the 0 steps from the first one to this
        rise += 1e-6
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, highest, total_steps=steps, pct_start=rise
    )
    return {
        "optimizer": optimiser,
        "lr_scheduler": {"scheduler": schedule, "interval": "step"},
    }


class Mixup(NamedTuple):
    """Which clips of a batch are blended, and how (Zhang et al. 2018).

    Attributes
    ----------
    share : float
        Of a clip itself in its blend; the rest is its partner's.
    partner : int64 Tensor of shape (n,)
    """

    share: float
    partner: Tensor

    @classmethod
    def draw(
        cls, n: int, alpha: float, noise: torch.Generator, present: Tensor | None = None
    ) -> "Mixup":
        """Draw a share from Beta(alpha, alpha) for the batch and partners; alpha 0 blends none.

        Parameters
        ----------
        n
            Clips of the batch.
        alpha
        noise
            Of the CPU.
        present : bool Tensor of shape (n, n_modalities), optional
            A clip whose partner would have other modalities stays as it is.
        """
        if not alpha:
            return cls(1.0, torch.arange(n))
        seed = int(torch.randint(2**62, (), generator=noise))
        share = float(np.random.default_rng(seed).beta(alpha, alpha))
        partner = torch.randperm(n, generator=noise)
        if present is not None:
            there = present.cpu()
            alike = (there == there[partner]).all(1)
            partner = torch.where(alike, partner, torch.arange(n))
        return cls(share, partner)

    def blend(self, values: Tensor) -> Tensor:
        """Return the blends of the clips' values, float of shape (n, ...)."""
        if self.share == 1:
            return values
        return torch.lerp(values[self.partner.to(values.device)], values, self.share)

    def loss(self, logits: Tensor, emotion: Tensor, smoothing: float) -> Tensor:
        """Return the cross-entropy of blends, each with the emotions of both its clips.

        Parameters
        ----------
        logits : Tensor of shape (n, n_classes)
        emotion : int64 Tensor of shape (n,)
        smoothing
            Share of a label that all emotions get alike (Szegedy et al. 2016).
        """
        logits = logits.float()
        own = functional.cross_entropy(logits, emotion, label_smoothing=smoothing)
        if self.share == 1:
            return own
        others = emotion[self.partner.to(emotion.device)]
        other = functional.cross_entropy(logits, others, label_smoothing=smoothing)
        return self.share * own + (1 - self.share) * other
