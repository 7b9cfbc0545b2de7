"""The networks of Birhala et al. 2020: a face and a spectrogram per segment, to emotions.

The paper gives a network per segment: blocks of convolution, batch normalisation, ReLU and pooling
for each modality, the features side by side, one fully connected layer, softmax; then the sum of
the segments' probabilities. How many blocks and channels stands only in a figure that is lost.
Resolved as five blocks a modality of 3x3 convolutions whose channels double from 16 to 256, as
VGG's do: they leave 7x7 cells of a 224x224 face and 6x3 of a 192x120 spectrogram.

The "CNN-based approach" of the paper's table I (Ristea, Dutu and Radoi, "Emotion recognition system
from speech and visual information based on convolutional neural networks", SpeD 2019), of which the
paper says that it is similar but for the batch normalisation that was inserted, is resolved as one
such network without it.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from avlib.networks.channels import scaled

CHANNELS = (16, 32, 64, 128, 256)
SMALLEST = 2 ** len(CHANNELS)  # pixels that leave one cell
FACE, SPECTROGRAM = (224, 224), (192, 120)  # pixels, as in the paper
# Less leaves a processor's cache less often; and outside of training the C library hands blocks of
# 32 MB back to the system, and to get them anew takes longer than small networks compute.
CPU_ACTIVATION = 12e6  # bytes


class Block(nn.Module):
    """3x3 convolution, batch normalisation, ReLU and 2x2 max-pooling of networks side by side.

    Without batch normalisation the convolution has a bias in its place, and first weights that keep
    the size of what passes (He et al. 2015): of torch's own, five blocks leave a few hundredths.
    """

    def __init__(self, channels_in: int, channels: int, n_networks: int, *, batch_norm: bool):
        super().__init__()
        self.conv = nn.Conv2d(
            n_networks * channels_in,
            n_networks * channels,
            3,
            padding=1,
            groups=n_networks,
            bias=not batch_norm,  # which takes the mean away
        )
        self.norm = nn.BatchNorm2d(n_networks * channels) if batch_norm else None
        if not batch_norm:
            nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        self.channels = channels

    def forward(self, x: Tensor, networks: range) -> Tensor:
        """Apply the block of some networks to their input.

        Parameters
        ----------
        x : Tensor of shape (n, len(networks) * channels_in, height, width)
        networks : range

        Returns
        -------
        Tensor of shape (n, len(networks) * channels, height // 2, width // 2)
        """
        own = slice(networks.start * self.channels, networks.stop * self.channels)
        norm, bias = self.norm, self.conv.bias
        bias = None if bias is None else bias[own]
        x = functional.conv2d(x, self.conv.weight[own], bias, padding=1, groups=len(networks))
        if norm is not None:
            # Views: what is learned here stays in the module.
            mean, var = (cast(Tensor, of)[own] for of in (norm.running_mean, norm.running_var))
            x = functional.batch_norm(x, mean, var, norm.weight[own], norm.bias[own], self.training)
        # Pooled first: the same values as the other way round, for a quarter of the work.
        return functional.relu(functional.max_pool2d(x, 2))


class AudioVisualNetwork(nn.Module):
    """The core network of one segment, or several such networks side by side.

    Several are grouped convolutions: network k owns the k-th share of every parameter and of every
    running statistic along the first axis, and shares nothing with the others. On a CPU, with the
    channels last, they take less time than small networks one by one, and as much as larger ones;
    ``python -m benchmarks temporal_aggregation`` measures it.

    Parameters
    ----------
    n_classes : int
    spectrogram_size, face_size : (int, int)
        Height and width in pixels, each at least 32.
    sound_channels : int
        Of a spectrogram.
    width : float
        Multiplies every channel count.
    n_networks : int
    pooling : {"flatten", "average"}
        What the linear layer sees of the last cells: all of them (the paper), or their mean.
    batch_norm : bool
        Whether convolutions are followed by batch normalisation, as in the paper.
    """

    def __init__(
        self,
        n_classes: int,
        *,
        pooling: str = "flatten",
        batch_norm: bool = True,
        spectrogram_size: tuple[int, int] = SPECTROGRAM,
        sound_channels: int = 1,
        face_size: tuple[int, int] = FACE,
        width: float = 1.0,
        n_networks: int = 1,
    ):
        super().__init__()
        self.n_classes, self.n_networks = n_classes, n_networks
        self.sizes = {"audio": (sound_channels, *spectrogram_size), "video": (3, *face_size)}
        ends = [scaled(channels, width) for channels in CHANNELS]
        self.audio, self.video = (
            nn.ModuleList(
                Block(*pair, n_networks, batch_norm=batch_norm)
                for pair in pairwise([colours, *ends])
            )
            for colours in (sound_channels, 3)
        )
        self.average = pooling == "average"
        self.n_features = {
            modality: ends[-1] if self.average else ends[-1] * _cells(height, across)
            for modality, (_, height, across) in self.sizes.items()
        }
        self.classifier = nn.Linear(sum(self.n_features.values()), n_networks * n_classes)

    def forward(self, spectrograms: Tensor, faces: Tensor, present: Tensor) -> Tensor:
        """Return the logits of every network.

        Parameters
        ----------
        spectrograms : Tensor of shape (n, n_networks, sound_channels, height, width)
            Floats of about 0 to 1, as `avlib.systems.temporal_aggregation.spectrogram` makes them.
        faces : Tensor of shape (n, n_networks, 3, height, width)
            RGB in 0 to 1.
        present : bool Tensor of shape (n, 2)
            Whether there is audio, and whether there is video. What is absent is not looked at: its
            features are 0, and batch normalisation does not count it.

        Returns
        -------
        Tensor of shape (n, n_networks, n_classes)
        """
        has_audio, has_video = present.unbind(1)
        audio = self._features("audio", spectrograms, has_audio)
        features = torch.cat([audio, self._features("video", faces, has_video)], 2)
        # Each network has its own share of the linear layer: one product of matrices a network.
        weight = self.classifier.weight.view(self.n_networks, self.n_classes, -1)
        bias = self.classifier.bias.view(self.n_networks, 1, self.n_classes)
        return torch.baddbmm(bias, features.transpose(0, 1), weight.mT).transpose(0, 1)

    def _features(self, modality: str, pictures: Tensor, there: Tensor) -> Tensor:
        """Return what a modality shows, (n, n_networks, features), and 0 where it is absent."""
        features = pictures.new_zeros(len(pictures), self.n_networks, self.n_features[modality])
        shown = pictures[there]
        if len(shown):
            portions = _portions(shown, getattr(self, modality)[0].channels)
            found = torch.cat([self._convolve(modality, shown, part) for part in portions], 1)
            features = found.new_zeros(features.shape)  # of the type that autocast gives
            features[there] = found
        return features

    def _convolve(self, modality: str, pictures: Tensor, networks: range) -> Tensor:
        x = pictures[:, networks.start : networks.stop].flatten(1, 2)
        x = x.contiguous(memory_format=torch.channels_last)
        for block in getattr(self, modality):
            x = block(x, networks)
        x = x.mean((2, 3)) if self.average else x
        return x.reshape(len(x), len(networks), -1)


class SegmentNetworks(nn.Module):
    """A network for each segment of a clip, computed side by side.

    Parameters
    ----------
    n_segments, n_classes : int
    shared : bool
        One network for all segments; the paper has independent ones.
    **sizes
        ``spectrogram_size``, ``sound_channels``, ``face_size``, ``width``, ``pooling`` and
        ``batch_norm`` of `AudioVisualNetwork`.
    """

    def __init__(self, n_segments: int, n_classes: int, *, shared: bool = False, **sizes: Any):
        super().__init__()
        self.n_segments, self.shared = n_segments, shared
        n_networks = 1 if shared else n_segments
        self.networks = AudioVisualNetwork(n_classes, n_networks=n_networks, **sizes)

    def forward(self, spectrograms: Tensor, faces: Tensor, present: Tensor) -> Tensor:
        """Return the logits of each segment.

        Parameters
        ----------
        spectrograms : Tensor of shape (n, n_segments, sound_channels, height, width)
            Where all share one network, of any number of segments.
        faces : Tensor of shape (n, n_segments, 3, height, width)
        present : bool Tensor of shape (n, 2)
            As in `AudioVisualNetwork`, for all segments of a clip.

        Returns
        -------
        Tensor of shape (n, n_segments, n_classes)
        """
        n, n_segments = spectrograms.shape[:2]
        if self.shared:  # every segment is a clip of one segment
            spectrograms = spectrograms.flatten(0, 1).unsqueeze(1)
            faces = faces.flatten(0, 1).unsqueeze(1)
            present = present.repeat_interleave(n_segments, 0)
        return self.networks(spectrograms, faces, present).view(n, n_segments, -1)


def drop_modalities(present: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Hide one modality of some clips, so that networks learn to do without (modality dropout).

    The paper has none: a probability of 0 is the paper.

    Parameters
    ----------
    present : bool Tensor of shape (n, 2)
    probability : float
        Of a clip that has both to lose one, audio and video equally often.
    generator : torch.Generator

    Returns
    -------
    bool Tensor of shape (n, 2)
        Every clip keeps at least one of what it has.
    """
    draws = torch.rand(len(present), generator=generator, device=generator.device)
    no_audio = draws < probability / 2
    no_video = (draws < probability) & ~no_audio
    lost = torch.stack([no_audio, no_video], 1).to(present.device)
    return present & ~(lost & present.all(1, keepdim=True))


def _cells(height: int, across: int) -> int:
    return (height // SMALLEST) * (across // SMALLEST)


def _portions(pictures: Tensor, channels: int) -> Iterator[range]:
    """Yield the networks to compute together: all, or on a CPU what memory deals with fast."""
    n, n_networks, _, height, width = pictures.shape
    at_once = n_networks
    if pictures.device.type == "cpu":
        largest = 4 * n * channels * height * width  # bytes, what a first convolution returns
        at_once = max(1, int(CPU_ACTIVATION / largest))
    for first in range(0, n_networks, at_once):
        yield range(first, min(first + at_once, n_networks))
