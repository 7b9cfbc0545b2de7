"""The frame of systems that are networks: their settings, their training, their files."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from avlib.runtime.errors import DataError
from avlib.systems.common.model import BOTH, AnyClips, Model, Saved, concatenate
from avlib.weights import save_tensors

AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)


class DeepFiles(Saved):
    """What is made of networks: their settings, how they are trained, and their files.

    Parameters
    ----------
    system : str
        Which one it is, where a class makes several.
    settings
        Its section of params.yaml, ``seed`` and ``patience`` among them.

    Attributes
    ----------
    networks_ : dict of str to nn.Module
        By name, frozen once the system is fitted.
    logs_ : dict of str to str
        Tables of the training as CSV; ``curves`` has a row per epoch.
    """

    networks_: dict[str, Any]
    logs_: dict[str, str]

    def __init__(self, system: str, settings: dict[str, Any]) -> None:
        self.system, self.settings = system, settings

    @abstractmethod
    def build(self) -> Mapping[str, nn.Module]:
        """Return the networks that the settings ask for, by name, whatever their weights.

        In `load` what `restore` takes back is there before.
        """

    def training(self, name: str = "") -> dict[str, Any]:
        """Return how `train_network` trains one of the system's networks.

        Where an interrupted training goes on, how it is called, its seed and its patience.

        Parameters
        ----------
        name
            Tells the system's networks apart; empty where it has one.
        """
        fold = self.checkpoints.name if self.checkpoints else ""
        return {
            "folder": self.checkpoints / name if self.checkpoints else None,
            "label": ", ".join(filter(None, [self.system, fold, name])),
            "patience": self.settings["patience"],
            "seed": self.settings["seed"],
        }

    def save(self, folder: Path) -> None:
        """Write the networks, the settings and the logs into a folder."""
        super().save(folder)
        for name, network in self.networks_.items():
            state = {key: t.cpu().contiguous() for key, t in network.state_dict().items()}
            save_tensors(state, Path(folder) / f"{name}.safetensors")
        for name, text in self.logs_.items():
            (Path(folder) / f"{name}.csv").write_text(text)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a system that `save` wrote."""
        folder = Path(folder)
        model = super().load(folder)
        model.networks_ = dict(model.build())
        for name, network in model.networks_.items():
            frozen(network).load_state_dict(load_file(folder / f"{name}.safetensors"))
        model.logs_ = {path.stem: path.read_text() for path in sorted(folder.glob("*.csv"))}
        return model


class DeepModel(DeepFiles, Model[AnyClips]):
    """A system made of networks.

    Parameters
    ----------
    n_classes : int
        Emotions of the corpus.
    modalities : tuple of str
        What the system uses.
    system : str, optional
        By default `SYSTEM`.
    settings
        See `DeepFiles`.
    """

    SYSTEM: ClassVar[str]

    def __init__(
        self,
        n_classes: int,
        modalities: tuple[str, ...] = BOTH,
        *,
        system: str | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(system or self.SYSTEM, settings)
        self.n_classes = n_classes
        self.modalities = tuple(m for m in BOTH if m in modalities)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``, as JSON knows them."""
        return super().arguments() | {"system": self.system} | self.settings

    def train(self, module: Any, *loaders: Any, epochs: int) -> None:
        """Train the network of a system of one, ``network``; note its curves and its epochs.

        Parameters
        ----------
        module : LightningModule
            How it learns.
        *loaders
            Mini-batches to learn from, and those that tell when to stop, if any.
        epochs
            At most.

        Raises
        ------
        ParamsError
            Training diverged.
        """
        from avlib.networks.train_network import train_network  # loads Lightning: seconds

        curves = train_network(module, *loaders, max_epochs=epochs, **self.training())
        frozen(self.networks_["network"])
        self.logs_, self.chosen_ = {"curves": curves}, {"epochs": n_epochs(curves)}

    def split(self, train: AnyClips, validation: AnyClips) -> tuple[AnyClips, AnyClips | None]:
        """Return the scorable clips to train on, and those that tell when to stop.

        With ``patience`` the latter are the validation clips; without it these are trained on like
        the others.

        Raises
        ------
        DataError
            The clips to train on have fewer than two emotions.
        """
        watched = None
        if self.settings["patience"] is None:
            train = concatenate(train, validation)
        else:
            watched = validation.select(self.scorable(validation))
        learned = train.select(self.scorable(train))
        self.require_emotions(learned)
        return learned, watched

    def require_emotions(self, clips: AnyClips, having: tuple[str, ...] = ()) -> None:
        """Raise DataError where clips to train on, with these modalities, show not two emotions."""
        found = len(np.unique(clips.emotion))
        if found < 2:
            chosen = f" with {' and '.join(having)}" if having else ""
            raise DataError(
                f"{self.system}: the {len(clips)} training clips{chosen} have {found} emotions;"
                " expected two at least"
            )

    def never_stops(self, reason: str) -> DataError:
        """Return the error of validation clips that cannot tell when to stop."""
        return DataError(
            f"{self.system}: {reason}, so nothing tells when to stop: set {self.SYSTEM}.patience to"
            " null, or hold out more subjects (protocol.validation)"
        )


def n_epochs(curves: str) -> int:
    """Return how many epochs a table of curves holds."""
    return len(curves.splitlines()) - 1


def frozen(network: AnyNetwork) -> AnyNetwork:
    """Return a network that learns no more, on the CPU."""
    return network.cpu().eval().requires_grad_(requires_grad=False)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw random numbers from a seed, and leave those outside as they are."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
