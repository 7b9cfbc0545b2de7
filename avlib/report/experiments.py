"""DVC's experiments that differ in named parameters alone, and what each model scored in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from avlib.report.normalisation import normalisation_of
from avlib.runtime.errors import DataError

PARAMS = "params.yaml"
SELECTION = "metrics/selection.json"
CONTINUOUS = "metrics/continuous.json"  # the same of systems that follow emotion over time


@dataclass(frozen=True)
class Experiment:
    """A finished experiment, or the commit that experiments started from.

    Attributes
    ----------
    name : str
        The commit's is its branch.
    point : dict
        The values of the named parameters.
    scores : dict
        By model: see `avlib.report.selection.selection`; of models over time what stands in
        ``metrics/continuous.json``.
    speakers : dict of str to str
        By model: its speaker normalisation.
    """

    name: str
    point: dict[str, Any]
    scores: dict[str, dict[str, Any]]
    speakers: dict[str, str]


def alike(shown: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Experiment]:
    """Return the experiments that differ from the workspace in the named parameters at most.

    Parameters
    ----------
    shown
        What ``dvc exp show --json`` prints: the workspace, then a commit with its experiments.
    names
        Parameters, such as "merml.dim".

    Returns
    -------
    list of Experiment
        In the order of time. The commit counts as one more experiment; those that failed, wait, or
        have no scores are left out.

    Raises
    ------
    DataError
        A parameter is unknown.
    """
    workspace, commit = shown[:2]
    fixed = by_dotted_key(_of(workspace, "params", PARAMS))
    if unknown := [name for name in names if name not in fixed]:
        raise DataError(f"{PARAMS} has no {unknown[0]}; expected a name such as merml.dim")
    found = []
    for run in _runs(commit):
        values = by_dotted_key(_of(run, "params", PARAMS))
        point = {name: values.get(name) for name in names}
        tables = [
            (corpus, models)
            for file in (SELECTION, CONTINUOUS)
            for corpus, models in _of(run, "metrics", file).items()
        ]
        if values == fixed | point and tables:
            scores = {m: found for _, models in tables for m, found in models.items()}
            speakers = {m: normalisation_of(c) for c, models in tables for m in models}
            found.append(Experiment(run["name"] or run["rev"][:7], point, scores, speakers))
    return found


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


def _of(run: Mapping[str, Any], kind: str, file: str) -> dict[str, Any]:
    """Return the content of a file of parameters or metrics as a run left it."""
    return ((run["data"].get(kind) or {}).get(file) or {}).get("data") or {}


def by_dotted_key(values: Mapping[str, Any]) -> dict[str, Any]:
    """Name nested values by their path, with dots between."""
    [row] = pd.json_normalize(dict(values)).to_dict("records")
    return {str(name): value for name, value in row.items()}
