"""Validation accuracy over a parameter, from experiments alike in all else (MERML fig. 3).

To choose a setting by its test score is to select on the test set: of the test scores only that of
the setting which validation chose is shown.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from avlib.report.experiments import PARAMS, SELECTION, Experiment, alike
from avlib.report.formats import percent
from avlib.report.normalisation import named
from avlib.report.plots import look, one_panel
from avlib.runtime.errors import DataError


def collect(shown: Sequence[Mapping[str, Any]], names: Sequence[str], model: str) -> pd.DataFrame:
    """Collect a model's accuracy from the experiments that vary the named parameters alone.

    Parameters
    ----------
    shown
        What ``dvc exp show --json`` prints.
    names
        One or two parameters, such as "merml.dim".
    model
        Whose accuracy.

    Returns
    -------
    DataFrame
        experiment (the commit's is named by its branch), one column per parameter; validation, its
        validation_std over folds and validation_clips: where the system chose (see
        `avlib.report.selection`); test: test accuracy of the row whose validation is highest, NaN
        in all others; speakers (the model's normalisation). Sorted by the parameters; of equal
        ones the first is chosen. Of two experiments with the same values the later one counts.

    Raises
    ------
    DataError
        A parameter or the model is unknown, the model held nothing out to choose by, fewer than two
        values of the first parameter are left, or the model's speakers are normalised in some of
        the experiments and in others otherwise.
    """
    table = selected(alike(shown, names), names, model)
    if table[names[0]].nunique() < 2:
        raise DataError(
            f"of the experiments on this commit that differ from {PARAMS} in nothing but "
            f"{' and '.join(names)}, {len(table)} finished, not enough for a curve: queue more "
            f"(dvc exp run --queue -S '{names[0]}=...') and run them (dvc exp run --run-all)"
        )
    return table


def selected(experiments: Sequence[Experiment], names: Sequence[str], model: str) -> pd.DataFrame:
    """Lay out a model's validation scores in experiments, and the test score that these choose.

    Parameters
    ----------
    experiments
        In the order of time.
    names, model
        As of `collect`, as are what is returned and what is raised.
    """
    of_model = [e for e in experiments if model in e.scores]
    if not of_model:
        known = ", ".join(sorted({m for e in experiments for m in e.scores})) or "none"
        raise DataError(f"no experiment scored {model} in {SELECTION}; scored are {known}")
    judged = [e for e in of_model if "validation" in e.scores[model]]
    if not judged:
        raise DataError(
            f"{model} has no validation score to compare settings by ({SELECTION}: chosen by"
            f" {of_model[-1].scores[model]['chosen_by']}); set its patience, so that its epoch is"
            " chosen on validation subjects, and run the experiments again"
        )
    rows = [
        {
            "experiment": e.name,
            **{name: _place(value) for name, value in e.point.items()},
            "validation": e.scores[model]["validation"]["accuracy"],
            "validation_std": e.scores[model]["validation"]["accuracy_std"],
            "validation_clips": e.scores[model]["validation"]["clips"],
            "test": e.scores[model]["test"]["accuracy"],
            "speakers": e.speakers[model],
        }
        for e in judged
    ]
    table = pd.DataFrame(rows).drop_duplicates(list(names), keep="last")
    if table["speakers"].nunique() > 1:
        raise DataError(
            f"speaker normalisation of {model} differs between the experiments"
            f" ({', '.join(sorted(table['speakers'].unique()))}), and such scores are not compared:"
            f" draw over another parameter than {' and '.join(names)}"
        )
    table = table.sort_values(list(reversed(names)), ignore_index=True)
    return table.assign(test=table["test"].where(table.index == table["validation"].idxmax()))


def chosen_line(table: pd.DataFrame, names: Sequence[str]) -> str:
    """Say which setting validation chose, and what it scored there and on the test part."""
    row = table[table["test"].notna()].iloc[0]
    setting = ", ".join(f"{name}={row[name]}" for name in names)
    return (
        f"chosen by validation: {setting}; accuracy {percent(row['validation'])} % on validation,"
        f" {percent(row['test'])} % on test clips"
    )


def draw(table: pd.DataFrame, names: Sequence[str], model: str) -> bytes:
    """Draw validation accuracy over the first parameter, one line for each value of the second.

    Parameters
    ----------
    table
        From `collect`.
    names, model
        As given to `collect`.

    Returns
    -------
    bytes
        PNG; whiskers are standard deviations over folds, a star is the test accuracy of the setting
        that validation chose.
    """
    first = table[names[0]]
    numbers = pd.api.types.is_numeric_dtype(first) and not pd.api.types.is_bool_dtype(first)
    table = table.assign(place=first.astype(float) if numbers else pd.factorize(first)[0])
    ticks = dict(zip(table["place"], first.map(str), strict=True))
    groups: list[tuple[Any, pd.DataFrame]] = [(None, table)]
    if len(names) > 1:
        groups = list(table.groupby(names[1], sort=False))
    step = (max(ticks) - min(ticks)) / 150 if numbers else 0.02  # so that whiskers stand apart
    with one_panel(6, 3.4) as (axes, png):
        for i, (value, rows) in enumerate(groups):
            axes.errorbar(
                rows["place"] + (i - (len(groups) - 1) / 2) * step,
                100 * rows["validation"].astype(float),
                100 * rows["validation_std"].astype(float).fillna(0),
                **look(i),
                capsize=3,
                label="validation" + (f", {names[1]} = {value}" if len(names) > 1 else ""),
            )
        axes.plot(
            table["place"],
            100 * table["test"].astype(float),
            "k*",
            markersize=11,
            label="test, of what validation chose",
            zorder=3,
        )
        axes.set_xticks([*ticks], [*ticks.values()])
        axes.grid(visible=True)
        axes.set(xlabel=names[0], ylabel="accuracy (%), mean and std over folds")
        title = f"{named(model, table['speakers'].iloc[0])}, {chosen_line(table, names)}"
        axes.set_title(textwrap.fill(title, 88), fontsize=8, fontweight="normal")
        axes.legend()
    return png.getvalue()


def _place(value: Any) -> Any:
    """Return a parameter's value as a place on an axis: of candidates their list, as text."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value
