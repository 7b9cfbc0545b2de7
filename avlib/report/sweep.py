"""Accuracy over a parameter, from experiments that differ in nothing else (MERML fig. 3)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from avlib.report.normalisation import named, normalisation_of
from avlib.report.plots import look, one_panel
from avlib.runtime.errors import DataError

_PARAMS = "params.yaml"
_SUMMARY = "metrics/summary.json"
_SHOWN = ("accuracy", "accuracy_std", "clips")


def collect(shown: Sequence[Mapping[str, Any]], names: Sequence[str], model: str) -> pd.DataFrame:
    """Collect a model's accuracy from the experiments that vary the named parameters alone.

    Parameters
    ----------
    shown
        What ``dvc exp show --json`` prints: the workspace, then a commit with its experiments.
    names
        One or two parameters, such as "merml.dim".
    model
        Whose accuracy.

    Returns
    -------
    DataFrame
        experiment (the commit's is named by its branch), one column per parameter, accuracy,
        accuracy_std, clips, speakers (the model's normalisation); sorted by the parameters. The
        commit counts as one more experiment. Experiments that failed or wait, or that differ from
        the workspace's params.yaml in another parameter, are left out; of two with the same values
        the later one counts.

    Raises
    ------
    DataError
        A parameter or the model is unknown, fewer than two values of the first are left, or the
        model's speakers are normalised in some of the experiments and in others otherwise.
    """
    workspace, commit = shown[:2]
    fixed = by_dotted_key(_of(workspace, "params", _PARAMS))
    unknown = [name for name in names if name not in fixed]
    if unknown:
        raise DataError(f"{_PARAMS} has no {unknown[0]}; expected a name such as merml.dim")
    rows, models = [], set[str]()
    for run in _runs(commit):
        values = by_dotted_key(_of(run, "params", _PARAMS))
        others = {**fixed, **{name: values.get(name) for name in names}}
        for corpus, scores in _of(run, "metrics", _SUMMARY).items():
            models |= set(scores)
            if values == others and model in scores:
                metrics = {key: scores[model][key] for key in _SHOWN}
                metrics["speakers"] = normalisation_of(corpus)
                point = {name: _place(values[name]) for name in names}
                rows.append({"experiment": run["name"] or run["rev"][:7], **point, **metrics})
    if model not in models:
        raise DataError(f"no experiment scored {model}; scored are {', '.join(sorted(models))}")
    table = pd.DataFrame(rows, columns=["experiment", *names, *_SHOWN, "speakers"])
    table = table.drop_duplicates(list(names), keep="last")
    if table["speakers"].nunique() > 1:
        raise DataError(
            f"speaker normalisation of {model} differs between the experiments"
            f" ({', '.join(sorted(table['speakers'].unique()))}), and such scores are not compared:"
            f" draw over another parameter than {' and '.join(names)}"
        )
    if table[names[0]].nunique() < 2:
        raise DataError(
            f"of the experiments on this commit that differ from {_PARAMS} in nothing but "
            f"{' and '.join(names)}, {len(table)} finished, not enough for a curve: queue more "
            f"(dvc exp run --queue -S '{names[0]}=...') and run them (dvc exp run --run-all)"
        )
    return table.sort_values(list(reversed(names)), ignore_index=True)


def draw(table: pd.DataFrame, names: Sequence[str], model: str) -> bytes:
    """Draw accuracy over the first parameter, one line for each value of the second.

    Parameters
    ----------
    table
        From `collect`.
    names, model
        As given to `collect`.

    Returns
    -------
    bytes
        PNG; whiskers are standard deviations over folds.
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
                100 * rows["accuracy"].astype(float),
                100 * rows["accuracy_std"].astype(float).fillna(0),
                **look(i),
                capsize=3,
                label=f"{names[1]} = {value}" if len(names) > 1 else None,
            )
        axes.set_xticks([*ticks], [*ticks.values()])
        axes.grid(visible=True)
        axes.set(xlabel=names[0], ylabel="accuracy (%), mean and std over folds")
        axes.set_title(named(model, table["speakers"].iloc[0]))
        if len(names) > 1:
            axes.legend()
    return png.getvalue()


def _runs(commit: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the commit and its experiments in the order of time, those that finished.

    DVC shows one that failed with the metrics that lay in the workspace when it was queued.
    """
    runs = [commit]
    for experiment in commit.get("experiments") or []:
        if (experiment.get("executor") or {}).get("state", "success") == "success":
            runs += experiment["revs"][:1]
    read = [run for run in runs if run["data"] and not run.get("error")]
    return sorted(read, key=lambda run: str(run["data"].get("timestamp")))


def _place(value: Any) -> Any:
    """Return a parameter's value as a place on an axis: of candidates their list, as text."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _of(run: Mapping[str, Any], kind: str, file: str) -> dict[str, Any]:
    """Return the content of a file of parameters or metrics as a run left it."""
    return ((run["data"].get(kind) or {}).get(file) or {}).get("data") or {}


def by_dotted_key(values: Mapping[str, Any]) -> dict[str, Any]:
    """Name nested values by their path, with dots between."""
    [row] = pd.json_normalize(dict(values)).to_dict("records")
    return {str(name): value for name, value in row.items()}
