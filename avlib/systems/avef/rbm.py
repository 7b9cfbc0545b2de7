"""Restricted Boltzmann machines, and contrastive divergence as a loss."""

import torch
from torch import Tensor, nn
from torch.nn import functional

INITIAL_SPREAD = 0.01  # standard deviation of the first weights (Hinton 2012, section 8)


class RBM(nn.Module):
    """A layer of visible and one of hidden units, which are 0 or 1, joined by weights W.

    The energy of a state is ``-b.v - c.h - h.W v`` with visible units of 0 or 1, and
    ``|v - b|^2 / 2 - c.h - h.W v`` with Gaussian ones of unit variance, for which data must be
    standardised (Hinton, A practical guide to training restricted Boltzmann machines, 2012).

    Parameters
    ----------
    n_visible, n_hidden : int
    gaussian : bool
        Whether visible units are Gaussian.
    generator : torch.Generator
        Of the first weights.

    Attributes
    ----------
    weight : Parameter of shape (n_hidden, n_visible)
        W, as in ``nn.Linear``.
    hidden_bias, visible_bias : Parameter of shape (n_hidden,) and (n_visible,)
        c and b.
    """

    def __init__(
        self, n_visible: int, n_hidden: int, *, gaussian: bool, generator: torch.Generator
    ):
        super().__init__()
        self.gaussian = gaussian
        weight = torch.randn(n_hidden, n_visible, generator=generator, device=generator.device)
        self.weight = nn.Parameter(INITIAL_SPREAD * weight)
        self.hidden_bias = nn.Parameter(weight.new_zeros(n_hidden))
        self.visible_bias = nn.Parameter(weight.new_zeros(n_visible))

    def hidden_means(self, v: Tensor) -> Tensor:
        """Probability that each hidden unit is 1: (n, n_visible) to (n, n_hidden)."""
        return torch.sigmoid(functional.linear(v, self.weight, self.hidden_bias))

    def visible_means(self, h: Tensor) -> Tensor:
        """Return the expected visible units: (n, n_hidden) to (n, n_visible)."""
        drive = functional.linear(h, self.weight.T, self.visible_bias)
        return drive if self.gaussian else torch.sigmoid(drive)

    def free_energy(self, v: Tensor) -> Tensor:
        """Minus the logarithm of the visible units' unnormalised probability, of shape (n,)."""
        hidden = functional.softplus(functional.linear(v, self.weight, self.hidden_bias)).sum(1)
        if self.gaussian:
            return (v - self.visible_bias).square().sum(1) / 2 - hidden
        return -(v @ self.visible_bias) - hidden

    @torch.no_grad()
    def gibbs(self, v: Tensor, steps: int, generator: torch.Generator) -> Tensor:
        """Visible units after so many steps of Gibbs sampling, each hidden, then visible.

        Parameters
        ----------
        v : Tensor of shape (n, n_visible)
        steps : int
        generator : torch.Generator
            On the device of `v`.

        Returns
        -------
        Tensor of shape (n, n_visible)
        """
        for _ in range(steps):
            h = _tossed(self.hidden_means(v), generator)
            v = self.visible_means(h)
            if self.gaussian:
                v = v + torch.randn(v.shape, generator=generator, device=v.device, dtype=v.dtype)
            else:
                v = _tossed(v, generator)
        return v

    @torch.no_grad()
    def reconstruction_error(self, v: Tensor) -> Tensor:
        """Mean squared difference between data and their mean-field reconstruction, a scalar."""
        return (v - self.visible_means(self.hidden_means(v))).square().mean()


def contrastive_divergence(rbm: RBM, v: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    """Return a loss whose gradient is that of contrastive divergence.

    It is the mean free energy of the data less that of what Gibbs sampling makes of them; with
    infinitely many steps its gradient is that of the mean negative log-likelihood. Its value says
    nothing about progress: watch the reconstruction error and the free energy of held-out data.

    Parameters
    ----------
    rbm : RBM
    v : Tensor of shape (n, n_visible)
        Data, in [0, 1] or standardised.
    steps : int
        The k of CD-k.
    generator : torch.Generator
        On the device of `v`.

    Returns
    -------
    Tensor of shape ()
    """
    # No gradient flows through the chain: its end counts as data that the machine made up.
    fantasies = rbm.gibbs(v, steps, generator)
    return rbm.free_energy(v).mean() - rbm.free_energy(fantasies).mean()


def _tossed(p: Tensor, generator: torch.Generator) -> Tensor:
    """Return 1 with probability `p`, else 0; 0 for NaN, which torch.bernoulli dies of on a GPU."""
    return (torch.rand(p.shape, generator=generator, device=p.device, dtype=p.dtype) < p).to(p)
