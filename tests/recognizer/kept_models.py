"""Kept models made by hand from random numbers, and what the pipeline makes one from."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import yaml

from avlib.fisher.pooling import Pooling
from avlib.fisher.view import ViewEncoder, save_encoders
from avlib.media import write_clip
from avlib.params import Params
from avlib.recognizer import kept
from avlib.registry import models, views
from avlib.systems.common.model import VectorClips

RATE = 16000
EMOTIONS = ["anger", "calm"]
TINY = {
    "fisher": {"components": 2, "pca_audio": 3, "pca_video": 3, "backend": "torch"},
    "audio": {"descriptor": "log_mel"},
    "video": {"descriptor": "geometry"},
    "svm": {"inner_folds": 2, "c": [1.0, 10.0], "sigma": [1.0]},
    "merml": {"dim": 5, "epochs": [0, 1], "pairs_per_epoch": 200, "init": "pca", "omega": [0.5]},
    "lmnn": {"pca": 5, "max_iter": [0]},
    "itml": {"pca": 5, "pairs": 50, "gamma": [1.0]},
    "gmml": {"pca": 5, "t": [0.3]},
}


def tiny_values(**sections):
    """Return params.yaml with tiny settings, and further ones laid over them."""
    values = yaml.safe_load(Path("params.yaml").read_text())
    values.pop("demo")
    for overlay in (TINY, sections):
        for section, changes in overlay.items():
            values[section] = values[section] | changes if isinstance(changes, dict) else changes
    return values


def buzz(emotion, seed, seconds=0.6):
    """Sound that is high and rich for anger, a low hum for calm."""
    random = np.random.default_rng([seed, emotion == "anger"])
    times = np.arange(round(seconds * RATE)) / RATE
    pitch = (300 if emotion == "anger" else 120) * random.uniform(0.9, 1.1)
    harmonics = 12 if emotion == "anger" else 3
    wave = sum(np.sin(2 * np.pi * pitch * k * times) / k for k in range(1, harmonics))
    return (0.1 * wave + 0.001 * random.normal(size=len(times))).astype(np.float32)


def write_sound(path, signal):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_clip(path, None, None, signal, RATE, audio_codec="pcm_s16le")
    return path


def keep_by_hand(folder, name):
    """Write a model that learned from random vectors, with encoders of random rows."""
    params = Params.model_validate(tiny_values())
    system = models()[name]
    recipe = system.recipe(name, params)
    random = np.random.default_rng(0)
    emotion = np.arange(16) % 2
    features, widths = {}, []
    (folder / kept.ENCODERS).mkdir(parents=True)
    for modality in ("audio", "video"):
        settings = getattr(params, modality).model_dump()
        ((view, descriptor),) = views(modality, settings).items()
        rows = [(random.normal(size=(30, descriptor.dim)) + e).astype(np.float32) for e in emotion]
        pooling = Pooling("fisher", "torch", n_components=2, pca_dim=3, max_descriptors=999)
        encoder = ViewEncoder(pooling.fit(lambda rows=rows: iter(rows), len(rows)))
        save_encoders(folder / kept.ENCODERS / f"{modality}.npz", {f"{modality}.{view}": encoder})
        features[modality] = encoder.encode(rows, np.full(16, ""))
        widths.append((f"{modality}.{view}", features[modality].shape[1]))
    ids = np.array([f"c{i:02}" for i in range(16)])
    subjects = np.array([f"s{i // 4}" for i in range(16)])
    everywhere = {m: np.ones(16, bool) for m in features}
    clips = VectorClips(ids, subjects, emotion, everywhere, features, tuple(widths))
    model = recipe.make(2, recipe.modalities, **recipe.settings)
    model.fit(clips.select(subjects != "s3"), clips.select(subjects == "s3"))
    model.save(folder / kept.MODEL)
    dumped = {key: getattr(params, key) for key in kept.SETTINGS}
    dumped = {k: v if isinstance(v, list) else v.model_dump() for k, v in dumped.items()}
    kept.write_facts(
        folder,
        {
            "model": name,
            "corpus": "none",
            "emotions": EMOTIONS,
            "settings": dumped,
            "encoder_digests": {},
            "face_network": "",
        },
    )
    (folder / kept.CARD).write_text("# by hand\n")
    return model, clips


STAGES = ("corpus", "reader", "clips", "folds", "speech", "faces", "copies", "face_model",
          "audio_features", "video_features", "fisher", "train_svm")  # fmt: skip


def run_stage(name, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", [name, *arguments])
        importlib.import_module(f"stages.{name}").main()
