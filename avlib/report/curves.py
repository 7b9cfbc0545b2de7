"""Training curves of the deep systems: loss and accuracy by epoch, in every fold."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from avlib.report.formats import DASH
from avlib.report.page import Picture, Section, Table
from avlib.report.plots import PALETTE, panels
from avlib.report.words import words_beside
from avlib.runtime.errors import DataError

# What the columns begin with, and its name, colour and line.
_LOOKS = {"train": ("training", PALETTE[0], "-"), "validation": ("validation", PALETTE[3], "--")}
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
            pictures.append(Picture(f"curves_{model}", training_curves(by_fold, model), alt, model))
    if not rows:
        return None
    losses = ["first training loss", "last training loss", "least validation loss", "in epoch"]
    table = Table(["", "folds", "epochs", *losses], "lr", rows)
    return Section("Training curves", _WORDS("training_curves"), [table], pictures)


def training_curves(by_fold: Mapping[int, pd.DataFrame], title: str) -> bytes:
    """Draw each fold's curves and their mean, a panel for loss and one for each other quantity.

    Parameters
    ----------
    by_fold
        As in `loss_section`, of one model. Values that are no finite numbers leave a gap. Losses
        are drawn on a logarithmic scale where that shows more.
    title
        Above the panels.

    Returns
    -------
    bytes
        PNG, the same on every run.
    """
    quantities = _quantities(by_fold)
    columns = min(3, len(quantities))
    with panels(len(quantities), columns, (4.2, 2.9), (0.4, 0.5)) as (figure, places, png):
        for quantity, panel in zip(quantities, places, strict=True):
            _panel(panel, by_fold, quantity)
        figure.suptitle(title, fontsize=10, fontweight="bold")
    return png.getvalue()


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


def _panel(panel: Axes, by_fold: Mapping[int, pd.DataFrame], quantity: str) -> None:
    drawn, share = [], quantity.partition("_")[0] in _SHARES  # accuracy_audio is one too
    for part, (name, colour, line) in _LOOKS.items():
        wide = by_epoch(by_fold, f"{part}_{quantity}") * (100 if share else 1)
        if wide.notna().to_numpy().any():
            drawn.append(wide)
            panel.plot(wide.index, wide, color=colour, linewidth=0.7, alpha=0.35)
            mean = mean_curve(wide)
            panel.plot(mean.index, mean, line, color=colour, linewidth=2, label=name)
    if not drawn:
        return
    values = np.concatenate([wide.to_numpy().ravel() for wide in drawn])
    values = values[~np.isnan(values)]
    if share:
        panel.set_ylim(0, 100)
    elif values.min() > 0 and values.max() >= _LOG_FROM * values.min():
        panel.set_yscale("log")
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        panel.yaxis.set_minor_locator(NullLocator())
    else:
        panel.set_ylim(bottom=min(0.0, 1.05 * float(values.min())))
    name = quantity.replace("_", " ")
    panel.set_title(f"{name} (%)" if share else name)
    panel.set_xlabel("epoch")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    panel.grid(visible=True, axis="y")
    panel.legend(fontsize=8)


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
