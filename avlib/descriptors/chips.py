"""Networks that describe each aligned face by itself."""

import functools
from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch

from avlib.descriptors.video import Faces, VideoDescriptor
from avlib.faces.alignment import CHIP
from avlib.runtime.device import device


class ChipDescriptor(VideoDescriptor):
    """A network that describes each aligned face by itself.

    Attributes
    ----------
    batch_cpu, batch_gpu : int
        Chips per forward pass.
    grey : bool
        Whether grey is all that it sees of them.
    """

    batch_cpu: ClassVar[int]
    batch_gpu: ClassVar[int]
    grey: ClassVar[bool] = False

    @abstractmethod
    def load(self, device: str) -> Callable[[np.ndarray], torch.Tensor]:
        """Load the network onto a device of torch.

        Returns
        -------
        callable
            From chips as `describe_chips` takes them, n at least 1, to a Tensor of shape (n, dim).
        """

    def describe(self, faces: Faces) -> tuple[np.ndarray, np.ndarray]:
        """Describe the chosen frames of a clip; the chips of one batch are in memory at a time."""
        chosen, size = faces.sampled(self.fps), self._batch()
        batches = [chosen[i : i + size] for i in range(0, len(chosen), size)]
        values = [self.describe_chips(faces.chips(batch, grey=self.grey)) for batch in batches]
        none = np.zeros((0, self.dim), np.float32)
        return faces.times[chosen], np.concatenate([none, *values])

    @torch.inference_mode()
    def describe_chips(self, chips: np.ndarray) -> np.ndarray:
        """Describe aligned chips.

        Parameters
        ----------
        chips : uint8 of shape (n, 224, 224, 3)
            RGB; n may be 0. Of shape (n, 224, 224) where the network is `grey`.

        Returns
        -------
        float32 of shape (n, dim)

        Raises
        ------
        ValueError
            Another shape or type.
        WeightsError
            The network's weights are missing or not its own.
        """
        shapes = [(CHIP, CHIP, 3), (CHIP, CHIP)][: 1 + self.grey]
        if chips.dtype != np.uint8 or chips.shape[1:] not in shapes:
            raise ValueError(
                f"chips are {chips.dtype} of shape {chips.shape}; "
                f"expected uint8 of shape (n, {CHIP}, {CHIP}, 3)"
            )
        network, size = _loaded(self, device()), self._batch()
        batches = [network(chips[i : i + size]).cpu().numpy() for i in range(0, len(chips), size)]
        return np.concatenate([np.zeros((0, self.dim), np.float32), *batches])

    def _batch(self) -> int:
        return self.batch_cpu if device() == "cpu" else self.batch_gpu


@functools.cache
def _loaded(descriptor: ChipDescriptor, device: str) -> Callable[[np.ndarray], torch.Tensor]:
    """Load a network once per process."""
    return descriptor.load(device)
