"""Batches of clips."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Self

from torch import Tensor


@dataclass(frozen=True)
class TensorBatch:
    """Tensors, and dicts of them, that travel to the device together.

    Attributes
    ----------
    emotion : int64 of shape (n,)
        Codes of the clips' or segments' emotions.
    """

    emotion: Tensor

    def __len__(self) -> int:
        return len(self.emotion)

    def to(self, device: Any) -> Self:
        """Return the batch on another device; Lightning calls this."""
        return self._each(lambda tensor: tensor.to(device))

    def pin_memory(self) -> Self:
        """Return the batch in memory that a GPU copies from while it computes."""
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, function: Callable[[Tensor], Tensor]) -> Self:
        def moved(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: function(tensor) for name, tensor in value.items()}
            return function(value)

        return type(self)(**{f.name: moved(getattr(self, f.name)) for f in fields(self)})


def in_order(n: int, size: int) -> list[list[int]]:
    """Return the indices below `n` in batches of `size`, in order."""
    return [list(range(start, min(start + size, n))) for start in range(0, n, size)]
