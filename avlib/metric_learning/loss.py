"""MERML's loss over pairs and its gradients (eqs. 4-7)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from avlib.metric_learning.base import modality_of
from avlib.runtime.same_bits import product


@dataclass(frozen=True)
class PairLoss:
    """Hinge loss of a batch of pairs, averaged, and its gradients.

    Attributes
    ----------
    loss : Tensor of shape ()
    W : dict of str to Tensor of shape (p, d)
        By view.
    omega : Tensor of shape (), or None with one modality
    b : Tensor of shape ()
    """

    loss: Tensor
    W: dict[str, Tensor]
    omega: Tensor | None
    b: Tensor


def view_weights(views: Iterable[str], omega: Tensor) -> dict[str, Tensor]:
    """Return each view's weight: omega for video and 1 - omega for audio (eq. 4), or 1 alone.

    Several views of a modality share its weight equally.
    """
    count = Counter(map(modality_of, views))
    share = {"audio": 1.0 - omega, "video": omega}
    if len(count) == 1:
        share = dict.fromkeys(count, torch.ones_like(omega))
    return {view: share[modality_of(view)] / count[modality_of(view)] for view in views}


def pair_loss(
    gaps: dict[str, Tensor], sign: Tensor, W: dict[str, Tensor], omega: Tensor, b: Tensor
) -> PairLoss:
    """Evaluate eq. 6 on a batch of B pairs, averaged over them.

    Parameters
    ----------
    gaps : dict of str to Tensor of shape (B, d_view)
        ``x_i - x_j`` (eq. 3 prints x_i twice), by modality or view.
    sign : Tensor of shape (B,)
        +1 similar, -1 dissimilar.
    W : dict of str to Tensor of shape (p_view, d_view)
    omega, b : Tensor of shape ()

    Returns
    -------
    PairLoss
        A pair is active while ``sign (b - d^2) < 1``, where the hinge is (eq. 7 prints 0).
    """
    weights = view_weights(gaps, omega)
    projected = {m: product(gap, W[m].T) for m, gap in gaps.items()}
    distance = {m: P.square().sum(dim=1) for m, P in projected.items()}
    total = torch.stack([weights[m] * d for m, d in distance.items()]).sum(dim=0)
    hinge = (1.0 - sign * (b - total)).clamp_min(0.0)
    # dL/d(d^2) of each pair: its sign while it is active.
    slope = sign * (hinge > 0) / len(sign)
    return PairLoss(
        loss=hinge.mean(),
        W={
            m: product(2.0 * weights[m] * (P * slope[:, None]).T, gaps[m])
            for m, P in projected.items()
        },
        omega=_omega_slope(slope, distance),
        b=-slope.sum(),
    )


def _omega_slope(slope: Tensor, distance: dict[str, Tensor]) -> Tensor | None:
    """Gradient with respect to omega; None where there is one modality."""
    of = {
        modality: [d for view, d in distance.items() if modality_of(view) == modality]
        for modality in ("audio", "video")
    }
    if not all(of.values()):
        return None
    mean = {modality: torch.stack(found).mean(dim=0) for modality, found in of.items()}
    return slope @ (mean["video"] - mean["audio"])
