"""Networks of both modalities that are kept on request, and what they make of test clips.

A system hears or sees with one modality alone, and so what belongs to the other one is discarded
after training (section 3.3). To see whether both lie in one space, as the paper's figures 3 and 4
do, the whole network is kept beside it. Embeddings are those that triplets act on (section 3.2).
"""

from copy import deepcopy
from pathlib import Path
from typing import Any, Self

from safetensors.torch import load_file
from torch import Tensor

from avlib.systems.common.deep import DeepFiles, frozen
from avlib.systems.common.model import without_prefix
from avlib.systems.emobed.network import EmoBedNetwork
from avlib.weights import save_tensors


class KeepsJoint(DeepFiles):
    """What may keep the networks of both modalities, where the setting ``keep_joint`` is true.

    Attributes
    ----------
    joint_ : dict of str to EmoBedNetwork
        By target modality, those of networks that another modality helped to train; in a model's
        folder ``joint_<target>.safetensors``.
    """

    joint_: dict[str, EmoBedNetwork]

    def divide(self, target: str, network: EmoBedNetwork) -> EmoBedNetwork:
        """Return what recognises the target alone; keep all of it, where that was asked for."""
        if self.settings.get("keep_joint") and len(network.specific) > 1:
            self.joint_[target] = deepcopy(network)
        network.keep_only(target)
        return network

    def save(self, folder: Path) -> None:
        """Write what `DeepFiles` does, and the joint networks."""
        super().save(folder)
        for target, network in self.joint_.items():
            state = {name: t.cpu().contiguous() for name, t in network.state_dict().items()}
            save_tensors(state, Path(folder) / f"joint_{target}.safetensors")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        model = super().load(folder)
        model.joint_ = {
            file.stem.removeprefix("joint_"): _joint(load_file(file), model.settings)
            for file in sorted(Path(folder).glob("joint_*.safetensors"))
        }
        return model


def _joint(state: dict[str, Tensor], settings: dict[str, Any]) -> EmoBedNetwork:
    """Return the network of these weights, which tell its modalities and sizes."""
    first = ".weight_ih_l0"  # of shape (3 hidden, features)
    sizes = {
        name.removesuffix(first): weight.shape[1]
        for name, weight in without_prefix("specific.", state).items()
        if name.endswith(first)
    }
    network = EmoBedNetwork(sizes, len(state["head.bias"]), **settings)
    network.load_state_dict(state)
    return frozen(network)
