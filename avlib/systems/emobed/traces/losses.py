"""Losses of sequences (EmoBed, section 4): of the steps that have a label, all sequences alike."""

from torch import Tensor

_TINY = 1e-8  # keeps the CCC of two constants from being 0/0


def mse_loss(predictions: Tensor, targets: Tensor) -> Tensor:
    """Return the mean square error; 0 where no step counts.

    Parameters
    ----------
    predictions, targets : Tensors of shape (n, n_steps)
        Of one dimension of emotion; a target of NaN is a step without a label.
    """
    known = ~targets.isnan()
    if not known.any():
        return predictions.sum() * 0.0
    return (predictions[known] - targets[known]).square().mean()


def ccc_loss(predictions: Tensor, targets: Tensor) -> Tensor:
    """Return 1 - CCC (eq. 9) of all steps that count, joined; 0 where none does.

    Parameters are those of `mse_loss`. Targets that are all the same in a mini-batch give 1 and
    no gradient.
    """
    known = ~targets.isnan()
    if not known.any():
        return predictions.sum() * 0.0
    found, wanted = predictions[known], targets[known]
    gap = found.mean() - wanted.mean()
    found, wanted = found - found.mean(), wanted - wanted.mean()
    spread = found.square().mean() + wanted.square().mean() + gap.square()
    return 1 - 2 * (found * wanted).mean() / (spread + _TINY)
