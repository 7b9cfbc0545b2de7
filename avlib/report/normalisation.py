"""Speaker normalisation in what is reported: what is normalised is named, and stands apart.

A model's normalisation is ``speakers.normalise`` of params.yaml where it learns from the Fisher
vectors, else "none". Scores of different normalisation are never compared: a normalised model has
statistics of the tested speaker's own clips, which another has not.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from avlib.protocols import ENROLMENT
from avlib.report.page import Section

NONE = "none"
_SPEAKERS = ", speakers "


def named(name: str, normalise: str) -> str:
    """Return the name of a corpus or of a pair of models with the normalisation, if there is any.

    "ravdess" becomes "ravdess, speakers transductive".
    """
    return name if normalise == NONE else f"{name}{_SPEAKERS}{normalise}"


def normalisation_of(name: str) -> str:
    """Return the normalisation that `named` wrote into a name."""
    return name.partition(_SPEAKERS)[2] or NONE


def in_words(normalise: str) -> str:
    """Return the normalisation as it follows a title, "" where there is none."""
    return "" if normalise == NONE else f", speakers normalised ({normalise})"


def titled(section: Section, normalise: str) -> Section:
    """Name the normalisation in the title of a section, and in its pictures' names and words."""
    if normalise == NONE:
        return section
    pictures = [
        replace(p, name=f"{p.name}_{normalise}", alt=p.alt + in_words(normalise))
        for p in section.pictures
    ]
    return replace(section, title=section.title + in_words(normalise), pictures=pictures)


def normalise_of(encoders: Path, folds: pd.DataFrame) -> str:
    """Return how the Fisher vectors of a run are normalised, which params.yaml may no longer say.

    Parameters
    ----------
    encoders
        ``data/fisher_encoders``, which holds the speakers' means.
    folds
        Table ``folds``, where clips are enrolled or not.
    """
    for file in sorted(encoders.glob("fold-*/*.npz")):
        with np.load(file, allow_pickle=False) as arrays:
            if any(name.endswith("/speakers") and len(arrays[name]) for name in arrays.files):
                return "enrolled" if (folds["part"] == ENROLMENT).any() else "transductive"
    return NONE
