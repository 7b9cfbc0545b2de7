import pytest
import torch

from avlib.systems.emobed.network import (
    EmoBedNetwork,
    in_chunks,
    predict_sequences,
    read_clips,
)

SIZES = {"audio": 5, "video": 3}


def network(**changes):
    torch.manual_seed(0)
    return EmoBedNetwork(SIZES, 2, **{"hidden": 6, "layers": 2, **changes})


def sequences(*lengths, d=5, seed=1):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(len(lengths), max(lengths), d, generator=generator)
    return features, torch.tensor(lengths)


def gru_by_hand(gru, x):
    """The GRU's equations step by step, for one sequence (n_steps, d), from zeros."""
    for layer in range(gru.num_layers):
        w_i, w_h, b_i, b_h = (
            getattr(gru, f"{name}_l{layer}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h, outputs = torch.zeros(gru.hidden_size), []
        for step in x:
            from_input, from_state = (w_i @ step + b_i).chunk(3), (w_h @ h + b_h).chunk(3)
            reset = torch.sigmoid(from_input[0] + from_state[0])
            update = torch.sigmoid(from_input[1] + from_state[1])
            new = torch.tanh(from_input[2] + reset * from_state[2])
            h = (1 - update) * new + update * h
            outputs.append(h)
        x = torch.stack(outputs)
    return x


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("lengths", [(9, 4, 1), (5, 5)])
def test_embeddings_and_predictions_are_eqs_1_and_2_of_each_sequence_alone(layers, lengths):
    emobed = network(layers=layers)
    features, lengths = sequences(*lengths)
    features[1, lengths[1] :] = torch.nan  # what lies after the end changes nothing before it
    found = emobed("audio", features)
    for row, length in enumerate(lengths.tolist()):
        e = gru_by_hand(emobed.specific["audio"], features[row, :length])
        y = emobed.head(gru_by_hand(emobed.shared, e))
        torch.testing.assert_close(found.embeddings[row, :length], e)
        torch.testing.assert_close(found.predictions[row, :length], y)
        if length == features.shape[1]:
            torch.testing.assert_close(found.state[0][-1, row], e[-1])


def test_the_papers_network_has_two_times_two_layers_of_120():
    emobed = EmoBedNetwork({"audio": 88, "video": 632}, 1, hidden=120, layers=2)
    gru = 3 * 120 * (120 + 120 + 2)  # a layer fed with another; the first is fed with features
    first = {size: 3 * 120 * (size + 120 + 2) for size in (88, 632)}
    expected = sum(first.values()) + 2 * gru + 2 * gru + 121
    assert sum(p.numel() for p in emobed.parameters()) == expected


def test_modalities_share_all_but_their_own_subnetwork():
    emobed = network()
    for modality, d in SIZES.items():
        emobed.zero_grad()
        emobed(modality, sequences(4, 3, d=d)[0]).predictions.sum().backward()
        learned = {name for name, p in emobed.named_parameters() if p.grad is not None}
        other = "video" if modality == "audio" else "audio"
        every = {name for name, _ in emobed.named_parameters()}
        assert learned == {name for name in every if not name.startswith(f"specific.{other}.")}


def test_without_the_auxiliary_branch_the_target_is_recognised_as_before():
    emobed = network()
    given, _ = sequences(7, 2)
    before = emobed("audio", given).predictions
    emobed.keep_only("audio")
    assert not any("video" in name for name in emobed.state_dict())
    assert torch.equal(emobed("audio", given).predictions, before)
    alone = EmoBedNetwork({"audio": 5}, 2, hidden=6, layers=2)
    alone.load_state_dict(emobed.state_dict())  # strict: nothing is missing, nothing left over
    assert torch.equal(alone("audio", given).predictions, before)
    with pytest.raises(KeyError):
        emobed("video", sequences(3, d=3)[0])


@pytest.mark.parametrize("size", [1, 4, 5, 100])
def test_reading_in_chunks_predicts_what_reading_at_once_does(size):
    emobed = network()
    features, _ = sequences(13, 13, 13)
    whole = emobed("audio", features).predictions
    torch.testing.assert_close(predict_sequences(emobed, "audio", features, size), whole)


def test_chunks_cover_every_step_once():
    features, _ = sequences(9, 9)
    pieces = list(in_chunks(network(), "audio", features, 4))
    assert [list(range(9))[steps] for steps, _ in pieces] == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert [output.predictions.shape[1] for _, output in pieces] == [4, 4, 1]


def test_gradient_ends_where_the_chunk_begins():
    features, _ = sequences(8, 8)
    features.requires_grad_()
    for steps, output in in_chunks(network(), "audio", features, 3):
        [gradient] = torch.autograd.grad(output.predictions.sum(), features)
        reached = torch.nonzero(gradient.abs().sum((0, 2)))[:, 0]
        assert reached.tolist() == list(range(8))[steps]


def most_saved(n_steps):
    """Bytes that training keeps for the backward pass at any one time."""
    emobed, (features, _) = network(), sequences(n_steps, n_steps)
    optimiser = torch.optim.SGD(emobed.parameters(), 1e-3)
    kept, most = [0], 0

    def keep(tensor):
        kept[0] += tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        for _, output in in_chunks(emobed, "audio", features, 25):
            optimiser.zero_grad()
            output.predictions.square().mean().backward()
            optimiser.step()
            most, kept[0] = max(most, kept[0]), 0
    return most


def test_training_on_a_long_sequence_keeps_no_more_than_on_a_short_one():
    assert 0 < most_saved(750) <= 1.01 * most_saved(75)


def test_means_are_those_of_each_sequence_alone():
    emobed, (features, lengths) = network(), sequences(6, 1, 4)
    predictions, embeddings = read_clips(emobed, "audio", features, lengths, "mean")
    for row, length in enumerate(lengths):
        alone = emobed("audio", features[row : row + 1, :length])
        torch.testing.assert_close(predictions[row], alone.predictions[0].mean(0))
        torch.testing.assert_close(embeddings[row], alone.embeddings[0].mean(0))


def test_dropout_hides_shares_of_what_each_layer_is_given_in_training_alone():
    emobed = network(input_dropout=0.25, dropout=0.5)
    given = {}
    for name in ("specific.audio", "shared", "head"):
        part = emobed.get_submodule(name)
        part.register_forward_pre_hook(lambda _, inputs, name=name: given.update({name: inputs[0]}))
    features, _ = sequences(40, 40, 40)
    emobed.eval()("audio", features)
    assert all(values.all() for values in given.values())
    assert torch.equal(given["specific.audio"], features)
    emobed.train()("audio", features)
    kept = given["specific.audio"] != 0
    torch.testing.assert_close(given["specific.audio"][kept], features[kept] / 0.75)
    for name, share in (("specific.audio", 0.75), ("shared", 0.5), ("head", 0.5)):
        kept = (given[name] != 0).double()
        assert abs(kept.mean() - share) < 5 * (share * (1 - share) / kept.numel()) ** 0.5


def test_last_steps_are_those_of_the_lengths():
    emobed, (features, lengths) = network(), sequences(3, 1)
    whole, ends = emobed("audio", features), read_clips(emobed, "audio", features, lengths, "last")
    for every, end in zip((whole.predictions, whole.embeddings), ends, strict=True):
        assert torch.equal(end, torch.stack([every[0, 2], every[1, 0]]))
