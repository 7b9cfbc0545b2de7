"""Whether EmoBed gains where it should, and gains nothing where it should not: a made-up problem.

    python scripts/emobed_controls.py [seeds]

Four emotions are courses of one intensity: it rises, falls, peaks or dips. Voices and faces show it
each in features of its own, under noise. Of the target, voices, there are few labelled clips, of
faces many. What faces teach the shared layers, how a course is told from another, holds for voices
too, which then have to learn no more than where in their features the intensity is. The controls
take that away: noise in place of the faces, faces whose labels are shuffled, or the same few voices
once more, so that triplets are of one modality and no more is known than before.

Each row is a system, a schedule and what stands beside the voices; its columns are the accuracy on
further voices and the gain over `emobed_classic`, mean and deviation over seeds. Schedules:

- literal: an epoch is a pass over the voices, which is one step.
- from the start: an epoch is a pass over the faces; both modalities learn at once.
- faces first: likewise, after epochs of faces alone; beta rises as long (`alpha_first`,
  `beta_ramp`).
"""

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from avlib.params import Params
from avlib.systems.common.model import BOTH
from avlib.systems.emobed.controls import CONTROLS
from avlib.systems.emobed.functional_clips import FunctionalClips
from avlib.systems.emobed.model import EmoBedModel
from avlib.systems.emobed.system import used_weights

STEPS, FEATURES = 8, 12
EMOTIONS = 4
NOISE = 1.5
VOICES, FACES, TESTED = 24, 300, 1000
EPOCHS = 20
SMALLER = {"hidden": 24, "input_dropout": 0.0, "dropout": 0.0, "pooling": "last", "patience": None}
SCHEDULES: dict[str, dict[str, Any]] = {
    "literal": {"epoch_over": "target"},
    "from the start": {},
    "faces first": {"alpha_first": 15, "beta_ramp": 15},
}
CLASSIC = "emobed_classic"
KINDS = {"noise": "noise", "shuffled labels": "shuffled", "voices again": "intramodal"}


def clips(modality: str, n: int, world: int, rng: np.random.Generator) -> FunctionalClips:
    """Return clips that show courses of intensity in one modality.

    Parameters
    ----------
    modality
    n
    world
        Seed of where in a modality's features the intensity is.
    rng
        Of the clips.
    """
    loading = np.random.default_rng([world, BOTH.index(modality)]).normal(size=FEATURES)
    time = (np.arange(STEPS) + 0.5) / STEPS
    courses = np.stack([np.cos(np.pi * time), np.cos(2 * np.pi * time)])
    emotion = np.arange(n) % EMOTIONS
    intensity = courses[emotion // 2] * (1 - 2 * (emotion % 2))[:, None]
    shown = intensity[:, :, None] * loading / np.linalg.norm(loading)
    noisy = 2 * shown + NOISE * rng.normal(size=shown.shape)
    sequences = {m: np.empty(n, object) for m in BOTH}
    for row in range(n):
        nothing = np.zeros((0, 0), np.float32)
        for m in BOTH:
            sequences[m][row] = noisy[row].astype(np.float32) if m == modality else nothing
    there = {m: np.full(n, m == modality) for m in BOTH}
    names = np.array([f"{modality}-{row}" for row in range(n)])
    return FunctionalClips(names, names, emotion, there, sequences)


def settings(**changes: object) -> dict:
    """Return section ``emobed`` of params.yaml by the modern recipe, smaller and without mixup.

    Blends of a rise and a fall are no course at all.
    """
    values = yaml.safe_load(Path("params.yaml").read_text())
    values.pop("demo")
    params = Params.model_validate(values)
    modern = params.modern.model_dump() | {"mixup": 0.0, "epochs": EPOCHS}
    return params.emobed.used(modern) | SMALLER | changes


def labelled_voices(seed: int) -> FunctionalClips:
    """Return the few voices that are learned from."""
    return clips("audio", VOICES, seed, np.random.default_rng(seed))


def accuracy(system: str, schedule: str, others: FunctionalClips, seed: int) -> float:
    """Train on a few voices and these others; return the accuracy on further voices."""
    voices = labelled_voices(seed)
    unseen = clips("audio", TESTED, seed, np.random.default_rng(seed + 1000))
    used = used_weights(system, settings(seed=seed, **SCHEDULES[schedule]))
    model = EmoBedModel(EMOTIONS, ("audio",), system=system, **used)
    model.fit(voices, voices.select(np.empty(0, int)), others)
    return float((model.predict_proba(unseen, ("audio",)).argmax(1) == unseen.emotion).mean())


def beside_voices(seed: int) -> dict[str, FunctionalClips]:
    """Return faces, and what stands in their place."""
    rng = np.random.default_rng(seed + 2000)
    faces, voices = clips("video", FACES, seed, rng), labelled_voices(seed)
    controls = {name: CONTROLS[kind](faces, voices, "video", rng) for name, kind in KINDS.items()}
    return {"faces": faces, **controls}


def main() -> None:
    """Print the table."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    rows = [(CLASSIC, "literal", "faces"), (CLASSIC, "from the start", "faces")]
    for system in ("emobed_joint", "emobed_triplet", "emobed"):
        rows += [(system, schedule, "faces") for schedule in SCHEDULES]
        rows += [(system, "faces first", control) for control in KINDS]
    found: dict[tuple[str, str, str], list[float]] = {}
    for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        shown = beside_voices(seed)
        for row in rows:
            system, schedule, beside = row
            found.setdefault(row, []).append(accuracy(system, schedule, shown[beside], seed))
            print(*row, seed, f"{found[row][-1]:.3f}", file=sys.stderr, flush=True)
    table = pd.DataFrame(found).T.rename_axis(["system", "schedule", "beside voices"])
    alone = [
        (CLASSIC, "literal" if schedule == "literal" else "from the start", "faces")
        for _, schedule, _ in table.index
    ]
    gain = table - table.loc[alone].to_numpy()
    columns = {
        "accuracy (%)": 100 * table.mean(axis=1),
        "gain": 100 * gain.mean(axis=1),
        "± over seeds": 100 * gain.std(axis=1),
    }
    print(pd.DataFrame(columns).round(1).to_string())


if __name__ == "__main__":
    main()
