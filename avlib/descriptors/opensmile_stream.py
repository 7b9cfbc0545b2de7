"""openSMILE fed with sound piece by piece, for recordings that it cannot take at once.

The package hands openSMILE the whole signal, and openSMILE keeps it at every step on the way to the
descriptors: about 170 MB a minute. Here each step keeps the last seconds only, as where openSMILE
reads a file or a microphone, and only what functionals need stays. Values are the same to the bit.
"""

import tempfile
import time
from array import array
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import opensmile
import pandas as pd
from opensmile.core.config import config
from opensmile.core.lib import FrameMetaData, OpenSMILE

# What the package's own source is, but with a buffer that is written anew once it was read. The
# slowest reader lags by two seconds.
_BUFFER = 20  # s
_SOURCE = """[componentInstances:cComponentManager]
instance[{name}].type=cExternalAudioSource

[{name}:cExternalAudioSource]
writer.dmLevel=wave
buffersize_sec={seconds}
sampleRate={rate}
nBits=16
channels=1
"""
_PIECE = 2**14  # samples written at once
_PAUSE = 0.002  # s until a full buffer is tried again


def streamed(
    feature_set: opensmile.FeatureSet, level: str, signal: np.ndarray, sample_rate: int
) -> tuple[np.ndarray, np.ndarray]:
    """Describe sound as ``opensmile.Smile(feature_set, level).process_signal`` does.

    Parameters
    ----------
    feature_set, level
        As of `opensmile.Smile`.
    signal : float array of shape (n,)
        In [-1, 1), long enough for a row.
    sample_rate : int
        Hz.

    Returns
    -------
    starts : array of shape (n_rows,), float64
        s.
    values : array of shape (n_rows, dim), float32
    """
    root = Path(opensmile.__file__).parent / "core" / config.CONFIG_ROOT
    smile, rows, starts = OpenSMILE(), bytearray(), array("d")

    def keep(row: np.ndarray, facts: FrameMetaData) -> None:
        rows.extend(row.tobytes())
        starts.append(facts.time)

    with tempfile.TemporaryDirectory(prefix="avlib-") as folder, ThreadPoolExecutor(1) as pool:
        source = Path(folder) / "source.inc"
        name = config.EXTERNAL_SOURCE_COMPONENT
        source.write_text(_SOURCE.format(name=name, seconds=_BUFFER, rate=sample_rate))
        options = {
            "source": source,
            "sink": root / config.EXTERNAL_OUTPUT_SINGLE_CONFIG,
            "sinkLevel": level,
            "bufferModeRbConf": root / "shared/BufferModeRb.conf.inc",
            "frameModeFunctionalsConf": root / "shared/FrameModeFunctionals.conf.inc",
        }
        smile.initialize(str(root / f"{feature_set.value}{config.CONFIG_EXT}"), options)
        try:
            smile.external_sink_set_callback_ex(config.EXTERNAL_OUTPUT_COMPONENT, keep)
            running = pool.submit(smile.run)
            for first in range(0, len(signal), _PIECE):
                piece = (signal[first : first + _PIECE] * 32768).astype(np.int16).tobytes()
                while not smile.external_audio_source_write_data(name, piece):
                    if running.done():
                        break  # by an error, which `result` raises
                    time.sleep(_PAUSE)
            smile.external_audio_source_set_eoi(name)
            running.result()
        finally:
            smile.free()
    values = np.frombuffer(rows, np.float32).reshape(len(starts), -1)
    times = pd.to_timedelta(np.array(starts), "s")  # which rounds, as the package does
    return times.total_seconds().to_numpy(), values
