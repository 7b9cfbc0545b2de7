import io

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from avlib.report import modality_plots, plots
from avlib.report.agreement import CATEGORIES
from avlib.report.looks import Look

EMOTIONS = ["anger", "calm", "fear"]


def draw(name, scale=1.0):
    if name == "confusion":
        return plots.confusion(np.array([[3, 1, 0], [0, 0, 0], [1, 1, 2 * scale]]), EMOTIONS, "m")
    if name == "fold_dots":
        return plots.fold_dots({"merml": [0.5, 0.6 * scale, float("nan")], "avef": [0.4]}, 1 / 3)
    if name == "scatters":
        plane = np.random.default_rng(0).normal(size=(9, 2)) ** (1 if scale == 1 else 2)
        near = {"raw": 0.4, "audio": 0.5, "joint": float("nan")}
        points = dict.fromkeys(near, plane)
        return modality_plots.scatters(points, np.array(EMOTIONS * 3), "merml", near)
    if name == "agreement_bars":
        columns = pd.MultiIndex.from_product([("clips", "right"), CATEGORIES])
        rows = [[4, 3, 2, 1, 4 * scale, 0, 2, 1], [1, 0, 0, 0, 0, 0, 0, 0]]
        table = pd.DataFrame(rows, index=["all", "fear"], columns=columns)
        return modality_plots.agreement_bars({"merml": table, "svm": table})
    if name == "modality_bars":
        looks = [Look(colour=number) for number in range(3)]
        values = {"average": 0.6 * scale, "anger": float("nan")}
        return modality_plots.modality_bars(
            dict.fromkeys(("audio", "video", "merml"), values), looks
        )
    if name == "weight_dots":
        return modality_plots.weight_dots([0.4, 0.5 * scale])
    counts = {"ok": [9, 8], "degraded": [0, int(2 * scale)], "failed": [1, 0]}
    return plots.stage_status(pd.DataFrame(counts, index=["faces", "speech"]))


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
def test_picture_is_the_same_on_every_run_whatever_the_users_settings(name):
    first = draw(name)
    with mpl.rc_context({"font.size": 20, "figure.dpi": 40, "axes.facecolor": "red"}):
        assert draw(name) == first
    image = Image.open(io.BytesIO(first))
    assert image.format == "PNG"
    assert "Software" not in image.info


@pytest.mark.parametrize("name", NAMES)
def test_picture_shows_its_values(name):
    assert draw(name) != draw(name, scale=0.5)


def test_model_that_scored_nothing_is_drawn_without_a_dot():
    assert plots.fold_dots({"merml": [float("nan")]}, 0.5)


def test_an_odd_number_of_spaces_leaves_the_last_place_empty():
    picture = np.asarray(Image.open(io.BytesIO(draw("scatters"))).convert("L"))
    height, width = picture.shape
    place = picture[int(0.55 * height) : int(0.85 * height), int(0.6 * width) : int(0.95 * width)]
    assert (place == 255).all()
