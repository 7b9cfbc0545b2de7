"""What the face networks share: chips in, descriptors out, batch by batch."""

from abc import ABC, abstractmethod

import numpy as np
import torch

from avlib.faces.alignment import CHIP


class Backbone(ABC):
    """A network that describes faces.

    Attributes
    ----------
    name : str
    dim : int
        Length of a descriptor.
    batch_size : int
        Chips per forward pass.
    """

    name: str
    dim: int
    batch_size: int

    @abstractmethod
    def forward(self, chips: np.ndarray) -> torch.Tensor:
        """Describe one batch of chips, at least one: shape (n, dim)."""

    @torch.inference_mode()
    def describe(self, chips: np.ndarray) -> np.ndarray:
        """Describe aligned chips.

        Parameters
        ----------
        chips : uint8 of shape (n, 224, 224, 3)
            RGB; n may be 0.

        Returns
        -------
        float32 of shape (n, dim)

        Raises
        ------
        ValueError
            Another shape or type.
        """
        if chips.dtype != np.uint8 or chips.shape[1:] != (CHIP, CHIP, 3):
            raise ValueError(
                f"chips are {chips.dtype} of shape {chips.shape}; "
                f"expected uint8 of shape (n, {CHIP}, {CHIP}, 3)"
            )
        values = [np.zeros((0, self.dim), np.float32)]
        for start in range(0, len(chips), self.batch_size):
            batch = chips[start : start + self.batch_size]
            values.append(self.forward(batch).cpu().numpy())
        return np.concatenate(values)
