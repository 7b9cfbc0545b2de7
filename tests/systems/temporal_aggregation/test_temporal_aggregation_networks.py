import pytest
import torch
from torch import nn
from torch.nn import functional

from avlib.systems.temporal_aggregation import network as networks
from avlib.systems.temporal_aggregation.network import (
    AudioVisualNetwork,
    SegmentNetworks,
    drop_modalities,
)

SMALL = {"spectrogram_size": (64, 40), "face_size": (32, 48), "width": 1 / 4}
CLASSES = 6


class Plain(nn.Module):
    """The paper's network of one segment in ordinary modules."""

    def __init__(self, cells_audio, cells_video, channels):
        super().__init__()
        self.audio = self.stream(1, channels)
        self.video = self.stream(3, channels)
        self.classifier = nn.Linear(channels[-1] * (cells_audio + cells_video), CLASSES)

    @staticmethod
    def stream(before, channels):
        layers = []
        for after in channels:
            layers += [
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            before = after
        return nn.Sequential(*layers)

    def forward(self, spectrograms, faces):
        features = [self.audio(spectrograms).flatten(1), self.video(faces).flatten(1)]
        return self.classifier(torch.cat(features, 1))


def pairs(networks, plain):
    """The tensors of both that play the same part."""
    for modality in ("audio", "video"):
        layers = list(getattr(plain, modality))
        for number, block in enumerate(getattr(networks, modality)):
            conv, norm = layers[4 * number : 4 * number + 2]
            yield block.conv.weight, conv.weight
            for name in ("weight", "bias", "running_mean", "running_var"):
                yield getattr(block.norm, name), getattr(norm, name)
    yield networks.classifier.weight, plain.classifier.weight
    yield networks.classifier.bias, plain.classifier.bias


def taken_apart(segments):
    """An ordinary network of each segment, with its share of the parameters."""
    networks = segments.networks
    plain = [Plain(2, 1, [4, 8, 16, 32, 64]).double() for _ in range(networks.n_networks)]
    for k, one in enumerate(plain):
        for ours, theirs in pairs(networks, one):
            theirs.data.copy_(ours.data.chunk(networks.n_networks)[k])
    return plain


def made(n_segments, shared=False, **changes):
    torch.manual_seed(1)
    segments = SegmentNetworks(n_segments, CLASSES, shared=shared, **(SMALL | changes)).double()
    for name, buffer in segments.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.1)
    for name, parameter in segments.named_parameters():
        if name.endswith("norm.weight"):
            nn.init.uniform_(parameter, -1.0, 1.5)  # a channel may also be turned round
    return segments


def everything(n):
    return torch.ones(n, 2, dtype=torch.bool)


def inputs(n, n_segments, seed=0):
    generator = torch.Generator().manual_seed(seed)
    draw = {"generator": generator, "dtype": torch.float64}
    spectrograms = torch.rand(n, n_segments, 1, 64, 40, **draw)
    return spectrograms, torch.rand(n, n_segments, 3, 32, 48, **draw)


@pytest.mark.parametrize("at_once", ["all", "one", "two"])
def test_networks_side_by_side_are_networks_one_by_one(monkeypatch, at_once):
    """In training, with gradients and running statistics, and afterwards in testing."""
    n = 5
    if at_once != "all":
        limit = 4 * n * 4 * 64 * 40 * (2 if at_once == "two" else 1)
        monkeypatch.setattr(networks, "CPU_ACTIVATION", limit)
    segments = made(3)
    plain = taken_apart(segments)
    spectrograms, faces = inputs(n, 3)
    emotions = torch.tensor([0, 1, 2, 3, 5])
    for _ in range(2):
        logits = segments(spectrograms, faces, everything(n))
        one_by_one = torch.stack(
            [one(spectrograms[:, k], faces[:, k]) for k, one in enumerate(plain)], 1
        )
        torch.testing.assert_close(logits, one_by_one)
        functional.cross_entropy(logits.softmax(2).sum(1), emotions).backward()
        functional.cross_entropy(torch.softmax(one_by_one, 2).sum(1), emotions).backward()
    for k, one in enumerate(plain):
        for ours, theirs in pairs(segments.networks, one):
            torch.testing.assert_close(ours.chunk(3)[k], theirs)
            if theirs.requires_grad:
                assert theirs.grad.abs().max() > 0
                torch.testing.assert_close(ours.grad.chunk(3)[k], theirs.grad)
    segments.eval()
    logits = segments(spectrograms, faces, everything(n))
    for k, one in enumerate(plain):
        torch.testing.assert_close(logits[:, k], one.eval()(spectrograms[:, k], faces[:, k]))


