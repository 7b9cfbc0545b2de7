"""What a forward pass keeps for its gradients."""

from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks


class KeptBytes(saved_tensors_hooks):
    """Counts, inside, what forward passes keep for their gradients: a storage once, weights never.

    Also of networks on the meta device, which compute nothing.

    Attributes
    ----------
    total : int
        Bytes, of all passes.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__(self._pack, lambda tensor: tensor)
        self.total = 0
        self.begin(module)

    def begin(self, module: nn.Module) -> None:
        """Begin another pass, in which the addresses of the one before mean something else."""
        self.seen = {_address(tensor) for tensor in [*module.parameters(), *module.buffers()]}

    def _pack(self, tensor: Tensor) -> Tensor:
        if (address := _address(tensor)) not in self.seen:
            self.seen.add(address)
            self.total += tensor.untyped_storage().nbytes()
        return tensor


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata
