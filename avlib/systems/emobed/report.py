"""The section of the report that tells what EmoBed gains, as in its paper (section 5.2)."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from avlib.report.formats import DASH, p_text, percent
from avlib.report.page import Section, Table
from avlib.report.scores import MODALITIES, scores_with
from avlib.report.significance_regression import proportions_z
from avlib.systems.emobed.traces import SYSTEMS
from avlib.systems.emobed.traces.scores import CLASSIC

_COLUMNS = ("tested with", "system", "clips", "macro-F1 (%)", "z", "p")


def emobed_section(predictions: Mapping[str, pd.DataFrame], folds: pd.DataFrame) -> Section | None:
    """Set the four systems side by side, for audio, video and both, and test their gains.

    Parameters
    ----------
    predictions
        Table ``predictions`` by model, of those that were trained.
    folds
        Table ``folds``.

    Returns
    -------
    Section or None
        None where fewer than two of the systems were trained.
    """
    systems = [system for system in SYSTEMS if system in predictions]
    if len(systems) < 2:
        return None
    text = [
        "Macro-F1, the paper's measure, over the test clips of all folds together: from audio, "
        "from video, and from both, which the paper does not fuse."
    ]
    if CLASSIC in systems:
        text += [
            f"z and p are of the paper's one-tailed test of a gain over {CLASSIC} (section 4.3), "
            "which calls p below 0.05 significant. F1 is no proportion, and the two systems saw "
            "the same clips while the test assumes independent ones: p is the paper's convention, "
            "not a known rate of error, and it is not corrected for the number of gains.",
            "Paired tests on the same clips, of accuracy with all modalities that a system uses, "
            "stand under Paired comparisons; of a pair that is not among them, "
            f"python -m avlib compare {systems[-1]} {CLASSIC} prints them.",
        ]
    rows = []
    for name, modalities in MODALITIES.items():
        scores = {s: scores_with(predictions[s], folds, modalities) for s in systems}
        for system, found in scores.items():
            classic = None if system == CLASSIC else scores.get(CLASSIC)
            if found is not None:
                rows.append([name, system, *_cells(found, classic)])
    return Section("EmoBed, as in its paper", text, [Table(_COLUMNS, "llr", rows)])


def _cells(scores: Mapping[str, Any], classic: Mapping[str, Any] | None) -> list[str]:
    """Write clips, macro-F1, z and p; dashes where there is nothing to compare with."""
    f1, clips = scores["pooled"]["f1_macro"], scores["clips"]
    test = None
    if classic is not None:
        test = proportions_z(f1, clips, classic["pooled"]["f1_macro"], classic["clips"])
    z, p = (f"{test.z:z.2f}", p_text(test.p)) if test else (DASH, DASH)  # z: no -0.00
    return [f"{clips:,}", percent(f1), z, p]
