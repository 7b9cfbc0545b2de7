"""Moments of both modalities in one plane, and how they mix there (EmoBed, fig. 3)."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from avlib.report.page import Picture, Table
from avlib.systems.emobed.shared_space import by_network, planes_of_one_fold, read_spaces, scored
from avlib.systems.emobed.shared_space_plots import moment_planes
from avlib.systems.emobed.tables import SHARED_FILE
from avlib.systems.emobed.traces import CLASSIC, DIMENSIONS, EMOBED, SYSTEMS
from avlib.systems.emobed.traces.scenarios import HELPED, MODALITY

_COLUMNS = ("in one space", "networks of", "dimension", "mixing", "high or low across (%)",
            "by chance (%)", "moments")  # fmt: skip


def moment_spaces(folder: Path, subjects: Mapping[str, str]) -> tuple[list[Table], list[Picture]]:
    """Tell how sound and faces lie in one space, by system; nothing where none was kept.

    Parameters
    ----------
    folder
        Of all models.
    subjects
        By clip_id; a recording of nobody known stands for itself.
    """
    rows, pictures = [], []
    for faces in sorted({name for name in MODALITY if MODALITY[name] == "video"}):
        by_dimension = {}
        for dimension in DIMENSIONS:
            drawn = {}
            for (system, networks), points in _spaces(folder, faces, dimension).items():
                points["subject"] = [subjects.get(clip, clip) for clip in points["clip_id"]]
                value = points[dimension]
                points["high"] = (value > 0).astype(object).mask(value.isna())
                found = [*scored(points, "high"), f"{len(points):,}"]
                rows.append([system, networks, dimension, *found])
                if system in (CLASSIC, EMOBED):
                    drawn[f"{system}, {networks}"] = points
            if planes := planes_of_one_fold(drawn, dimension):
                by_dimension[dimension] = planes
        if by_dimension:
            said = "; ".join(f"{', '.join(row[:3])}: mixing {row[3]}" for row in rows)
            alt = f"Sound and faces ({faces}) of one fold's moments in one space, by t-SNE. {said}"
            drawn_planes = moment_planes(by_dimension, alt)
            pictures.append(Picture(f"shared_space_{faces}", drawn_planes, alt))
    return ([Table(_COLUMNS, "lllr", rows)] if rows else []), pictures


def _spaces(folder: Path, faces: str, dimension: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the points of each system, and of which networks they are."""
    found = {}
    alone = [_read(folder / f"{CLASSIC}-{features}", dimension) for features in ("audio", faces)]
    for own in by_network(pd.concat(alone)).values():
        found[CLASSIC, f"audio and {faces}"] = own
    for system in SYSTEMS:
        for scenario in (s for s in HELPED if faces in s.split("+")):
            for own in by_network(_read(folder / f"{system}-{scenario}", dimension)).values():
                found[system, scenario] = own
    return found


def _read(folder: Path, dimension: str) -> pd.DataFrame:
    """Read a model's points, of the dimension's own network where it has one."""
    own = read_spaces(folder, f"{dimension}/{SHARED_FILE}")
    return read_spaces(folder) if own.empty else own
