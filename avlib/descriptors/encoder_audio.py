"""Sound described by a self-supervised or supervised encoder of the user's; see docs/features.md.

wav2vec 2.0 (Baevski et al. 2020), HuBERT (Hsu et al. 2021), WavLM (Chen et al. 2022), the encoder
of Whisper (Radford et al. 2023) and AST (Gong, Chung, Glass 2021), through transformers.
"""

import functools
import itertools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr
import torch

from avlib.descriptors.audio import AudioDescriptor
from avlib.descriptors.encoder_folder import NAME
from avlib.descriptors.encoder_model import Layer
from avlib.descriptors.encoder_sound import SoundEncoder, sound_encoder
from avlib.runtime.device import device

OVERLAP = 1 / 15  # of a piece, at each of its ends: its rows are not used


@dataclass(frozen=True)
class EncoderAudio(AudioDescriptor):
    """One layer of an encoder, or the mean of all.

    Sound that is longer than the encoder hears at a time is cut into pieces, see `pieces`.

    Parameters
    ----------
    model : str
        Folder of the encoder.
    model_layer : int, {"last", "mean"} or tuple of float
        See `avlib.descriptors.encoder_model.layer_of`.
    model_sha256 : str
        Of that folder's files: which encoder this is, wherever it is.
    """

    model: str = field(default="", compare=False)
    model_layer: Layer = "last"
    model_sha256: str = ""

    name = NAME

    @property
    def dim(self) -> int:
        """Length of a row."""
        return self._encoder().dim

    @property
    def rate(self) -> float:
        """Rows per second, Hz."""
        return self._encoder().sampling_rate / self._encoder().step

    def _encoder(self) -> SoundEncoder:
        return _loaded(self.model, self.model_layer, self.model_sha256, device())

    @torch.inference_mode()
    def describe(self, signal: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
        """Describe a recording; whole rows only.

        Raises
        ------
        WeightsError
            The encoder cannot be loaded.
        ParamsError
            It has no such layer.
        """
        encoder, signal = self._encoder(), self.prepared(signal, sample_rate)
        if encoder.sampling_rate != sample_rate:
            signal = soxr.resample(signal, sample_rate, encoder.sampling_rate)
        missing = encoder.first + encoder.length - len(signal)
        signal = encoder.whole(np.pad(signal, (0, max(0, missing))))
        n = encoder.count(len(signal))
        values = np.empty((n, encoder.dim), np.float32)
        for begin, end, used in pieces(n, encoder.most):
            # The last piece has all that is left, though it makes no whole row.
            stop = None if end == n else (end - 1) * encoder.step + encoder.first + encoder.length
            rows = encoder.rows(signal[begin * encoder.step : stop])
            values[used] = rows[used.start - begin : used.stop - begin].cpu().numpy()
        middles = encoder.first + encoder.step * np.arange(n) + encoder.length / 2
        return middles / encoder.sampling_rate, values


def pieces(n: int, most: int) -> list[tuple[int, int, slice]]:
    """Cut n rows into pieces of at most `most`, which overlap and are about equally long.

    A piece's outer rows, a fifteenth of it at each end that is none of the sound's, know one side
    of their surroundings only, and are taken from its neighbour.

    Returns
    -------
    list of (int, int, slice)
        Where a piece begins and ends, and the rows that are taken from it.
    """
    margin = round(OVERLAP * most) if n > most else 0
    count = -(-n // (most - 2 * margin))
    bounds = [n * i // count for i in range(count + 1)]
    return [
        (max(0, begin - margin), min(n, end + margin), slice(begin, end))
        for begin, end in itertools.pairwise(bounds)
    ]


@functools.cache
def _loaded(folder: str, layer: Layer, digest: str, device: str) -> SoundEncoder:
    """Load an encoder once per process."""
    return sound_encoder(Path(folder), layer, device)
