"""Descriptors of sound that users bring, such as openSMILE's."""

from dataclasses import dataclass

from avlib.descriptors.table import Table


@dataclass(frozen=True)
class AudioTable(Table):
    """Rows about the sound."""

    modality = "audio"
