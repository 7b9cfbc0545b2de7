"""Training curves of the deep systems: loss and accuracy by epoch, in every fold."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from avlib.report.figure import Axis, Entry, Panel, figure, round_ticks
from avlib.report.formats import DASH
from avlib.report.page import Picture, Section, Table
from avlib.report.words import words_beside
from avlib.runtime.errors import DataError

# What the columns begin with, and its name, colour and line.
_LOOKS = {"train": ("training", "g0"), "validation": ("validation", "dash g3")}
_WORDS = words_beside(__file__)
_LOG_FROM = 20  # times that the largest loss exceeds the smallest
_SHARES = ("accuracy", "uar")  # drawn in percent


def loss_section(curves: Mapping[str, Mapping[int, pd.DataFrame]]) -> Section | None:
    """Show how the training of each system went.

    Parameters
    ----------
    curves
        By model and fold: the content of ``curves.csv``, a row per epoch. Column ``epoch`` counts
        from 0; columns ``train_<what>`` and ``validation_<what>`` are shown (``loss`` first;
        accuracies in [0, 1]), others are not.

    Returns
    -------
    Section or None
        None where nothing was trained by epochs.

    Raises
    ------
    DataError
        A table of curves has no column ``epoch``, or no column to show.
    """
    rows, pictures = [], []
    for model, tables in curves.items():
        by_fold = {fold: table for fold, table in sorted(tables.items()) if len(table)}
        if not by_fold:
            continue
        _check(model, by_fold)
        rows.append([model, *_facts(by_fold)])
        _, _, _, first, last, *_ = rows[-1]
        alt = f"Training curves of {model}: a thin line for each fold, and their mean; training "
        alt += f"loss from {first} to {last}"
        if max(map(len, by_fold.values())) > 1:
            svg = training_curves(by_fold, model, alt)
            pictures.append(Picture(f"curves_{model}", svg, alt, model))
    if not rows:
        return None
    losses = ["first training loss", "last training loss", "least validation loss", "in epoch"]
    table = Table(["", "folds", "epochs", *losses], "lr", rows)
    return Section("Training curves", _WORDS("training_curves"), [table], pictures)


def training_curves(by_fold: Mapping[int, pd.DataFrame], title: str, alt: str) -> str:
    """Draw each fold's curves and their mean, a panel for loss and one for each other quantity.

    Parameters
    ----------
    by_fold
        As in `loss_section`, of one model. Values that are no finite numbers leave a gap. Losses
        are drawn on a logarithmic scale where that shows more.
    title
        Above the panels.
    alt
        What the picture says.
    """
    quantities = _quantities(by_fold)
    panels = [_panel(by_fold, quantity) for quantity in quantities]
    measured = {str(column) for table in by_fold.values() for column in table.columns}
    legend = [
        Entry(name, f"line {kind}")
        for part, (name, kind) in _LOOKS.items()
        if any(column.startswith(f"{part}_") for column in measured)
    ]
    columns = min(3, len(quantities))
    return figure(panels, alt, columns=columns, title=title, legend=legend)


def by_epoch(by_fold: Mapping[int, pd.DataFrame], column: str) -> pd.DataFrame:
    """Put one column of all folds side by side.

    Returns
    -------
    DataFrame
        Epochs from 1 (rows) by fold (columns); NaN where a fold has stopped, does not have the
        column, or holds no finite number.
    """
    values = {
        fold: table.set_index("epoch")[column].astype(float)
        for fold, table in by_fold.items()
        if column in table
    }
    wide = pd.DataFrame(values).sort_index().replace([np.inf, -np.inf], np.nan)
    return wide.set_axis(wide.index + 1)


def mean_curve(wide: pd.DataFrame) -> pd.Series:
    """Average `by_epoch` over the folds, at the epochs where at least half of them have a value.

    Further on, the mean would be that of the few folds that train longest.
    """
    enough = 2 * wide.notna().sum(axis="columns") >= wide.shape[1]
    return wide.mean(axis="columns")[enough]


def _check(model: str, by_fold: Mapping[int, pd.DataFrame]) -> None:
    for fold, table in by_fold.items():
        lacks = "epoch" not in table or not _quantities({fold: table})
        if lacks or table["epoch"].duplicated().any():
            found = f"columns {', '.join(table.columns)}" if lacks else "an epoch twice"
            raise DataError(
                f"model {model}, fold {fold}: curves.csv holds {found}; expected a row an epoch "
                "with epoch, train_loss and the like: train the model again"
            )


def _quantities(by_fold: Mapping[int, pd.DataFrame]) -> list[str]:
    """Name what was measured in any fold, the loss first."""
    columns = (str(c).partition("_") for table in by_fold.values() for c in table.columns)
    found = {quantity for part, _, quantity in columns if part in _LOOKS and quantity}
    return sorted(found, key=lambda quantity: (quantity != "loss", quantity))


def _panel(by_fold: Mapping[int, pd.DataFrame], quantity: str) -> Panel:
    share = quantity.partition("_")[0] in _SHARES  # accuracy_audio is one too
    drawn = {
        kind: by_epoch(by_fold, f"{part}_{quantity}") * (100 if share else 1)
        for part, (_, kind) in _LOOKS.items()
    }
    name = quantity.replace("_", " ")
    values = np.concatenate([wide.to_numpy(float).ravel() for wide in drawn.values()])
    y = Axis(0, 100) if share else _values_axis(values[~np.isnan(values)])
    last = max(2, *(int(table["epoch"].max()) + 1 for table in by_fold.values()))
    x = Axis(1, last, "epoch", round_ticks(1, last, whole=True))
    panel = Panel(x, y, title=f"{name} (%)" if share else name)
    for kind, wide in drawn.items():
        for fold in wide:
            panel.line(wide.index, wide[fold], f"thin {kind}")
        mean = mean_curve(wide)
        panel.line(mean.index, mean, kind)
    return panel


def _values_axis(values: np.ndarray) -> Axis:
    """Return the axis of a loss: from 0, or logarithmic where the largest dwarfs the smallest."""
    if not len(values):
        return Axis(0, 1)
    low, high = float(values.min()), float(values.max())
    if low > 0 and high >= _LOG_FROM * low:
        return Axis(low / 1.1, 1.1 * high, log=True)
    return Axis(min(0.0, 1.05 * low), max(1.05 * high, 0.0) or 1.0)


def _facts(by_fold: Mapping[int, pd.DataFrame]) -> list[str]:
    """Cells of the table about one model."""
    train, validation = (
        by_epoch(by_fold, f"{part}_loss").dropna(axis="columns", how="all") for part in _LOOKS
    )
    return [
        str(len(by_fold)),
        _median([len(table) for table in by_fold.values()], ".0f"),
        _median([train[fold].dropna().iloc[0] for fold in train]),
        _median([train[fold].dropna().iloc[-1] for fold in train]),
        _median([validation[fold].min() for fold in validation]),
        _median([validation[fold].idxmin() for fold in validation], ".0f"),
    ]


def _median(values: Sequence[Any], form: str = ".3g") -> str:
    """Write the median, and the range where there is one; a dash for nothing."""
    if not values:
        return DASH
    median, low, high = (format(f(values), form) for f in (np.median, min, max))
    return median if low == high else f"{median} ({low} to {high})"
