"""The short table of continuous emotion, which experiments and sweeps are compared by."""

import json
from collections.abc import Mapping
from typing import Any

from avlib.report.selection import means_over_folds, without_folds
from avlib.systems.emobed.traces import DIMENSIONS
from avlib.systems.emobed.traces.system import TracesSystem

MEASURES = tuple(f"ccc_{dimension}" for dimension in DIMENSIONS)
_HELD_OUT = "held_out_"


def trace_summary(systems: Mapping[str, Any]) -> dict[str, Any]:
    """Return each model's scores where its epoch was chosen, and where it was tested.

    Parameters
    ----------
    systems
        Of `avlib.systems.emobed.traces.scores.trace_scores`.

    Returns
    -------
    dict
        By model, such as "emobed-audio": ``chosen_by``; ``validation`` and ``test``: CCC of the
        recordings of a fold joined, after post-processing, mean and deviation (``_std``) over
        folds, and ``clips``, how many recordings. The validation part has also chosen the
        post-processing, which flatters it.
    """
    found: dict[str, Any] = {}
    for system, by_modality in systems.items():
        for modality, scores in by_modality.items():
            after = {f"ccc_{d}": scores[d]["after"] for d in DIMENSIONS}
            test: dict[str, Any] = {"clips": after[MEASURES[0]]["pooled"]["recordings_total"]}
            for name, of_dimension in after.items():
                test[name] = of_dimension["ccc_concatenated"]
                test[f"{name}_std"] = of_dimension["ccc_concatenated_std"]
            model = f"{system}-{modality}"
            found[model] = {"chosen_by": "loss on the validation part", "test": test}
            if by_fold := held_out(model):  # predictions may lie there without their models
                validation = without_folds(means_over_folds(by_fold, MEASURES))
                found[model]["validation"] = validation
    return found


def held_out(model: str) -> list[dict[str, Any]]:
    """Read what a model scored on the validation recordings of each fold."""
    files = sorted((TracesSystem.folders["model"] / model).glob("fold-*/settings.json"))
    chosen = [json.loads(file.read_text())["chosen"] for file in files]
    return [
        {
            "clips": of_fold[f"{_HELD_OUT}recordings"],
            **{name: of_fold[f"{_HELD_OUT}{name}"] for name in MEASURES},
        }
        for of_fold in chosen
    ]
