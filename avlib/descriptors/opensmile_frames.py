"""openSMILE's frame descriptors alone, of sound that it can take at once.

The package computes the functionals of every recording too, and lays the rows in a table of pandas:
a fifth of the time. Here there is neither. Values are the same to the bit.
"""

import functools
import re
import tempfile
from pathlib import Path

import numpy as np
import opensmile
import pandas as pd
from opensmile.core.config import config
from opensmile.core.lib import FrameMetaData, OpenSMILE

_ROOT = Path(opensmile.__file__).parent / "core" / config.CONFIG_ROOT
# Of a set's configuration, the lines that create components of functionals, here or in a file.
_FUNCTIONALS = re.compile(r"instance\[func|.*\.func\.conf\.inc")
_INCLUDED = re.compile(r"^\\\{(?=[^\\])", re.MULTILINE)  # a file, named from where the set's lies


def frame_descriptors(
    feature_set: opensmile.FeatureSet, level: str, signal: np.ndarray, sample_rate: int
) -> tuple[np.ndarray, np.ndarray]:
    """Describe the frames of sound as ``opensmile.Smile(feature_set, level).process_signal`` does.

    Parameters
    ----------
    feature_set, level
        As of `opensmile.Smile`.
    signal : float array of shape (n,)
        Long enough for a frame, and at least -1 and below 1.
    sample_rate : int
        Hz.

    Returns
    -------
    starts : array of shape (n_rows,), float64
        s.
    values : array of shape (n_rows, dim), float32
    """
    starts: list[float] = []
    rows: list[np.ndarray] = []

    def keep(row: np.ndarray, facts: FrameMetaData) -> None:
        starts.append(facts.time)
        rows.append(row.copy())

    options = {
        "source": _ROOT / config.EXTERNAL_INPUT_CONFIG,
        "sampleRate": sample_rate,
        "nBits": 16,
        "sink": _ROOT / config.EXTERNAL_OUTPUT_SINGLE_CONFIG,
        "sinkLevel": level,
        "bufferModeRbConf": _ROOT / "shared/BufferModeRb.conf.inc",
    }
    smile = OpenSMILE()
    with tempfile.NamedTemporaryFile("w", prefix="avlib-", suffix=config.CONFIG_EXT) as file:
        file.write(_without_functionals(feature_set))
        file.flush()
        smile.initialize(file.name, options)
    try:
        smile.external_sink_set_callback_ex(config.EXTERNAL_OUTPUT_COMPONENT, keep)
        pcm = (signal * 32768).astype(np.int16)
        smile.external_audio_source_write_data(config.EXTERNAL_SOURCE_COMPONENT, pcm.tobytes())
        smile.external_audio_source_set_eoi(config.EXTERNAL_SOURCE_COMPONENT)
        smile.run()
    finally:
        smile.free()
    times = pd.to_timedelta(starts, "s")  # which rounds, as the package does
    return times.total_seconds().to_numpy(), np.concatenate(rows, dtype=np.float32)


@functools.cache
def _without_functionals(feature_set: opensmile.FeatureSet) -> str:
    """Return a set's configuration without the components that make functionals."""
    path = _ROOT / f"{feature_set.value}{config.CONFIG_EXT}"
    lines = path.read_text().splitlines()
    frames = "\n".join(line for line in lines if not _FUNCTIONALS.match(line))
    return _INCLUDED.sub(lambda _: f"\\{{{path.parent}/", frames)
