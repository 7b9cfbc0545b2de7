import numpy as np
import pytest
import torch

from avlib.runtime.errors import ParamsError
from avlib.systems.avef.dbn import DBN, pretrain

SIZES = (24, 16, 8)


def data(n=600, seed=0):
    """Features that five hidden causes make, one of them always the same."""
    rng = np.random.default_rng(seed)
    causes = rng.integers(0, 2, (n, 5))
    mixing = np.random.default_rng(99).normal(size=(5, SIZES[0]))
    x = 3 + 2 * causes @ mixing + rng.normal(scale=0.5, size=(n, SIZES[0]))
    x[:, 7] = 1.5
    return torch.from_numpy(x).float()


def network(seed=0):
    torch.manual_seed(seed)
    return DBN(6, SIZES)


def trained(seed=0, x=None, epochs=15, **settings):
    dbn = network()
    x = data() if x is None else x
    settings = {"batch": 50, "rates": (0.01, 0.1), "epochs": epochs, "seed": seed} | settings
    return dbn, pretrain(dbn, x, data(100, seed=1), **settings)


@pytest.fixture(scope="module")
def pretrained():
    return trained()


def errors(rows, layer):
    return rows.loc[rows["layer"] == layer, "reconstruction_error"].to_list()


def gaps(rows):
    return rows.loc[rows["layer"] == 0, "gap"].to_list()


def test_reconstruction_error_falls_in_every_layer(pretrained):
    _, rows = pretrained
    assert rows[["layer", "epoch"]].to_numpy().tolist() == [
        [layer, epoch] for layer in (0, 1) for epoch in range(15)
    ]
    first, second = errors(rows, 0), errors(rows, 1)
    # Nothing learned leaves the variance, 1 in each of the 23 features that vary.
    assert first[0] == pytest.approx(23 / 24, abs=0.1)
    assert first[-1] < 0.35
    assert second[-1] < 0.5 * second[0]


def test_held_out_data_keep_up_where_data_are_many_and_fall_behind_where_few(pretrained):
    _, rows = pretrained
    assert (rows["gap"] == rows["free_energy_held_out"] - rows["free_energy"]).all()
    noise = torch.randn(12, SIZES[0], generator=torch.Generator().manual_seed(3))
    dbn = network()
    unseen = torch.randn(12, SIZES[0], generator=torch.Generator().manual_seed(4))
    few = gaps(pretrain(dbn, noise, unseen, batch=12, epochs=200, rates=(0.01, 0.1), seed=0))
    assert abs(gaps(rows)[-1]) < 1.5
    assert few[-1] > few[0] + 3


def test_pretraining_standardises_and_leaves_constant_features_alone(pretrained):
    dbn, _ = pretrained
    x = data()
    z = dbn.climb(x, 0).numpy()
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-4)
    expected = np.ones(SIZES[0])
    expected[7] = 0
    np.testing.assert_allclose(z.std(0), expected, atol=1e-4)
    assert not z[:, 7].any()


def test_network_is_sigmoids_and_a_classifier_written_out(pretrained):
    dbn, _ = pretrained
    x = data(7, seed=2)
    state = {name: t.double().numpy() for name, t in dbn.state_dict().items()}
    h = (x.double().numpy() - state["mean"]) / state["spread"]
    for number in range(2):
        drive = h @ state[f"layers.{number}.weight"].T + state[f"layers.{number}.bias"]
        h = 1 / (1 + np.exp(-drive))
    with torch.no_grad():
        np.testing.assert_allclose(dbn.embed(x).numpy(), h, atol=1e-5)
        scores = h @ state["classifier.weight"].T + state["classifier.bias"]
        np.testing.assert_allclose(dbn(x).numpy(), scores, atol=1e-5)


def test_pretrained_layers_tell_the_causes_that_raw_layers_blur(pretrained):
    """A unit of the first layer follows a cause more closely than one of random weights does."""
    rng = np.random.default_rng(0)
    causes = rng.integers(0, 2, (600, 5))  # those of `data`

    def closest(dbn):
        with torch.no_grad():
            h = dbn.climb(data(), 1).numpy()
        together = np.corrcoef(causes.T, h.T)[:5, 5:]
        return np.abs(together).max(1).mean()

    raw = network()
    raw.mean, raw.spread = pretrained[0].mean, pretrained[0].spread
    assert closest(pretrained[0]) > closest(raw) + 0.1


def test_same_seed_gives_the_same_bytes_and_another_seed_others(pretrained):
    dbn, rows = pretrained
    again, same_rows = trained()
    other, _ = trained(seed=1)
    assert rows.equals(same_rows)
    for name, tensor in dbn.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert not torch.equal(dbn.layers[0].weight, other.layers[0].weight)


def test_fine_tuning_reaches_every_layer_and_what_lies_below():
    dbn = network()
    x = data(20).requires_grad_()
    torch.nn.functional.cross_entropy(dbn(x), torch.arange(20) % 6).backward()
    assert x.grad.abs().sum() > 0
    assert all(p.grad.abs().sum() > 0 for p in dbn.parameters())


def test_weight_decay_keeps_weights_small_and_leaves_biases():
    free, _ = trained(weight_decay=0.0)
    decayed, _ = trained(weight_decay=0.3)
    assert decayed.layers[0].weight.norm() < 0.7 * free.layers[0].weight.norm()
    assert decayed.layers[0].bias.abs().max() > 0


def test_divergence_is_one_clear_line():
    with pytest.raises(ParamsError, match=r"layer 1 diverged in epoch \d+ at learning rate 1000"):
        trained(rates=(1000.0, 0.1), epochs=30)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_gpu_learns_as_the_cpu_does():
    dbn = network().cuda()
    x = data()
    held_out = data(100, seed=1)
    rows = pretrain(dbn, x, held_out, batch=50, rates=(0.01, 0.1), epochs=15, seed=0)
    assert errors(rows, 0)[-1] == pytest.approx(errors(trained()[1], 0)[-1], abs=0.05)
