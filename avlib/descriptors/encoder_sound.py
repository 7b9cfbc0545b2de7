"""Networks of transformers that hear: how each is given sound, and what of it a row describes."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from avlib.descriptors.encoder_folder import check_folder
from avlib.descriptors.encoder_model import Layer, layer_of, load_network, read_part
from avlib.runtime.errors import WeightsError

PIECE = 30  # s of sound that a network without a window of its own hears at a time


class SoundEncoder(ABC):
    """A network that gives rows of numbers for sound.

    Row i describes the samples from ``first + i * step`` on, `length` of them.

    Attributes
    ----------
    sampling_rate : int
        Of the sound that it expects, Hz.
    dim : int
        Length of a row.
    step, length, first : int
        In samples.
    most : int
        Rows of the longest sound that it hears at a time.
    """

    sampling_rate: int
    dim: int
    step: int
    length: int
    first: int = 0
    most: int

    def __init__(self, layer: Layer, device: str) -> None:
        self.layer, self.device = layer, device

    def count(self, n: int) -> int:
        """Return how many rows describe n samples."""
        return max(0, (n - self.first - self.length) // self.step + 1)

    def whole(self, signal: np.ndarray) -> np.ndarray:
        """Do to the sound what is done before it is cut into pieces."""
        return signal

    @abstractmethod
    def rows(self, piece: np.ndarray) -> Tensor:
        """Describe a piece of sound of at most `most` rows: a Tensor of shape (count, dim)."""

    def seen(self, network: Any, inputs: Tensor) -> Tensor:
        """Return the chosen layer's rows for one input, of shape (rows, dim)."""
        output = network(inputs.to(self.device), output_hidden_states=True)
        return layer_of(output, self.layer, "audio.model_layer")[0]


class Waves(SoundEncoder):
    """wav2vec 2.0, HuBERT and WavLM: convolutions over the waveform, then a transformer.

    A row lies where the convolutions, none of which pads, put it: 25 ms every 20 ms as published.
    """

    def __init__(self, folder: Path, kind: str, layer: Layer, device: str) -> None:
        import transformers

        super().__init__(layer, device)
        name = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}[kind]
        config = read_part(getattr(transformers, f"{name}Config"), folder)
        # What serves training, or makes other rows of the encoder's, is not built.
        config.mask_time_prob = config.mask_feature_prob = 0.0
        config.add_adapter = False
        self.extractor = read_part(transformers.Wav2Vec2FeatureExtractor, folder)
        self.network = load_network(getattr(transformers, f"{name}Model"), folder, config, device)
        self.sampling_rate, self.dim = self.extractor.sampling_rate, config.hidden_size
        self.step = self.length = 1
        for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
            self.length += (kernel - 1) * self.step
            self.step *= stride
        self.most = self.count(PIECE * self.sampling_rate)

    def whole(self, signal: np.ndarray) -> np.ndarray:
        """Bring the sound to mean 0 and variance 1, where the encoder was trained on such."""
        return self.extractor(signal, sampling_rate=self.sampling_rate)["input_values"][0]

    def rows(self, piece: np.ndarray) -> Tensor:
        """Describe a piece of sound."""
        return self.seen(self.network, torch.from_numpy(piece)[None])


class Whisper(SoundEncoder):
    """Whisper's encoder, whose rows are two frames of a mel spectrogram, 50 a second.

    It hears a window of 30 s, filled up with silence; rows of the silence are cut away. A row is
    centred on the first of its frames, and so begins before it.
    """

    def __init__(self, folder: Path, kind: str, layer: Layer, device: str) -> None:
        from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

        super().__init__(layer, device)
        config = read_part(WhisperConfig, folder)
        config.decoder_layers = 0  # it need not be read
        # Dithering is noise: two runs would differ.
        self.extractor = read_part(WhisperFeatureExtractor, folder, dither=0.0)
        self.network = load_network(WhisperModel, folder, config, device).get_encoder()
        self.sampling_rate, self.dim = self.extractor.sampling_rate, config.d_model
        self.step = self.length = 2 * self.extractor.hop_length
        self.first = -self.extractor.hop_length
        self.most = config.max_source_positions
        if self.extractor.n_samples != self.most * self.step:
            raise WeightsError(
                f"{folder}: preprocessor_config.json makes windows of {self.extractor.n_samples}"
                f" samples, and max_source_positions of config.json is {self.most}; expected"
                f" {self.most} windows of {self.step} samples: get both files from one model"
            )

    def rows(self, piece: np.ndarray) -> Tensor:
        """Describe a piece of sound."""
        heard = self.extractor(piece, sampling_rate=self.sampling_rate, return_tensors="pt")
        return self.seen(self.network, heard["input_features"])[: self.count(len(piece))]


class Spectrogram(SoundEncoder):
    """AST, the audio spectrogram transformer, which sees patches of a mel spectrogram.

    A row is the mean of the patches of all frequencies at one time. The spectrogram has frames of
    25 ms every 10 ms and a fixed length, 10.24 s as published; patches of the padding are cut away.
    """

    def __init__(self, folder: Path, kind: str, layer: Layer, device: str) -> None:
        from transformers import ASTConfig, ASTFeatureExtractor, ASTModel

        super().__init__(layer, device)
        config = read_part(ASTConfig, folder)
        self.extractor = read_part(ASTFeatureExtractor, folder)
        self.network = load_network(ASTModel, folder, config, device)
        if self.extractor.max_length != config.max_length:
            raise WeightsError(
                f"{folder}: max_length is {self.extractor.max_length} in preprocessor_config.json"
                f" and {config.max_length} in config.json; expected the same: get both files from"
                " one model"
            )
        self.sampling_rate, self.dim = self.extractor.sampling_rate, config.hidden_size
        frame, hop = FRAMES
        self.step = config.time_stride * hop
        self.length = (config.patch_size - 1) * hop + frame
        self.bands = (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1
        self.most = (config.max_length - config.patch_size) // config.time_stride + 1

    def rows(self, piece: np.ndarray) -> Tensor:
        """Describe a piece of sound."""
        heard = self.extractor(piece, sampling_rate=self.sampling_rate, return_tensors="pt")
        patches = self.seen(self.network, heard["input_values"])[2:]  # after two class tokens
        by_band = patches.unflatten(0, (self.bands, self.most))
        return by_band.mean(0)[: self.count(len(piece))]


FRAMES = 400, 160  # samples of a frame of AST's spectrogram, and between two: at any rate
_ENCODERS: dict[str, type[Waves | Whisper | Spectrogram]] = {
    "wav2vec2": Waves,
    "hubert": Waves,
    "wavlm": Waves,
    "whisper": Whisper,
    "audio-spectrogram-transformer": Spectrogram,
}


def sound_encoder(folder: Path, layer: Layer, device: str) -> SoundEncoder:
    """Load the encoder of a folder onto a device; WeightsError where it cannot be."""
    kind = check_folder(folder, "audio")
    return _ENCODERS[kind](folder, kind, layer, device)
