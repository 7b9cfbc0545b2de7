"""A score over a parameter, from experiments alike in all else (MERML fig. 3, EmoBed figs. 5 to 7).

To choose a setting by its test score is to select on the test set: of the test scores only that of
the setting which validation chose is shown. Whoever asks for the test part itself, as papers draw
it, gets a curve on which nothing is chosen.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from avlib.report.experiments import PARAMS, SELECTION, Experiment, alike
from avlib.report.formats import percent
from avlib.report.normalisation import named
from avlib.report.plots import look, one_panel
from avlib.report.scores import DEFAULT
from avlib.runtime.errors import DataError

# Measures by name, and how an axis is called; a share is shown in percent.
TITLES = {
    "accuracy": "accuracy (%)",
    "uar": "UAR (%)",
    "f1_macro": "macro-F1 (%)",
    "ccc_arousal": "CCC of arousal",
    "ccc_valence": "CCC of valence",
}


@dataclass(frozen=True)
class Asked:
    """Which score of a model is looked at.

    Attributes
    ----------
    measure : str
        "accuracy", "uar" or "f1_macro"; of models over time "ccc_arousal" or "ccc_valence". "" is
        the first of these that the model has.
    condition : str
        "default", or the one modality that a model of two is tested with.
    part : {"validation", "test"}
    """

    measure: str = ""
    condition: str = DEFAULT
    part: Literal["validation", "test"] = "validation"

    def of(self, scores: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a part's scores under the condition; none where there are none."""
        if self.condition == DEFAULT:
            return scores
        return scores.get("conditions", {}).get(self.condition, {})

    def known(self, scores: Mapping[str, Any]) -> list[str]:
        """Return the measures of a part's scores under the condition."""
        return [measure for measure in TITLES if measure in self.of(scores)]


WHOLE = Asked()  # with all modalities, where the system chose


def collect(
    shown: Sequence[Mapping[str, Any]], names: Sequence[str], model: str, asked: Asked = WHOLE
) -> pd.DataFrame:
    """Collect a model's score from the experiments that vary the named parameters alone.

    Parameters
    ----------
    shown
        What ``dvc exp show --json`` prints.
    names
        One or two parameters, such as "merml.dim".
    model
        Whose score.
    asked
        Which.

    Returns
    -------
    DataFrame
        experiment (the commit's is named by its branch), one column per parameter; validation, its
        validation_std over folds and validation_clips: where the system chose (see
        `avlib.report.selection`); test: the test score of the row whose validation is highest, NaN
        in all others; measure; speakers (the model's normalisation). Where the test part is asked
        for, test, test_std and test_clips instead, of all rows. Sorted by the parameters; of equal
        ones the first is chosen. Of two experiments with the same values the later one counts.

    Raises
    ------
    DataError
        A parameter, the model, the measure or the condition is unknown, the model held nothing out
        to choose by, fewer than two values of the first parameter are left, or the model's speakers
        are normalised in some of the experiments and in others otherwise.
    """
    table = selected(alike(shown, names), names, model, asked)
    if table[names[0]].nunique() < 2:
        raise DataError(
            f"of the experiments on this commit that differ from {PARAMS} in nothing but "
            f"{' and '.join(names)}, {len(table)} finished, not enough for a curve: queue more "
            f"(dvc exp run --queue -S '{names[0]}=...') and run them (dvc exp run --run-all)"
        )
    return table


