"""Pictures of scores and modalities: what stands in their SVG."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from avlib.report import modality_plots, score_plots
from avlib.report.agreement import CATEGORIES
from avlib.report.looks import Look

EMOTIONS = ["anger", "calm", "fear"]


def agreement(scale=1.0):
    columns = pd.MultiIndex.from_product([("clips", "right"), CATEGORIES])
    rows = [[4, 3, 2, 1, 4 * scale, 0, 2, 1], [1, 0, 0, 0, 0, 0, 0, 0]]
    return pd.DataFrame(rows, index=["all", "fear"], columns=columns)


def draw(name, scale=1.0):
    if name == "confusion":
        counts = np.array([[3, 1, 0], [0, 0, 0], [1, 1, 2 * scale]], int)
        return score_plots.confusion(counts, EMOTIONS, "m")
    if name == "fold_dots":
        return score_plots.fold_dots("merml", [0.5, 0.6 * scale, float("nan")], 1 / 3)
    if name == "scatters":
        plane = np.random.default_rng(0).normal(size=(9, 2)) ** (1 if scale == 1 else 2)
        near = {"raw": 0.4, "audio": 0.5, "joint": float("nan")}
        points = dict.fromkeys(near, plane)
        return modality_plots.scatters(points, np.array(EMOTIONS * 3), "merml", near)
    if name == "agreement_bars":
        return modality_plots.agreement_bars(agreement(scale), "merml", "agreement")
    if name == "modality_bars":
        looks = [Look(colour=number) for number in range(3)]
        values = {"average": 0.6 * scale, "anger": float("nan")}
        models = dict.fromkeys(("audio", "video", "merml"), values)
        return modality_plots.modality_bars(models, looks, "bars")
    if name == "weight_dots":
        return modality_plots.weight_dots([0.4, 0.5 * scale], "weights")
    counts = {"ok": [9, 8], "degraded": [0, int(2 * scale)], "failed": [1, 0]}
    return score_plots.stage_status(pd.DataFrame(counts, index=["faces", "speech"]), "clips")


NAMES = (
    "confusion",
    "fold_dots",
    "stage_status",
    "scatters",
    "agreement_bars",
    "modality_bars",
    "weight_dots",
)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NAMES)
def test_picture_is_the_same_on_every_run_and_well_formed(name):
    svg = draw(name)
    assert draw(name) == svg
    root = ElementTree.fromstring(svg)
    assert root.attrib["aria-label"]
    assert "nan" not in svg


@pytest.mark.parametrize("name", NAMES)
def test_picture_shows_its_values(name):
    assert draw(name) != draw(name, scale=0.5)


def texts(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_cells_of_a_confusion_matrix_hold_percent_of_the_row_and_clips():
    cells = [text for text in texts(draw("confusion")) if text.isdigit()]
    # Nobody was calm: that row stays empty.
    assert cells == ["75", "3", "25", "1", "0", "0", "25", "1", "25", "1", "50", "2"]


def test_parts_of_agreement_are_as_wide_as_their_shares():
    svg = draw("agreement_bars")
    sure, wrong = (
        [
            float(end) - float(start)
            for start, end in re.findall(rf'class="{kind} g0" d="M(\S+) \S+H(\S+)V', svg)
        ]
        for kind in ("bar", "pale")
    )
    whole = 620
    assert sure[0] == pytest.approx(0.4 * whole, abs=0.2)  # 4 of 10 clips, all right
    assert wrong[0] == pytest.approx(whole, abs=0.2)  # the one clip of fear, which is wrong
    assert {"40", "30", "20", "10", "100"} <= set(texts(svg))


def test_model_that_scored_nothing_is_drawn_without_a_dot():
    svg = score_plots.fold_dots("merml", [float("nan")], 0.5)
    assert "<circle" not in svg
    assert "–" in texts(svg)


def test_a_modality_without_a_score_has_a_dash_and_no_bar():
    svg = draw("modality_bars")
    assert texts(svg).count("–") == 3
    assert texts(svg).count("60") >= 3
    assert len(re.findall(r'class="bar g\d" d="M[^"]*z"', svg)) == 3 + 3  # and in the legend
