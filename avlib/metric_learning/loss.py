"""MERML's loss over pairs and its gradients (eqs. 4-7)."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PairLoss:
    """Hinge loss of a batch of pairs, averaged, and its gradients.

    Attributes
    ----------
    loss : Tensor of shape ()
    W : dict of str to Tensor of shape (p, d)
    omega : Tensor of shape (), or None with one modality
    b : Tensor of shape ()
    """

    loss: Tensor
    W: dict[str, Tensor]
    omega: Tensor | None
    b: Tensor


def modality_weights(modalities: tuple[str, ...], omega: Tensor) -> dict[str, Tensor]:
    """Return omega for video and 1 - omega for audio (eq. 4), or 1 for a modality alone."""
    if len(modalities) == 1:
        return {modalities[0]: torch.ones_like(omega)}
    return {"audio": 1.0 - omega, "video": omega}


def pair_loss(
    gaps: dict[str, Tensor], sign: Tensor, W: dict[str, Tensor], omega: Tensor, b: Tensor
) -> PairLoss:
    """Evaluate eq. 6 on a batch of B pairs, averaged over them.

    Parameters
    ----------
    gaps : dict of str to Tensor of shape (B, d_modality)
        ``x_i - x_j`` (eq. 3 prints x_i twice).
    sign : Tensor of shape (B,)
        +1 similar, -1 dissimilar.
    W : dict of str to Tensor of shape (p_modality, d_modality)
    omega, b : Tensor of shape ()

    Returns
    -------
    PairLoss
        A pair is active while ``sign (b - d^2) < 1``, where the hinge is (eq. 7 prints 0).
    """
    weights = modality_weights(tuple(gaps), omega)
    projected = {m: gap @ W[m].T for m, gap in gaps.items()}
    distance = {m: P.square().sum(dim=1) for m, P in projected.items()}
    total = torch.stack([weights[m] * d for m, d in distance.items()]).sum(dim=0)
    hinge = (1.0 - sign * (b - total)).clamp_min(0.0)
    # dL/d(d^2) of each pair: its sign while it is active.
    slope = sign * (hinge > 0) / len(sign)
    return PairLoss(
        loss=hinge.mean(),
        W={m: 2.0 * weights[m] * (P * slope[:, None]).T @ gaps[m] for m, P in projected.items()},
        omega=slope @ (distance["video"] - distance["audio"]) if len(gaps) == 2 else None,
        b=-slope.sum(),
    )