def selected(
    experiments: Sequence[Experiment], names: Sequence[str], model: str, asked: Asked = WHOLE
) -> pd.DataFrame:
    """Lay out a model's validation scores in experiments, and the test score that these choose.

    Parameters
    ----------
    experiments
        In the order of time.
    names, model, asked
        As of `collect`, as are what is returned and what is raised.
    """
    of_model = [e for e in experiments if model in e.scores]
    if not of_model:
        known = ", ".join(sorted({m for e in experiments for m in e.scores})) or "none"
        raise DataError(f"no experiment scored {model}; scored are {known}")
    judged = [e for e in of_model if asked.part in e.scores[model]]
    if not judged:
        raise DataError(
            f"{model} has no validation score to compare settings by ({SELECTION}: chosen by"
            f" {of_model[-1].scores[model]['chosen_by']}); set its patience, so that its epoch is"
            " chosen on validation subjects, and run the experiments again"
        )
    measure = _measure(judged[-1].scores[model][asked.part], model, asked)
    rows = []
    for e in judged:
        scores, test = (asked.of(e.scores[model].get(part, {})) for part in (asked.part, "test"))
        if measure in scores:
            rows.append(
                {
                    "experiment": e.name,
                    **{name: _place(value) for name, value in e.point.items()},
                    asked.part: scores[measure],
                    f"{asked.part}_std": scores[f"{measure}_std"],
                    f"{asked.part}_clips": scores["clips"],
                    **({} if asked.part == "test" else {"test": test.get(measure)}),
                    "measure": measure,
                    "speakers": e.speakers[model],
                }
            )
    table = pd.DataFrame(rows).drop_duplicates(list(names), keep="last")
    if table["speakers"].nunique() > 1:
        raise DataError(
            f"speaker normalisation of {model} differs between the experiments"
            f" ({', '.join(sorted(table['speakers'].unique()))}), and such scores are not compared:"
            f" draw over another parameter than {' and '.join(names)}"
        )
    table = table.sort_values(list(reversed(names)), ignore_index=True)
    if asked.part == "test":
        return table
    return table.assign(test=table["test"].where(table.index == table["validation"].idxmax()))


def _measure(scores: Mapping[str, Any], model: str, asked: Asked) -> str:
    """Return the measure that is asked for, or the first that there is."""
    known = asked.known(scores)
    if not known:
        there = ", ".join([DEFAULT, *scores.get("conditions", {})])
        raise DataError(
            f"{model} has no {asked.part} scores under condition {asked.condition}; expected one of"
            f" {there}"
        )
    if asked.measure and asked.measure not in known:
        raise DataError(
            f"{model} has no {asked.part} score {asked.measure}; expected one of {', '.join(known)}"
        )
    return asked.measure or known[0]


def chosen_line(table: pd.DataFrame, names: Sequence[str]) -> str:
    """Say which setting validation chose, and what it scored there and on the test part."""
    if "validation" not in table:
        return "scores of test clips: no setting may be chosen by them"
    row = table.iloc[int(table["validation"].astype(float).argmax())]
    setting = ", ".join(f"{name}={row[name]}" for name in names)
    title, value = TITLES[row["measure"]].partition(" (%)")[0], _written(row["measure"])
    on_test = "no test clip has labels"
    if pd.notna(row["test"]):
        on_test = f"{value(row['test'])} on test clips"
    return (
        f"chosen by validation: {setting}; {title} {value(row['validation'])} on validation,"
        f" {on_test}"
    )


def _written(measure: str) -> Callable[[float], str]:
    """Return how a measure is written."""
    in_percent = TITLES[measure].endswith("(%)")
    return lambda value: f"{percent(value)} %" if in_percent else f"{value:.3f}"


def draw(table: pd.DataFrame, names: Sequence[str], model: str) -> bytes:
    """Draw a score over the first parameter, one line for each value of the second.

    Parameters
    ----------
    table
        From `collect`.
    names, model
        As given to `collect`.

    Returns
    -------
    bytes
        PNG; whiskers are standard deviations over folds, a star is the test score of the setting
        that validation chose.
    """
    part = "validation" if "validation" in table else "test"
    title = TITLES[table["measure"].iloc[0]]
    unit = 100 if title.endswith("(%)") else 1
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
                unit * rows[part].astype(float),
                unit * rows[f"{part}_std"].astype(float).fillna(0),
                **look(i),
                capsize=3,
                label=part + (f", {names[1]} = {value}" if len(names) > 1 else ""),
            )
        if part == "validation":
            axes.plot(
                table["place"],
                unit * table["test"].astype(float),
                "k*",
                markersize=11,
                label="test, of what validation chose",
                zorder=3,
            )
        axes.set_xticks([*ticks], [*ticks.values()])
        axes.grid(visible=True)
        axes.set(xlabel=names[0], ylabel=f"{title}, mean and std over folds")
        above = f"{named(model, table['speakers'].iloc[0])}, {chosen_line(table, names)}"
        axes.set_title(textwrap.fill(above, 88), fontsize=8, fontweight="normal")
        axes.legend()
    return png.getvalue()


def _place(value: Any) -> Any:
    """Return a parameter's value as a place on an axis: of candidates their list, as text."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value
