"""What a descriptor is: a name, a length, a rate, and a function of sound or of faces.

A new one is a file with an `AudioDescriptor` or a `VideoDescriptor` (see `avlib.descriptors.audio`
and `.video`), and its line in ``avlib/registry.py``. The fields of the class are its settings,
named like the keys of its section of params.yaml, ``audio`` or ``video``.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, Self

from avlib.runtime.errors import ParamsError

Level = Literal["frames", "windows", "clip"]


@dataclass(frozen=True)
class Descriptor(ABC):
    """Rows of numbers that describe one modality of a clip.

    Attributes
    ----------
    name : str
        As registered.
    modality : {"audio", "video"}
    level : {"frames", "windows", "clip"}
        What a row describes.
    dim : int
        Length of a row.
    rate : float or None
        Rows per second, Hz; None for a row a clip, or a row for each frame of the video.
    """

    name: ClassVar[str]
    modality: ClassVar[Literal["audio", "video"]]

    @property
    def level(self) -> Level:
        """What a row describes."""
        return "frames"

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length of a row."""

    @property
    @abstractmethod
    def rate(self) -> float | None:
        """Rows per second, Hz."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Make the descriptor as its section of params.yaml says.

        The section holds the keys of every descriptor; one takes those that it has as fields.

        Raises
        ------
        ParamsError
            The section asks for a level that this descriptor does not have.
        """
        made = cls(**{f.name: settings[f.name] for f in fields(cls) if f.name in settings})
        wanted = settings.get("level", made.level)
        if wanted != made.level:
            raise ParamsError(
                f"{cls.modality}.level is {wanted}, but {cls.name} describes {made.level}; set"
                f" {cls.modality}.level: {made.level}, or choose another {cls.modality}.descriptor"
            )
        return made
