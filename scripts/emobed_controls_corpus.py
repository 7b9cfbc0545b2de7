"""Lay the made-up problem of emobed_controls.py into data/raw, so that `dvc repro` runs on it.

    python scripts/emobed_controls_corpus.py [seed]

Writes the corpora `made_up_voices`, few people to learn from and more to be tested, and
`made_up_faces`, `made_up`, which joins them, and tables of what describes them. docs/systems.md has
the values for params.yaml. Recordings are noise: nothing is to be heard in them.
"""

import sys
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from emobed_controls import FACES, VOICES, clips

RAW = Path("data/raw")
RATE = 16000  # Hz
EVERY = 0.2  # s between two steps
EMOTIONS = ("rise", "fall", "peak", "dip")
TESTED = 400
PEOPLE = {"train": 4, "test": 10, "faces": 10}


def main() -> None:
    """Write everything."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    rng = np.random.default_rng(seed)
    parts = {"train": VOICES, "test": TESTED}
    write("voices", [rows("audio", n, seed, part, rng) for part, n in parts.items()], rng)
    write("faces", [rows("video", FACES, seed, "faces", rng)], rng)
    (RAW / "made_up").mkdir(parents=True, exist_ok=True)
    joined = {"members": {"made_up_faces": None, "made_up_voices": None}}
    (RAW / "made_up" / "corpus.yaml").write_text(yaml.safe_dump(joined))


def rows(
    modality: str, n: int, world: int, part: str, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Make the clips of one part: rows of ``clips.csv``, and what each shows, step by step."""
    made = clips(modality, n, world, rng)
    person = np.arange(n) // len(EMOTIONS) % PEOPLE[part]  # everybody shows every emotion
    table = pd.DataFrame(
        {
            "path": [f"{part}_{number:03}.wav" for number in range(n)],
            "subject": [f"{part}_{number}" for number in person],
            "emotion": np.array(EMOTIONS)[made.emotion],
            "part": "" if part == "faces" else part,
        }
    )
    return table, list(made.sequences[modality])


def write(
    corpus: str,
    parts: list[tuple[pd.DataFrame, list[np.ndarray]]],
    rng: np.random.Generator,
) -> None:
    """Write a corpus: its table, its recordings, and the table of what describes it."""
    folder, described = RAW / f"made_up_{corpus}", RAW / "tables" / "made_up"
    folder.mkdir(parents=True, exist_ok=True)
    described.mkdir(parents=True, exist_ok=True)
    listed = pd.concat([table for table, _ in parts])
    listed.to_csv(folder / "clips.csv", index=False)
    shown = []
    for path, values in zip(listed["path"], (v for _, of in parts for v in of), strict=True):
        samples = rng.integers(-3000, 3000, round(len(values) * EVERY * RATE), np.int16)
        with wave.open(str(folder / path), "wb") as file:
            file.setparams((1, 2, RATE, len(samples), "NONE", ""))
            file.writeframes(samples.tobytes())
        steps = pd.DataFrame(values).add_prefix("x")
        steps.insert(0, "time", np.arange(len(values)) * EVERY)
        steps.insert(0, "clip", f"made_up_{corpus}-{Path(path).stem}")
        shown.append(steps)
    pd.concat(shown).to_csv(described / f"{corpus}.csv", index=False, float_format="%.5f")


if __name__ == "__main__":
    main()
