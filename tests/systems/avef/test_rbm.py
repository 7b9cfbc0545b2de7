import itertools

import numpy as np
import pytest
import torch

from avlib.systems.avef.rbm import RBM, contrastive_divergence

N_VISIBLE, N_HIDDEN = 4, 3
KINDS = pytest.mark.parametrize("gaussian", [False, True], ids=["bernoulli", "gaussian"])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def machine(gaussian, n_visible=N_VISIBLE):
    """A machine in double precision whose weights are large enough to matter."""
    rbm = RBM(n_visible, N_HIDDEN, gaussian=gaussian, generator=seeded()).double()
    rng = np.random.default_rng(1)
    with torch.no_grad():
        for parameter in rbm.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(scale=0.6, size=parameter.shape)))
    return rbm


def states(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def values(rbm):
    return [p.detach().numpy() for p in (rbm.weight, rbm.hidden_bias, rbm.visible_bias)]


def energy(w, c, b, v, h, gaussian):
    """Sum over all pairs of units, one by one."""
    total = sum(-c[j] * h[j] for j in range(len(h)))
    total += sum(-h[j] * w[j, i] * v[i] for j in range(len(h)) for i in range(len(v)))
    if gaussian:
        return total + sum((v[i] - b[i]) ** 2 / 2 for i in range(len(v)))
    return total + sum(-b[i] * v[i] for i in range(len(v)))


def log_sum_exp(x):
    return np.log(np.sum(np.exp(x)))


def log_partition(w, c, b, gaussian):
    n = len(b)
    if not gaussian:
        return log_sum_exp(
            [-energy(w, c, b, v, h, False) for v in states(n) for h in states(len(c))]
        )
    # The integral of a Gaussian for each state of the hidden units, about b + W^T h.
    return log_sum_exp(
        [
            n / 2 * np.log(2 * np.pi) + c @ h + ((b + w.T @ h) @ (b + w.T @ h) - b @ b) / 2
            for h in states(len(c))
        ]
    )


def negative_log_likelihood(w, c, b, data, gaussian):
    likelihoods = [
        log_sum_exp([-energy(w, c, b, v, h, gaussian) for h in states(len(c))]) for v in data
    ]
    return log_partition(w, c, b, gaussian) - np.mean(likelihoods)


def exact_gradients(rbm, data):
    """Finite differences of the enumerated likelihood, by parameter."""
    parameters = [p.copy() for p in values(rbm)]
    gradients = []
    for parameter in parameters:
        gradient = np.zeros_like(parameter)
        for place in np.ndindex(parameter.shape):
            before, sides = parameter[place], []
            for step in (1e-5, -1e-5):
                parameter[place] = before + step
                sides.append(negative_log_likelihood(*parameters, data, rbm.gaussian))
            parameter[place] = before
            gradient[place] = (sides[0] - sides[1]) / 2e-5
        gradients.append(gradient)
    return gradients


def samples(gaussian):
    rng = np.random.default_rng(2)
    return rng.normal(size=(5, N_VISIBLE)) if gaussian else rng.integers(0, 2, (5, N_VISIBLE)) * 1.0


@KINDS
def test_free_energy_is_the_sum_over_hidden_states(gaussian):
    rbm, data = machine(gaussian), samples(gaussian)
    expected = [
        -log_sum_exp([-energy(*values(rbm), v, h, gaussian) for h in states(N_HIDDEN)])
        for v in data
    ]
    found = rbm.free_energy(torch.from_numpy(data)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@KINDS
def test_hidden_means_are_those_over_all_hidden_states(gaussian):
    rbm, data, h = machine(gaussian), samples(gaussian), states(N_HIDDEN)
    for v, found in zip(data, rbm.hidden_means(torch.from_numpy(data)), strict=True):
        p = np.exp([-energy(*values(rbm), v, one, gaussian) for one in h])
        np.testing.assert_allclose(found.detach().numpy(), p @ h / p.sum(), rtol=1e-12)


@KINDS
def test_visible_means_are_those_over_all_visible_states(gaussian):
    rbm = machine(gaussian, n_visible=2)
    axis = np.linspace(-9, 9, 73)  # of so smooth a density a sum in steps of 0.25 is exact
    v = np.array(list(itertools.product(axis, axis))) if gaussian else states(2)
    for h in states(N_HIDDEN)[1::3]:
        p = np.exp([-energy(*values(rbm), one, h, gaussian) for one in v])
        found = rbm.visible_means(torch.from_numpy(h)[None])[0].detach().numpy()
        np.testing.assert_allclose(found, p @ v / p.sum(), atol=1e-9)


def test_free_energy_has_the_likelihoods_gradient_under_the_exact_model():
    rbm, data = machine(False), samples(False)
    every = torch.from_numpy(states(N_VISIBLE))
    model = torch.softmax(-rbm.free_energy(every), 0).detach()
    loss = rbm.free_energy(torch.from_numpy(data)).mean() - model @ rbm.free_energy(every)
    loss.backward()
    found = [rbm.weight.grad, rbm.hidden_bias.grad, rbm.visible_bias.grad]
    for one, other in zip(found, exact_gradients(rbm, data), strict=True):
        np.testing.assert_allclose(one.numpy(), other, atol=1e-8)


@KINDS
def test_long_chains_give_the_gradient_of_the_likelihood(gaussian):
    rbm, data = machine(gaussian), samples(gaussian)
    many = torch.from_numpy(data).repeat(8000, 1)
    contrastive_divergence(rbm, many, 60, seeded(4)).backward()
    found = [rbm.weight.grad, rbm.hidden_bias.grad, rbm.visible_bias.grad]
    exact = exact_gradients(rbm, data)
    assert max(np.abs(gradient).max() for gradient in exact) > 0.2
    # Four to five standard errors of a mean of 40,000 units between 0 and 1, or spread by 1 to 2.
    tolerance = 0.04 if gaussian else 0.012
    for one, other in zip(found, exact, strict=True):
        np.testing.assert_allclose(one.numpy(), other, atol=tolerance)


@KINDS
def test_one_step_gives_the_difference_of_correlations(gaussian):
    rbm, v = machine(gaussian), torch.from_numpy(samples(gaussian))
    contrastive_divergence(rbm, v, 1, seeded(5)).backward()
    fantasy = rbm.gibbs(v, 1, seeded(5)).numpy()
    w, c, _ = values(rbm)
    data = v.numpy()

    def hidden(x):
        return 1 / (1 + np.exp(-(x @ w.T + c)))

    expected = hidden(fantasy).T @ fantasy / 5 - hidden(data).T @ data / 5
    np.testing.assert_allclose(rbm.weight.grad.numpy(), expected, atol=1e-12)
    change = fantasy.mean(0) - data.mean(0)
    np.testing.assert_allclose(rbm.visible_bias.grad.numpy(), change, atol=1e-12)


def test_chain_of_a_bernoulli_machine_visits_states_as_often_as_the_model_says():
    rbm = machine(False)
    end = rbm.gibbs(torch.zeros(60000, N_VISIBLE, dtype=torch.float64), 40, seeded(6)).numpy()
    assert set(np.unique(end)) == {0.0, 1.0}
    v = states(N_VISIBLE)
    p = np.exp([-rbm.free_energy(torch.from_numpy(v)).detach().numpy()])[0]
    numbers = (end @ (2 ** np.arange(N_VISIBLE)[::-1])).astype(int)
    np.testing.assert_allclose(np.bincount(numbers, minlength=16) / 60000, p / p.sum(), atol=0.01)


def test_reconstruction_of_what_a_machine_cannot_tell_is_the_mean():
    rbm = RBM(2, 3, gaussian=True, generator=seeded())
    with torch.no_grad():
        rbm.weight.zero_()
        rbm.visible_bias.copy_(torch.tensor([1.0, -2.0]))
    error = rbm.reconstruction_error(torch.tensor([[1.0, 0.0], [3.0, -2.0]]))
    assert error.item() == pytest.approx((0 + 4 + 4 + 0) / 4)
