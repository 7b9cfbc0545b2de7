"""What a descriptor is: a name, a length, a rate, and a function of sound or of faces.

A new one is a file with an `AudioDescriptor` or a `VideoDescriptor` (see `avlib.descriptors.audio`
and `.video`), and its line in ``avlib/registry.py``. The fields of the class are its settings,
named like the keys of its section of params.yaml, ``audio`` or ``video``.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, Self

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
        Whether it has the level that the section asks for is seen on what is made.
        """
        return cls(**{f.name: settings[f.name] for f in fields(cls) if f.name in settings})
