"""Test clips of both modalities in one plane, and how they mix there (EmoBed, figs. 3 and 4)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from avlib.report.embeddings import DRAWN_FROM, tsne
from avlib.report.formats import DASH, percent_over_folds
from avlib.report.page import Picture, Table
from avlib.report.report_data import ReportData
from avlib.report.scores import mean_and_std
from avlib.runtime import paths, tables
from avlib.systems.emobed.mixing import emotions_across, mixing
from avlib.systems.emobed.shared_space_plots import Plane, clip_planes
from avlib.systems.emobed.tables import SHARED_FILE
from avlib.systems.emobed.traces import CLASSIC, EMOBED, SYSTEMS

DRAWN = 600  # points of a plane, at most; more hide each other
_COLUMNS = ("in one space", "networks", "mixing", "emotion across (%)", "by chance (%)", "points")


def clip_spaces(data: ReportData) -> tuple[list[Table], list[Picture]]:
    """Tell how sound and faces lie in one space, by system; nothing where none was kept."""
    of_clip = data.clips.set_index("clip_id")
    rows, drawn = [], {}
    for system in SYSTEMS:
        for target, points in by_network(read_spaces(paths.MODELS / system)).items():
            known = of_clip.loc[points["clip_id"]]
            points["emotion"] = known["emotion"].to_numpy(str)
            points["subject"] = known["subject"].to_numpy(str)
            networks = f"for {target}" if target else "each its own"
            rows.append([system, networks, *scored(points, "emotion"), f"{len(points):,}"])
            if system in (CLASSIC, EMOBED):
                drawn[f"{system}, {networks}"] = points
    if not rows:
        return [], []
    planes = planes_of_one_fold(drawn, "emotion")
    said = "; ".join(f"{row[0]}, {row[1]}: mixing {row[2]}" for row in rows)
    alt = f"Sound and faces of one fold's test clips in one space, by t-SNE. {said}"
    pictures = [Picture("shared_space", clip_planes(planes, alt), alt)] if planes else []
    return [Table(_COLUMNS, "llr", rows)], pictures


def read_spaces(folder: Path, file: str = SHARED_FILE) -> pd.DataFrame:
    """Return the points of every fold of a model, with columns ``fold`` and ``values``.

    Parameters
    ----------
    folder
        With a folder ``fold-<k>`` for each fold.
    file
        Name in there; where no fold has it, there are no rows.
    """
    files = sorted(folder.glob(f"fold-*/{file}"))
    found = []
    for path in files:
        rows = tables.read_table(path)
        fold = paths.fold_number(folder / path.relative_to(folder).parts[0])
        values = list(tables.vectors(rows.pop("embedding")))
        found.append(rows.assign(fold=fold, values=values))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def by_network(points: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Divide points by the target of the network that embeds them; leave out what is of one kind.

    Where each modality has its own network alone, as in the classic system, all stand together,
    under "": that these spaces have nothing to do with each other is what the paper shows of them.
    """
    if points.empty:
        return {}
    if (points["target"] == points["modality"]).all():
        groups = {"": points}
    else:
        groups = {str(target): of.copy() for target, of in points.groupby("target")}
    return {name: of for name, of in groups.items() if of["modality"].nunique() > 1}


def scored(points: pd.DataFrame, label: str) -> list[str]:
    """Return mixing, what neighbours across share of a label, and by chance; means over folds.

    Parameters
    ----------
    points
        Columns fold, values, modality and subject, and the label's.
    label
        Name of its column; a point of which it is not known counts in mixing alone.
    """
    mixed, shared, chance = [], [], []
    for _, of in points.groupby("fold"):
        values = np.stack(of["values"].to_list())
        modality, subject = (of[name].to_numpy(str) for name in ("modality", "subject"))
        mixed.append(mixing(values, modality, subject))
        known = of[label].notna().to_numpy()
        labels = of[label].to_numpy()[known]
        share, by_chance = emotions_across(values[known], modality[known], labels, subject[known])
        shared.append(share)
        chance.append(by_chance)
    mean, std = mean_and_std(mixed)
    spread = "" if np.isnan(std) else f" ± {std:.2f}"
    text = DASH if np.isnan(mean) else f"{mean:.2f}{spread}"
    return [text, percent_over_folds(shared), percent_over_folds(chance)]


def planes_of_one_fold(drawn: Mapping[str, pd.DataFrame], label: str) -> list[Plane]:
    """Lay out the first fold of which all have enough points; none where there is no such fold."""
    folds = [set(points["fold"]) for points in drawn.values()]
    for fold in sorted(set.intersection(*folds)) if folds else ():
        of_fold = {title: of[of["fold"] == fold] for title, of in drawn.items()}
        if min(map(len, of_fold.values())) >= DRAWN_FROM:
            return [plane(title, points, label) for title, points in of_fold.items()]
    return []


def plane(title: str, points: pd.DataFrame, label: str) -> Plane:
    """Lay points of one fold out in a plane."""
    points = points.iloc[:: -(-len(points) // DRAWN)]
    places = tsne(np.stack(points["values"].to_list()))
    return Plane(title, places, points["modality"].to_numpy(str), points[label].to_numpy())
