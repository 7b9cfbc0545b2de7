"""Which alpha and beta were tried, and how they did on validation clips (EmoBed, figs. 5 to 7)."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from avlib.report.page import Picture
from avlib.report.plots import look, panels
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
    said = []
    with panels(len(drawn), min(2, len(drawn)), (4.2, 2.9), (0.4, 0.5)) as (figure, places, png):
        for (target, table, column), axes in zip(drawn, places, strict=True):
            measure = f"{_named(column)} from {target}"
            said.append(f"{measure} {_draw(axes, table, column)}")
            axes.set_title(measure)
        figure.suptitle(f"{title}: weights tried", fontsize=10, fontweight="bold")
    alt = f"Validation scores of {title} by its weights, means over folds: {'; '.join(said)}"
    return [Picture(name, png.getvalue(), alt)]


def _draw(axes: Axes, table: pd.DataFrame, column: str) -> str:
    """Draw a curve for each value of one weight over the other; return where it is highest."""
    across, lines = ("beta", "alpha") if table["beta"].nunique() > 1 else ("alpha", "beta")
    scores = table.groupby([lines, across])[column].agg(["mean", "std"])
    places = {value: place for place, value in enumerate(sorted(table[across].unique()))}
    for number, (value, of_line) in enumerate(scores.groupby(level=lines)):
        # Lines apart, so that whiskers do not hide each other.
        at = [places[x] + 0.06 * number for x in of_line.index.get_level_values(across)]
        spread = of_line["std"].fillna(0.0)
        axes.errorbar(
            at, of_line["mean"], spread, **look(number), capsize=2, label=f"{lines} {value:g}"
        )
    axes.set_xticks(list(places.values()), [f"{value:g}" for value in places])
    axes.set(xlabel=across)
    axes.grid(visible=True, axis="y")
    axes.legend(fontsize=7)
    best = scores.reset_index().sort_values("mean", ascending=False, kind="stable").iloc[0]
    return f"highest, {best['mean']:.3f}, with alpha {best['alpha']:g} and beta {best['beta']:g}"


def _named(column: str) -> str:
    begin, words = next(item for item in _MEASURES.items() if column.startswith(item[0]))
    return words + column.removeprefix(begin)
