"""openSMILE fed with sound piece by piece, for recordings that it cannot take at once.

The package hands openSMILE the whole signal, and openSMILE keeps it at every step on the way to the
descriptors: about 170 MB a minute. Here each step keeps the last seconds only, as where openSMILE
reads a file or a microphone; functionals alone need all frames, 30 MB a minute. Values are the same
to the bit.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import opensmile
import pandas as pd
from opensmile.core.config import config
from opensmile.core.lib import FrameMetaData, OpenSMILE

from avlib.runtime.spooled import nameless_file

# openSMILE multiplies by 32768 and stores 16 bits: a sample of 1.0 would become -1.0.
LARGEST_SAMPLE = 32767 / 32768
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
_SINK = """[componentInstances:cComponentManager]
instance[{name}].type=cExternalSink

[{name}:cExternalSink]
reader.dmLevel={level}
blocksize=1

[componentInstances:cComponentManager]
instance[{pace}].type=cExternalSink

[{pace}:cExternalSink]
reader.dmLevel=lld
blocksize=1
"""
_PACE = "pace"  # is told of every frame: whenever one is there, there is room in the buffer
# Where frames are wanted their levels are written anew too, and the functionals, which nobody asks
# for, are those of every second, so that they do not wait for the end. GeMAPS sets take this from
# files that options name; in the others it stands behind the sections of the same names.
_RING = """writer.levelconf.isRb=1
writer.levelconf.growDyn=0
writer.levelconf.nT=1000
"""
_EACH_SECOND = """frameMode=fixed
frameSize=1.0
frameStep=1.0
"""
_SECTIONS = {
    opensmile.FeatureSet.IS10: {
        _RING: (
            "pitchSmooth:cPitchSmoother", "pitchSmooth2:cPitchSmoother", "lld:cContourSmoother",
            "lld2:cContourSmoother", "delta1:cDeltaRegression", "delta2:cDeltaRegression",
        ),
        _EACH_SECOND: (
            "functL1:cFunctionals", "functL1nz:cFunctionals", "functOnsets:cFunctionals",
        ),
    }
}  # fmt: skip
_PIECE = 2**12  # samples written at once
_ROWS = 2**15  # rows handed on at once, five minutes of frames


def streamed(
    feature_set: opensmile.FeatureSet, level: str, signal: np.ndarray, sample_rate: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Describe sound as ``opensmile.Smile(feature_set, level).process_signal`` does.

    openSMILE does not wait while rows are made use of: they lie in a file until all are there.

    Parameters
    ----------
    feature_set, level
        As of `opensmile.Smile`.
    signal : array of shape (n,)
        Long enough for a row. Floats, of which those outside of [-1, 1] are clipped, or int16.
    sample_rate : int
        Hz.

    Yields
    ------
    starts : array of shape (n_rows,), float64
        s.
    values : array of shape (n_rows, dim), float32
        Of some rows, one piece after another.
    """
    root = Path(opensmile.__file__).parent / "core" / config.CONFIG_ROOT
    smile = OpenSMILE()
    with (
        nameless_file() as starts,
        nameless_file() as rows,
        tempfile.TemporaryDirectory(prefix="avlib-") as folder,
    ):

        def keep(row: np.ndarray, facts: FrameMetaData) -> None:
            try:
                rows.write(row.tobytes())
                starts.write(np.float64(facts.time).tobytes())
            except OSError as error:
                feeder.stop(error)

        options: dict[str, Path] = {
            "bufferModeRbConf": root / "shared/BufferModeRb.conf.inc",
            "frameModeFunctionalsConf": root / "shared/FrameModeFunctionals.conf.inc",
        }
        for option, text in _texts(feature_set, level, sample_rate).items():
            options[option] = Path(folder) / f"{option}.inc"
            options[option].write_text(text)
        smile.initialize(str(root / f"{feature_set.value}{config.CONFIG_EXT}"), options)
        try:
            feeder = _Feeder(smile, signal)
            smile.external_sink_set_callback_ex(config.EXTERNAL_OUTPUT_COMPONENT, keep)
            smile.external_sink_set_callback_ex(_PACE, feeder.feed)
            feeder.feed()
            smile.run()
        finally:
            smile.free()
        if feeder.error:
            raise feeder.error
        width = rows.tell() // (starts.tell() // 8)  # bytes of a row
        starts.seek(0)
        rows.seek(0)
        while piece := starts.read(8 * _ROWS):
            times = pd.to_timedelta(np.frombuffer(piece), "s")  # which rounds, as the package does
            values = np.frombuffer(rows.read(width * len(times)), np.float32)
            yield times.total_seconds().to_numpy(), values.reshape(len(times), -1)


def _texts(feature_set: opensmile.FeatureSet, level: str, sample_rate: int) -> dict[str, str]:
    """Return the parts of the configuration that are not the package's, by their options."""
    source, sink = config.EXTERNAL_SOURCE_COMPONENT, config.EXTERNAL_OUTPUT_COMPONENT
    texts = {
        "source": _SOURCE.format(name=source, seconds=_BUFFER, rate=sample_rate),
        "sink": _SINK.format(name=sink, level=level, pace=_PACE),
    }
    if level != opensmile.FeatureLevel.Functionals.value:
        texts |= {"bufferModeConf": _RING, "frameModeFunctionalsConf": _EACH_SECOND}
        for settings, sections in _SECTIONS.get(feature_set, {}).items():
            texts["sink"] += "".join(f"\n[{section}]\n{settings}" for section in sections)
    return texts


class _Feeder:
    """Writes as much of a signal as there is room for, whenever it is asked to."""

    def __init__(self, smile: OpenSMILE, signal: np.ndarray) -> None:
        self.error: Exception | None = None  # none that is raised in a callback reaches its caller
        self._smile, self._signal = smile, signal
        self._written = 0
        self._ended = False

    def feed(self, *_: Any) -> None:
        """Write until the buffer is full or the signal ends."""
        source = config.EXTERNAL_SOURCE_COMPONENT
        try:
            while self._written < len(self._signal):
                piece = self._signal[self._written : self._written + _PIECE]
                if piece.dtype != np.int16:
                    piece = (np.clip(piece, -1.0, LARGEST_SAMPLE) * 32768).astype(np.int16)
                if not self._smile.external_audio_source_write_data(source, piece.tobytes()):
                    return
                self._written += len(piece)
            if not self._ended:
                self._smile.external_audio_source_set_eoi(source)
                self._ended = True
        except Exception as error:
            self.stop(error)

    def stop(self, error: Exception) -> None:
        """Give up, for an error that whoever started it is to raise."""
        self.error = error
        self._smile.abort()
