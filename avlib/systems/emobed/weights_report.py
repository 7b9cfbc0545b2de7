"""Which alpha and beta were tried, and how they did on validation clips (EmoBed, figs. 5 to 7)."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from avlib.report.chart import MARKS
from avlib.report.figure import LINES, Axis, Entry, Panel, figure
from avlib.report.looks import COLOURS
from avlib.report.page import Picture
from avlib.runtime import paths

# By the beginning of what a curve calls it: what the paper draws.
_MEASURES = {"validation_ccc_": "CCC, ", "validation_accuracy": "accuracy"}


def read_tried(folder: Path, file: str) -> pd.DataFrame:
    """Return what was tried in every fold of a model: `tried` of `best_weights`, and the fold.

    Parameters
    ----------
    folder
        With a folder ``fold-<k>`` for each fold.
    file
        Name in there; where no fold has it, as there was nothing to choose from, there are no rows.
    """
    files = sorted(folder.glob(f"fold-*/{file}"))
    tables = [
        pd.read_csv(f).assign(fold=paths.fold_number(folder / f.relative_to(folder).parts[0]))
        for f in files
    ]
    return pd.concat(tables) if tables else pd.DataFrame()


def tried_pictures(name: str, title: str, tried: Mapping[str, pd.DataFrame]) -> list[Picture]:
    """Draw the validation scores of all weights that were tried; no picture where none were.

    Parameters
    ----------
    name
        Of the picture.
    title
        Above it: the system.
    tried
        By target modality: of `read_tried`.
    """
    drawn = [
        (target, table, column)
        for target, table in tried.items()
        for column in table.columns
        if column.startswith(tuple(_MEASURES))
    ]
    if not drawn:
        return []
    said, panels = [], []
    legend: dict[str, Entry] = {}
    for target, table, column in drawn:
        measure = f"{_named(column)} from {target}"
        panel, named = _panel(table, column, measure)
        panels.append(panel)
        legend |= named
        said.append(f"{measure} {_highest(table, column)}")
    alt = f"Validation scores of {title} by its weights, means over folds: {'; '.join(said)}"
    above, entries = f"{title}: weights tried", list(legend.values())
    svg = figure(panels, alt, columns=min(2, len(panels)), title=above, legend=entries)
    return [Picture(name, svg, alt)]


def _panel(table: pd.DataFrame, column: str, title: str) -> tuple[Panel, dict[str, Entry]]:
    """Draw a curve for each value of one weight over the other; return what the legend says."""
    across, lines = ("beta", "alpha") if table["beta"].nunique() > 1 else ("alpha", "beta")
    scores = table.groupby([lines, across])[column].agg(["mean", "std"]).fillna({"std": 0.0})
    values = sorted(table[across].unique())
    places = {value: place for place, value in enumerate(values)}
    ends = pd.concat([scores["mean"] - scores["std"], scores["mean"] + scores["std"]]).dropna()
    low, high = (ends.min(), ends.max()) if len(ends) else (0.0, 1.0)
    room = 0.08 * float(high - low) or 0.1
    x = Axis(-0.5, len(values) - 0.5, across, range(len(values)), [f"{v:g}" for v in values])
    panel, legend = Panel(x, Axis(float(low) - room, float(high) + room), title=title), {}
    for number, (value, of_line) in enumerate(scores.groupby(level=lines)):
        # Lines apart, so that whiskers do not hide each other.
        at = [places[x] + 0.06 * number for x in of_line.index.get_level_values(across)]
        colour, mark = f"g{number % COLOURS}", MARKS[number % len(MARKS)]
        kind = f"{LINES[number % len(LINES)]} {colour}".strip()
        panel.line(at, of_line["mean"], kind)
        panel.marks(at, of_line["mean"], mark, f"mark {colour}", 0.75)
        for place, mean, spread in zip(at, of_line["mean"], of_line["std"], strict=True):
            panel.whisker(place, mean - spread, mean + spread)
        words = f"{lines} {value:g}"
        legend[words] = Entry(words, f"line {kind}", mark)
    return panel, legend


def _highest(table: pd.DataFrame, column: str) -> str:
    """Say which weights score highest, as the mean over folds."""
    scores = table.groupby(["alpha", "beta"])[column].mean().reset_index()
    best = scores.sort_values(column, ascending=False, kind="stable").iloc[0]
    return f"highest, {best[column]:.3f}, with alpha {best['alpha']:g} and beta {best['beta']:g}"


def _named(column: str) -> str:
    begin, words = next(item for item in _MEASURES.items() if column.startswith(item[0]))
    return words + column.removeprefix(begin)