def test_a_shared_network_sees_the_segments_as_clips_of_their_own():
    segments = made(4, shared=True)
    (plain,) = taken_apart(segments)
    spectrograms, faces = inputs(3, 4)
    logits = segments(spectrograms, faces, everything(3))
    expected = plain(spectrograms.flatten(0, 1), faces.flatten(0, 1)).view(3, 4, CLASSES)
    torch.testing.assert_close(logits, expected)
    for ours, theirs in pairs(segments.networks, plain):
        torch.testing.assert_close(ours, theirs)
    present = torch.tensor([[True, True], [True, False], [False, True]])
    segments.eval()
    together = segments(spectrograms, faces, present)
    for k in range(3):
        alone = segments(spectrograms[k : k + 1], faces[k : k + 1], present[k : k + 1])
        torch.testing.assert_close(together[k], alone[0])


def test_segments_have_nothing_in_common():
    segments = made(3).eval()
    spectrograms, faces = inputs(2, 3)
    before = segments(spectrograms, faces, everything(2))
    spectrograms[:, 1] += 1
    after = segments(spectrograms, faces, everything(2))
    changed = (before != after).any(2).any(0)
    assert changed.tolist() == [False, True, False]


def test_the_papers_network_has_the_papers_inputs():
    network = AudioVisualNetwork(CLASSES)
    assert network.classifier.in_features == 256 * (6 * 3 + 7 * 7)
    assert [block.channels for block in network.video] == [16, 32, 64, 128, 256]
    network = AudioVisualNetwork(CLASSES, n_networks=2, width=1 / 16)
    pictures = torch.rand(2, 2, 1, 192, 120), torch.rand(2, 2, 3, 224, 224)
    assert network(*pictures, everything(2)).shape == (2, 2, CLASSES)


def test_several_networks_are_drawn_as_each_one_alone():
    """First weights spread by what one network adds up, however many there are."""
    torch.manual_seed(0)
    alone, several = (
        AudioVisualNetwork(CLASSES, **SMALL),
        AudioVisualNetwork(CLASSES, n_networks=8, **SMALL),
    )
    for name, parameter in alone.named_parameters():
        if "norm" not in name and parameter.numel() > 100:
            spread = several.get_parameter(name).std().item()
            assert spread == pytest.approx(parameter.std().item(), rel=0.15), name


@pytest.mark.parametrize("absent", [0, 1])
@pytest.mark.parametrize("training", [True, False])
def test_an_absent_modality_has_features_of_zero_and_is_not_looked_at(absent, training):
    segments = made(2).train(training)
    plain = taken_apart(segments)
    pictures = inputs(4, 2)
    present = torch.ones(4, 2, dtype=torch.bool)
    present[[1, 3], absent] = False
    hidden = list(pictures)
    hidden[absent] = pictures[absent].clone()
    hidden[absent][[1, 3]] = torch.nan
    logits = segments(*hidden, present)
    for k, one in enumerate(plain):
        one.train(training)
        features = []
        for number, modality in enumerate(("audio", "video")):
            there = present[:, number]
            found = getattr(one, modality)(pictures[number][there, k]).flatten(1)
            features.append(torch.zeros(4, found.shape[1], dtype=found.dtype))
            features[-1][there] = found
        torch.testing.assert_close(logits[:, k], one.classifier(torch.cat(features, 1)))
        for ours, theirs in pairs(segments.networks, one):
            torch.testing.assert_close(ours.chunk(2)[k], theirs)
    logits.sum().backward()
    assert all(p.grad.isfinite().all() for p in segments.parameters())


