"""The frame of systems that are networks: their settings, their training, their files."""

import tempfile
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader

from avlib.runtime.errors import DataError
from avlib.systems.common.model import (
    BOTH,
    AnyClips,
    Model,
    concatenate,
    load_state,
    save_state,
)
from avlib.weights import save_tensors

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule

AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)


class DeepModel(Model[AnyClips]):
    """A system made of networks that descent has trained.

    Parameters
    ----------
    n_classes : int
        Emotions of the corpus.
    modalities : tuple of str
        What the system uses.
    system : str, optional
        Which one it is, where a class makes several; by default `SYSTEM`.
    settings
        Its section of params.yaml, ``seed`` and ``patience`` among them.

    Attributes
    ----------
    networks_ : dict of str to nn.Module
        By name, frozen once the system is fitted.
    chosen_ : dict
        What training chose, as JSON knows it.
    logs_ : dict of str to str
        Tables of the training as CSV; ``curves`` has a row per epoch.
    """

    SYSTEM: ClassVar[str]
    networks_: dict[str, Any]
    chosen_: dict[str, Any]
    logs_: dict[str, str]

    def __init__(
        self,
        n_classes: int,
        modalities: tuple[str, ...] = BOTH,
        *,
        system: str | None = None,
        **settings: Any,
    ) -> None:
        self.n_classes = n_classes
        self.modalities = tuple(m for m in BOTH if m in modalities)
        self.system = system or self.SYSTEM
        self.settings = settings

    @abstractmethod
    def build(self) -> Mapping[str, nn.Module]:
        """Return the networks that the settings ask for, by name, whatever their weights."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what the fitted system has beside its networks; nothing here."""
        return {}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take back what `arrays` returned; comes before `build`."""

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
        found = len(np.unique(learned.emotion))
        if found < 2:
            raise DataError(
                f"{self.system}: the {len(learned)} training clips have {found} emotion;"
                " expected two at least"
            )
        return learned, watched

    def descend(
        self,
        module: "LightningModule",
        loader: DataLoader,
        held_out: DataLoader | None,
        *,
        max_epochs: int,
        name: str = "",
    ) -> str:
        """Train a module, one of the system's where `name` tells them apart; see `descend`."""
        return descend(
            module,
            loader,
            held_out,
            checkpoints=self.checkpoints,
            system=self.system,
            name=name,
            max_epochs=max_epochs,
            patience=self.settings["patience"],
            seed=self.settings["seed"],
        )

    def save(self, folder: Path) -> None:
        """Write the networks, the settings and the logs into a folder."""
        folder = Path(folder)
        arguments = {
            "n_classes": self.n_classes,
            "modalities": list(self.modalities),
            "system": self.system,
            **self.settings,
        }
        save_state(folder, self.arrays(), {"arguments": arguments, "chosen": self.chosen_})
        for name, network in self.networks_.items():
            save_network(network, folder / f"{name}.safetensors")
        for name, text in self.logs_.items():
            (folder / f"{name}.csv").write_text(text)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a system that `save` wrote."""
        folder = Path(folder)
        arrays, settings = load_state(folder)
        model = cls(**settings["arguments"])
        model.chosen_ = settings["chosen"]
        model.restore(arrays)
        model.networks_ = {}
        for name, network in model.build().items():
            model.networks_[name] = load_network(network, folder / f"{name}.safetensors")
        model.logs_ = {path.stem: path.read_text() for path in sorted(folder.glob("*.csv"))}
        return model


def descend(
    module: "LightningModule",
    loader: DataLoader,
    held_out: DataLoader | None,
    *,
    checkpoints: Path | None,
    system: str = "",
    name: str,
    max_epochs: int,
    patience: int | None,
    seed: int,
) -> str:
    """Train a module, resuming after an interruption; return its curves as CSV.

    Parameters
    ----------
    module
        Left with the weights that count.
    loader, held_out
        Batches to train on; batches that tell when to stop.
    checkpoints
        Folder where training keeps how far it is; none where it need not resume.
    system, name
        What is trained, to tell those who wait; `name` is its folder among the checkpoints too.
    max_epochs, patience, seed
        See `avlib.networks.train_network.fit`.

    Raises
    ------
    ParamsError
        Training diverged.
    """
    from avlib.networks.train_network import fit, load_checkpoint  # loads Lightning: seconds

    with tempfile.TemporaryDirectory() as scratch:
        place = checkpoints or Path(scratch)
        best = fit(
            module,
            loader,
            held_out,
            folder=place / name,
            max_epochs=max_epochs,
            patience=patience,
            seed=seed,
            label=", ".join(filter(None, [system, place.name, name])),
        )
        load_checkpoint(module, best)
        return (place / name / "curves.csv").read_text()


def save_network(network: nn.Module, path: Path) -> None:
    """Write a network's weights, wherever it is."""
    state = {key: t.cpu().contiguous() for key, t in network.state_dict().items()}
    save_tensors(state, path)


def load_network(network: AnyNetwork, path: Path) -> AnyNetwork:
    """Return a network with the weights that `save_network` wrote; it learns no more."""
    network.load_state_dict(load_file(path))
    return frozen(network)


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
