"""The short table of continuous emotion, which experiments and sweeps are compared by."""

from collections.abc import Mapping
from typing import Any

from avlib.systems.emobed.traces import BASELINE, DIMENSIONS


def trace_summary(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Return each model's scores where its epoch was chosen, and where it was tested.

    Parameters
    ----------
    scores
        Of `avlib.systems.emobed.traces.scores.trace_scores`.

    Returns
    -------
    dict
        By model, such as "emobed-audio+geometry": ``chosen_by``; ``validation`` and, where test
        recordings have labels, ``test``: CCC of the recordings of a fold joined, after
        post-processing, mean and deviation (``_std``) over folds, and ``clips``, how many
        recordings. The validation part has also chosen the post-processing, which flatters it.
    """
    found: dict[str, Any] = {}
    parts = {"test": scores["systems"]} if scores["part"] == "test" else {}
    for part, systems in (parts | {"validation": scores["validation"]}).items():
        for system, by_scenario in systems.items():
            for scenario, by_dimension in by_scenario.items():
                chosen_by = "CCC" if system == BASELINE else "loss"
                of_model = found.setdefault(
                    f"{system}-{scenario}", {"chosen_by": f"{chosen_by} on the validation part"}
                )
                of_model[part] = _short({d: by_dimension[d]["after"] for d in DIMENSIONS})
    return found


def _short(after: Mapping[str, Any]) -> dict[str, Any]:
    short: dict[str, Any] = {"clips": after[DIMENSIONS[0]]["pooled"]["recordings_total"]}
    for dimension, scores in after.items():
        short[f"ccc_{dimension}"] = scores["ccc_concatenated"]
        short[f"ccc_{dimension}_std"] = scores["ccc_concatenated_std"]
    return short
