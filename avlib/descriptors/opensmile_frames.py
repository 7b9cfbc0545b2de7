"""openSMILE's frame descriptors alone, of sound that it can take at once.

The package sets openSMILE up anew for each recording, computes its functionals too, and lays rows
in a table of pandas. Here one is set up per process, without functionals,
and reset after each recording. Values are the same to the bit.
"""

import ctypes
import functools
import re
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import opensmile
import pandas as pd
from opensmile.core.config import config
from opensmile.core.lib import ExternalSinkCallbackEx, OpenSMILE, smileapi

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
    try:
        return _extractor(feature_set, level, sample_rate).describe(signal)
    except Exception:
        _extractor.cache_clear()  # in what state it is nobody knows
        raise


class _Extractor:
    """A feature set of openSMILE, set up for many recordings."""

    def __init__(self, feature_set: opensmile.FeatureSet, level: str, sample_rate: int) -> None:
        options = {
            "source": _ROOT / config.EXTERNAL_INPUT_CONFIG,
            "sampleRate": sample_rate,
            "nBits": 16,
            "sink": _ROOT / config.EXTERNAL_OUTPUT_SINGLE_CONFIG,
            "sinkLevel": level,
            "bufferModeRbConf": _ROOT / "shared/BufferModeRb.conf.inc",
        }
        self._lock = threading.Lock()
        self._starts: list[float] = []
        self._rows: list[bytes] = []
        # Not by the package's own method, which keeps what is registered for each recording.
        self._callback = ExternalSinkCallbackEx(self._keep)
        self._smile = OpenSMILE()
        with tempfile.NamedTemporaryFile("w", prefix="avlib-", suffix=config.CONFIG_EXT) as file:
            file.write(_without_functionals(feature_set))
            file.flush()
            self._smile.initialize(file.name, options)

    def describe(self, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `frame_descriptors`."""
        with self._lock:
            return self._described(signal)

    def _described(self, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self._starts.clear()
        self._rows.clear()
        source, sink = config.EXTERNAL_SOURCE_COMPONENT, config.EXTERNAL_OUTPUT_COMPONENT
        smileapi.smile_extsink_set_data_callback_ex(  # a reset forgets it
            self._smile._smileobj, sink.encode(), self._callback, None
        )
        pcm = (signal * 32768).astype(np.int16)
        self._smile.external_audio_source_write_data(source, pcm.tobytes())
        self._smile.external_audio_source_set_eoi(source)
        self._smile.run()
        self._smile.reset()
        times = pd.to_timedelta(self._starts, "s")  # which rounds, as the package does
        values = np.frombuffer(bytearray().join(self._rows), np.float32)
        return times.total_seconds().to_numpy(), values.reshape(len(times), -1)

    def _keep(self, row: Any, n_rows: int, dim: int, facts: Any, _: None) -> int:
        self._starts.append(facts.contents.time)
        self._rows.append(ctypes.string_at(row, 4 * n_rows * dim))
        return 1


@functools.cache
def _extractor(feature_set: opensmile.FeatureSet, level: str, sample_rate: int) -> _Extractor:
    return _Extractor(feature_set, level, sample_rate)


@functools.cache
def _without_functionals(feature_set: opensmile.FeatureSet) -> str:
    """Return a set's configuration without the components that make functionals."""
    path = _ROOT / f"{feature_set.value}{config.CONFIG_EXT}"
    lines = path.read_text().splitlines()
    frames = "\n".join(line for line in lines if not _FUNCTIONALS.match(line))
    return _INCLUDED.sub(lambda _: f"\\{{{path.parent}/", frames)