def test_a_batch_without_any_face_trains_the_other_stream():
    segments = made(2)
    spectrograms, faces = inputs(4, 2)
    nothing = torch.zeros(1, 1, 1, 1, 1, dtype=torch.float64).expand(faces.shape)
    present = torch.tensor([[True, False]]).expand(4, 2)
    segments(spectrograms, nothing, present).square().sum().backward()
    networks = segments.networks
    assert all(block.conv.weight.grad is None for block in networks.video)
    assert all(block.conv.weight.grad.abs().max() > 0 for block in networks.audio)


def test_dropout_takes_one_of_two_modalities_as_often_as_asked():
    present = torch.ones(20000, 2, dtype=torch.bool)
    kept = drop_modalities(present, 0.3, torch.Generator().manual_seed(0))
    lost = (~kept).double().mean(0)
    torch.testing.assert_close(lost, torch.full((2,), 0.15, dtype=torch.float64), atol=0.01, rtol=0)
    assert kept.any(1).all()
    again = drop_modalities(present, 0.3, torch.Generator().manual_seed(0))
    assert torch.equal(kept, again)


@pytest.mark.parametrize(("probability", "changed"), [(0.0, False), (1.0, True)])
def test_dropout_leaves_clips_of_one_modality_as_they_are(probability, changed):
    present = torch.tensor([[True, False], [False, True], [False, False], [True, True]])
    before = present.clone()
    kept = drop_modalities(present, probability, torch.Generator().manual_seed(0))
    assert torch.equal(kept[:3], present[:3])
    assert kept[3].sum() == (1 if changed else 2)
    assert torch.equal(present, before)


def taught(dropout=0.0, shared=False, steps=60):
    """Train on 16 clips of four emotions, of which the voice tells two apart and the face two."""
    torch.manual_seed(3)
    generator = torch.Generator().manual_seed(4)
    emotions = torch.arange(16) % 4
    spectrograms, faces = (0.5 * torch.rand(16, 3, c, 32, 32) for c in (1, 3))
    spectrograms[emotions % 2 == 1, :, :, :16] += 0.5
    faces[emotions // 2 == 1, :, :, :, 16:] += 0.5
    sizes = {"spectrogram_size": (32, 32), "face_size": (32, 32), "width": 1 / 8}
    segments = SegmentNetworks(3, 4, shared=shared, **sizes)
    optimiser = torch.optim.SGD(segments.parameters(), lr=0.02, momentum=0.9)
    for _ in range(steps):
        optimiser.zero_grad()
        present = drop_modalities(everything(16), dropout, generator)
        scores = segments(spectrograms, faces, present).softmax(2).sum(1)
        functional.nll_loss((scores / 3).log(), emotions).backward()
        optimiser.step()
    segments.eval()

    def guess(audio, video):
        present = torch.tensor([[audio, video]]).expand(16, 2)
        return segments(spectrograms, faces, present).softmax(2).sum(1).argmax(1)

    return guess, emotions


@pytest.mark.parametrize("shared", [False, True])
def test_a_tiny_set_is_learned_by_heart(shared):
    guess, emotions = taught(shared=shared)
    assert torch.equal(guess(True, True), emotions)


def test_with_modality_dropout_each_modality_alone_tells_what_it_knows():
    guess, emotions = taught(dropout=0.5)
    assert torch.equal(guess(True, True), emotions)
    assert torch.equal(guess(True, False) % 2, emotions % 2)
    assert torch.equal(guess(False, True) // 2, emotions // 2)
