"""What functionals of long sound, means over pieces, differ by from those of the whole."""

import os
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import numpy as np
import opensmile

from avlib.descriptors import opensmile as descriptors
from avlib.media import read_audio
from avlib.speech.pcm import SAMPLE_RATE
from benchmarks.table import Table

RECORDINGS = "ravdess/*/*.flac"  # below the folder that AVLIB_REAL names
MINUTES = 20  # two pieces
TITLE = f"{MINUTES} minutes of voices, one after another."


def tables() -> list[Table]:
    """Compare both for each set of openSMILE's."""
    real = os.environ.get("AVLIB_REAL")
    files = sorted(Path(real).glob(RECORDINGS)) if real else []
    if not files:
        return [Table(TITLE, f"Not measured: no {RECORDINGS} below AVLIB_REAL.")]
    n = MINUTES * 60 * SAMPLE_RATE
    # All people by turns: sorted by the take they come actor by actor otherwise.
    files.sort(key=lambda file: (file.name[:-8], file.name))
    sound = np.concatenate([read_audio(file) for file in islice(files, 600)])[:n]
    rows = [compared(kind, sound) for kind in (descriptors.IS10, descriptors.EGeMAPS)]
    reading = (
        f"Of {len(sound) / 60 / SAMPLE_RATE:.0f} minutes. Differences are in units of a"
        " functional's standard deviation over the minutes of that sound, over all functionals of"
        " a set that vary."
    )
    columns = ["set", "functionals", "median", "90 %", "95 %", "above 1", "the largest is of"]
    return [Table(TITLE, reading, columns, rows)]


def compared(kind: type[descriptors.OpenSmile], sound: np.ndarray) -> list[str]:
    """Return the row of one set."""
    describe = kind(level="clip").describe
    _, pieces = describe(sound, SAMPLE_RATE)
    with patch.object(descriptors, "LONGEST_WHOLE", float("inf")):
        _, whole = describe(sound, SAMPLE_RATE)
    minutes = np.array_split(sound, round(len(sound) / 60 / SAMPLE_RATE))
    spread = np.std([describe(minute, SAMPLE_RATE)[1][0] for minute in minutes], axis=0)
    varies = spread > 0
    apart = np.abs(pieces - whole)[0][varies] / spread[varies]
    names = np.array(opensmile.Smile(kind.feature_set).feature_names)[varies]
    return [
        kind.name,
        str(varies.sum()),
        *(f"{np.quantile(apart, q):.2f}" for q in (0.5, 0.9, 0.95)),
        f"{np.mean(apart > 1):.1%}",
        str(names[apart.argmax()]),
    ]
