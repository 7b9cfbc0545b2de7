"""What the other modality's help gains over time: each enhanced system against the classic one."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from avlib.report.paired import ccc_of, ccc_sums, paired_gain
from avlib.report.significance import holm
from avlib.report.significance_regression import fisher_r_to_z
from avlib.systems.emobed.traces import CLASSIC, DIMENSIONS, SYSTEMS
from avlib.systems.emobed.traces.partition import partition
from avlib.systems.emobed.traces.scenarios import target_of

_KEY = ["seed", "fold", "clip_id", "frame"]


def gains(joined: pd.DataFrame, subjects: Mapping[str, str]) -> dict[str, Any]:
    """Compare every enhanced system with the classic one, after post-processing.

    Parameters
    ----------
    joined
        Of `avlib.systems.emobed.traces.scores.with_labels`.
    subjects
        By clip_id; a recording of nobody known stands for itself.

    Returns
    -------
    dict
        By system, scenario and dimension: `gain`, and ``p_holm``, its p after Holm's correction
        over all of them.
    """
    found: dict[str, Any] = {}
    alone = dict(list(joined[joined["model"] == CLASSIC].groupby("scenario")))
    for system in SYSTEMS:
        helped = joined[joined["model"] == system].groupby("scenario")
        for scenario, rows in helped if system != CLASSIC else ():
            if (classic := alone.get(target_of(str(scenario)))) is not None:
                pair = _same_frames(rows, classic)
                of_system = {d: gain(*pair, d, subjects) for d in DIMENSIONS}
                found.setdefault(system, {})[str(scenario)] = of_system
    tested = [of for of in each_gain(found) if of["p"] is not None]
    for one, p in zip(tested, holm([of["p"] for of in tested]), strict=True):
        one["p_holm"] = p
    return found


def gain(
    enhanced: pd.DataFrame, classic: pd.DataFrame, dimension: str, subjects: Mapping[str, str]
) -> dict[str, Any]:
    """Compare two systems on the same frames, the recordings of all folds joined.

    Of several seeds the first of the one stands against the first of the other, and so on: scores
    and gain are means over them, and a subject is resampled or exchanged in all of them at once.

    Parameters
    ----------
    enhanced, classic
        Rows of `joined` for the same frames in the same order.
    dimension, subjects
        As in `gains`.

    Returns
    -------
    dict
        ``classic`` and ``enhanced``, their CCC; ``gain``, ``interval``, ``p`` and ``clusters`` of
        `paired_gain`, over subjects; ``p_holm``, still None. ``paper``: Fisher's r-to-z (section
        4.3), which takes the systems for tested on different data, with each reading of what its n
        is, ``by_frames``, 40 ms apart, so that p is much too small, and ``by_recordings``.
    """
    whose = classic["clip_id"].map(lambda clip: subjects.get(clip, clip))
    cluster, names = pd.factorize(whose, sort=True)
    truth = classic[f"{dimension}_label"].to_numpy(float)
    seeds = classic.groupby("seed").indices.values()
    sums = [
        np.stack([ccc_sums(truth[at], said[at], cluster[at], len(names)) for at in seeds], axis=1)
        for said in (rows[dimension].to_numpy(float) for rows in (enhanced, classic))
    ]
    labelled = np.bincount(cluster, np.isfinite(truth), len(names)) > 0
    test = paired_gain(sums[0][labelled], sums[1][labelled], _mean_ccc)
    of = {
        "enhanced": partition(enhanced, dimension, dimension),
        "classic": partition(classic, dimension, dimension),
    }
    ccc = {name: scores["ccc_concatenated"] for name, scores in of.items()}
    paper = {}
    for name in ("frames", "recordings_total"):
        n = of["classic"][name]  # the same of both
        z = fisher_r_to_z(ccc["enhanced"], n, ccc["classic"], n)
        paper[f"by_{name.removesuffix('_total')}"] = z and z._asdict()
    return {
        **ccc,
        **test._asdict(),
        "interval": test.interval and list(test.interval),
        "p_holm": None,
        "paper": paper,
    }


def _mean_ccc(sums: np.ndarray) -> np.ndarray:
    """Return the mean CCC of the seeds, of sums of shape (..., n_seeds, 6)."""
    return ccc_of(sums).mean(axis=-1)


def each_gain(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the comparisons of `gains`."""
    return [
        of_dimension
        for by_scenario in found.values()
        for by_dimension in by_scenario.values()
        for of_dimension in by_dimension.values()
    ]


def _same_frames(a: pd.DataFrame, b: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of the frames that both systems predicted, in one order."""
    a, b = (rows.set_index(_KEY, drop=False) for rows in (a, b))
    both = a.index.intersection(b.index).sort_values()
    return a.loc[both].reset_index(drop=True), b.loc[both].reset_index(drop=True)
