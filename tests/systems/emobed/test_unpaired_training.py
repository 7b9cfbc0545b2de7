"""Parts of EmoBed at work together: two corpora that have no recording in common."""

import numpy as np
import torch
from torch.nn import functional

from avlib.metric_learning.batch_hard import crossmodal_triplet_loss, high_low
from avlib.report.concordance import ccc
from avlib.systems.common.standardiser import Standardiser
from avlib.systems.emobed.network import (
    EmoBedNetwork,
    in_chunks,
    predict_sequences,
    read_clips,
)
from avlib.systems.emobed.sequence_prep import advance_labels, delayed
from avlib.systems.emobed.traces.losses import ccc_loss
from avlib.systems.emobed.training import JointTraining

CLASSES = 3


def corpus(n, d, seed):
    """Clips of one modality, of 3 to 8 steps; their classes differ in a trend of some features."""
    world, rng = np.random.default_rng(d), np.random.default_rng(seed)
    trends = world.normal(size=(CLASSES, d))
    labels, lengths = rng.integers(0, CLASSES, n), rng.integers(3, 9, n)
    ramp = np.linspace(0, 1, 8)[None, :, None]
    features = ramp * trends[labels][:, None] + 0.3 * rng.normal(size=(n, 8, d))
    return (
        torch.from_numpy(features.astype(np.float32)),
        torch.from_numpy(lengths),
        torch.from_numpy(labels),
    )


def train_classes(alpha, beta, steps=60):
    """Train on voices of one corpus and faces of another; return the network and its losses."""
    torch.manual_seed(0)
    network = EmoBedNetwork({"audio": 6, "video": 9}, CLASSES, hidden=12, layers=1)
    optimiser = torch.optim.Adam(network.parameters(), 0.01, weight_decay=1e-4)
    corpora = {"audio": corpus(60, 6, seed=1), "video": corpus(40, 9, seed=2)}
    draw, losses = torch.Generator().manual_seed(0), []
    for _ in range(steps):
        parts, halves = {}, []
        for modality, (features, lengths, labels) in corpora.items():
            rows = torch.randint(len(labels), (16,), generator=draw)  # unpaired
            logits, ends = read_clips(network, modality, features[rows], lengths[rows], "last")
            parts[modality] = functional.cross_entropy(logits, labels[rows])
            halves.append((ends, labels[rows]))
        triplet = crossmodal_triplet_loss(halves, margin=0.3)
        loss = JointTraining(network, "audio", alpha=alpha, beta=beta).objective(parts, triplet)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append([loss.item(), triplet.item()])
    return network, np.array(losses)


@torch.no_grad()
def accuracy(network, modality, d):
    features, lengths, labels = corpus(150, d, seed=9)
    logits, _ = read_clips(network, modality, features, lengths, "last")
    return float((logits.argmax(1) == labels).double().mean())


@torch.no_grad()
def distance_of_modalities(network):
    """How far the modalities' mean embeddings of a class lie apart, in spreads of all."""
    embedded = {}
    for modality, d in (("audio", 6), ("video", 9)):
        features, lengths, labels = corpus(150, d, seed=9)
        embedded[modality] = read_clips(network, modality, features, lengths, "last")[1], labels
    spread = torch.cat([values for values, _ in embedded.values()]).std(0).norm()
    means = [
        torch.stack([values[labels == c].mean(0) for c in range(CLASSES)])
        for values, labels in embedded.values()
    ]
    return float((means[0] - means[1]).norm(dim=1).mean() / spread)


def test_corpora_without_a_common_recording_train_together():
    network, losses = train_classes(alpha=0.5, beta=0.3)
    assert losses[-10:, 0].mean() < 0.4 * losses[:5, 0].mean()
    assert losses[-10:, 1].mean() < 0.7 * losses[:5, 1].mean()
    assert accuracy(network, "audio", 6) > 0.85  # chance is 0.33
    assert accuracy(network, "video", 9) > 0.85  # although alpha only has it help
    before = accuracy(network, "audio", 6)
    network.keep_only("audio")
    assert accuracy(network, "audio", 6) == before


def test_crossmodal_triplets_draw_the_modalities_of_a_class_together():
    apart, _ = train_classes(alpha=0.0, beta=0.0)
    together, _ = train_classes(alpha=0.5, beta=1.0)
    assert distance_of_modalities(together) < 0.5 * distance_of_modalities(apart)


def test_training_twice_gives_the_same_network():
    first, second = (train_classes(0.5, 0.3, steps=3)[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


DELAY, STEPS, CHUNK = 6, 240, 40


def traces(n, d, seed):
    """Recordings of features that follow a slow emotion, and labels given DELAY frames late."""
    world, rng = np.random.default_rng(d), np.random.default_rng(seed)
    loading, offset = world.normal(size=d), 100 * world.normal(size=d)
    t = np.arange(STEPS)
    emotion = np.sin(2 * np.pi * (t[None] / 60 + rng.random((n, 1))))
    features = offset + 5 * (emotion[:, :, None] * loading + 0.3 * rng.normal(size=(n, STEPS, d)))
    return features, np.stack([delayed(trace, DELAY) for trace in emotion])


def trained_on_traces(delay):
    torch.manual_seed(0)
    network = EmoBedNetwork({"audio": 4, "video": 5}, 1, hidden=12, layers=1)
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    prepared, standardisers = {}, {}
    for modality, d in (("audio", 4), ("video", 5)):
        features, labels = traces(4, d, seed=d)
        standardisers[modality] = Standardiser.fit(features)
        prepared[modality] = (
            torch.from_numpy(np.stack([standardisers[modality].apply(f) for f in features])),
            torch.from_numpy(np.stack([advance_labels(y, delay) for y in labels])).float(),
        )
    losses = []
    for _ in range(8):
        pairs = zip(
            *(in_chunks(network, m, x, CHUNK) for m, (x, _) in prepared.items()),
            strict=True,
        )
        for chunks in pairs:
            parts, halves = {}, []
            for (steps, output), (m, (_, y)) in zip(chunks, prepared.items(), strict=True):
                wanted = y[:, steps]
                parts[m] = ccc_loss(output.predictions[:, :, 0], wanted)
                every = output.embeddings[:, ::5].flatten(0, 1)
                halves.append((every, high_low(wanted[:, ::5], 0.0).flatten()))
            triplet = crossmodal_triplet_loss(halves, margin=0.2)
            loss = JointTraining(network, "audio", alpha=0.5, beta=0.3).objective(parts, triplet)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    return network, standardisers["audio"], losses


def score_on_traces(network, standardiser, delay):
    features, labels = traces(3, 4, seed=50)
    inputs = torch.from_numpy(np.stack([standardiser.apply(f) for f in features]))
    found = predict_sequences(network, "audio", inputs, 50)
    late = [delayed(series, delay) for series in found[:, :, 0].numpy()]
    return ccc(labels.ravel(), np.concatenate(late))


def test_emotion_over_time_is_learned_in_chunks_and_scored_where_the_labels_stand():
    network, standardiser, losses = trained_on_traces(DELAY)
    assert np.mean(losses[-6:]) < 0.6 * np.mean(losses[:6])
    restored = score_on_traces(network, standardiser, DELAY)
    assert restored > 0.8
    # Left where the emotion was, the predictions are early for the labels: by a tenth of a period,
    # which takes 1 - cos(2 pi / 10) = 0.19 off the score; 0.16 to 0.18 with eight seeds.
    assert score_on_traces(network, standardiser, 0) < 0.9 * restored
