import io

import numpy as np
import pytest
from PIL import Image

from avlib.report.sweep import Asked, chosen_line, collect, draw
from avlib.runtime.errors import DataError

NAMES = ["merml.dim", "merml.init"]


FILE = "metrics/selection.json"


def run(name, dim, init, accuracy, minute=0, seed=0, test=0.4):
    """One row of `dvc exp show --json`, with what the collector reads."""
    params = {"corpus": "demo", "merml": {"dim": dim, "init": init, "seed": seed}}
    validation = {"accuracy": accuracy, "accuracy_std": 0.02, "clips": 36, "uar": 0.1}
    scores = {"chosen_by": "c", "validation": validation, "test": {"accuracy": test, "clips": 9}}
    data = {
        "timestamp": f"2020-01-01T00:{minute:02}:00",
        "params": {"params.yaml": {"data": params}},
        "metrics": {FILE: {"data": {"demo": {"merml": scores}}}},
    }
    return {"rev": f"{name}0123456789", "name": name, "data": data}


def selection(one):
    """Return what a run's file says."""
    return one["data"]["metrics"][FILE]["data"]


def shown(*runs, executors=()):
    commit = run("main", 200, "pca", 0.7)
    executors = dict(zip(range(len(runs)), executors, strict=False))
    experiments = [
        {"revs": [one], "executor": executors.get(i), "name": one["name"]}
        for i, one in enumerate(runs)
    ]
    workspace = {"rev": "workspace", "name": None, "data": commit["data"]}
    return [workspace, commit | {"experiments": experiments}]


def test_every_experiment_and_the_commit_are_points():
    table = collect(
        shown(run("a", 50, "pca", 0.5), run("b", 100, "random", 0.6)), NAMES, "merml"
    ).set_index("experiment")
    assert table[[*NAMES, "validation"]].to_dict("index") == {
        "a": {"merml.dim": 50, "merml.init": "pca", "validation": 0.5},
        "main": {"merml.dim": 200, "merml.init": "pca", "validation": 0.7},
        "b": {"merml.dim": 100, "merml.init": "random", "validation": 0.6},
    }


def test_the_test_score_is_that_of_the_best_on_validation_and_no_other_is_shown():
    runs = [run("a", 50, "pca", 0.8, test=0.3), run("b", 100, "pca", 0.6, test=0.9)]
    table = collect(shown(*runs), NAMES[:1], "merml").set_index("experiment")
    assert table["test"].dropna().to_dict() == {"a": 0.3}
    said = chosen_line(table, NAMES[:1])
    assert "merml.dim=50" in said
    assert "80.0 %" in said
    assert "30.0 %" in said
    assert "90" not in said
    assert "90" not in table.to_string(na_rep="")


def test_systems_that_held_nothing_out_are_refused_and_those_that_did_drawn():
    runs = shown(run("a", 50, "pca", 0.5), run("b", 100, "pca", 0.6))
    for one in (runs[1]["experiments"][0]["revs"][0], runs[1]):
        del selection(one)["demo"]["merml"]["validation"]
    with pytest.raises(DataError, match="1 finished"):
        collect(runs, NAMES[:1], "merml")
    del selection(runs[1]["experiments"][1]["revs"][0])["demo"]["merml"]["validation"]
    with pytest.raises(DataError, match=r"no validation score .* set its patience"):
        collect(runs, NAMES[:1], "merml")


def test_experiment_that_varies_anything_else_is_no_point():
    others = shown(run("a", 50, "pca", 0.5), run("b", 100, "pca", 0.6, seed=1))
    assert collect(others, NAMES, "merml")["experiment"].tolist() == ["a", "main"]
    by_dim_alone = shown(run("a", 50, "pca", 0.5), run("b", 100, "random", 0.6))
    assert collect(by_dim_alone, NAMES[:1], "merml")["experiment"].tolist() == ["a", "main"]


def test_point_is_what_agrees_with_the_parameters_as_they_stand():
    runs = shown(run("a", 50, "pca", 0.5, seed=1), run("b", 100, "pca", 0.6, seed=1))
    runs[0]["data"] = run("", 75, "pca", 0.1, seed=1)["data"]
    assert collect(runs, NAMES, "merml")["experiment"].tolist() == ["a", "b"]


@pytest.mark.parametrize("state", ["failed", "queued", "running"])
def test_experiment_without_a_result_of_its_own_is_no_point_whatever_metrics_it_shows(state):
    done, other = run("a", 50, "pca", 0.5), run("other", 75, "pca", 0.7)
    executors = ({"state": "success"}, {"state": state})
    table = collect(shown(done, other, executors=executors), NAMES, "merml")
    assert table["experiment"].tolist() == ["a", "main"]


def test_experiment_that_cannot_be_read_is_no_point():
    unread = {"rev": "f" * 40, "name": "unread", "error": {"msg": "no"}, "data": None}
    silent = run("silent", 75, "pca", 0.1)
    silent["data"]["metrics"] = None
    table = collect(shown(run("a", 50, "pca", 0.5), unread, silent), NAMES, "merml")
    assert table["experiment"].tolist() == ["a", "main"]


def test_later_one_of_two_equal_experiments_counts_in_whatever_order_they_come():
    old, new = run("old", 50, "pca", 0.5, minute=1), run("new", 50, "pca", 0.6, minute=2)
    for order in ((old, new), (new, old)):
        table = collect(shown(*order), NAMES, "merml")
        assert table.set_index("merml.dim").loc[50, "validation"] == 0.6


@pytest.mark.parametrize(
    ("names", "model", "said"),
    [
        (["merml.dims"], "merml", "merml.dims"),
        (NAMES, "avef", "scored are merml"),
        (["merml.seed"], "merml", "1 finished"),
    ],
)
def test_what_cannot_be_drawn_is_said(names, model, said):
    with pytest.raises(DataError, match=said):
        collect(shown(run("a", 50, "pca", 0.5)), names, model)


def picture(names, accuracy=0.5):
    runs = [run(f"{d}{i}", d, i, accuracy) for d in (50, 100) for i in ("pca", "random")]
    return draw(collect(shown(*runs), names, "merml"), names, "merml")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("names", [NAMES[::-1], NAMES[:1]])
def test_curve_is_drawn_over_numbers_and_over_words(names):
    assert np.array(Image.open(io.BytesIO(picture(names)))).std() > 0


def test_curve_is_the_same_on_every_run_and_shows_its_values():
    assert picture(NAMES) == picture(NAMES) != picture(NAMES, 0.6)


def test_single_fold_without_a_spread_is_drawn():
    one = run("a", 50, "pca", 0.5)
    selection(one)["demo"]["merml"]["validation"]["accuracy_std"] = None
    assert draw(collect(shown(one), NAMES, "merml"), NAMES, "merml")


def normalised(name, dim, kind, key, accuracy=0.5):
    """A run whose MERML stands under `key`, and a deep system under the corpus itself."""
    one = run(name, dim, "pca", accuracy)
    line = selection(one)["demo"]["merml"]
    both = {"demo": {"avef": line}, key: {"merml": line}} if key != "demo" else {
        "demo": {"avef": line, "merml": line}
    }  # fmt: skip
    one["data"]["metrics"][FILE]["data"] = both
    one["data"]["params"]["params.yaml"]["data"]["speakers"] = {"normalise": kind}
    return one


def test_normalised_models_are_found_and_never_drawn_beside_others():
    key = "demo, speakers transductive"
    commit = normalised("main", 200, "transductive", key)
    runs = [{**commit, "rev": "workspace", "name": None}, commit]
    same = normalised("a", 50, "transductive", key, 0.6)
    runs[1] = {**commit, "experiments": [{"revs": [same], "name": "a"}]}
    table = collect(runs, ["merml.dim"], "merml")
    assert table[["merml.dim", "speakers"]].to_numpy().tolist() == [
        [50, "transductive"],
        [200, "transductive"],
    ]
    assert draw(table, ["merml.dim"], "merml")
    other = normalised("b", 200, "none", "demo")
    runs[1] = {**commit, "experiments": [{"revs": [other], "name": "b"}]}
    with pytest.raises(DataError, match=r"differs between the experiments \(none, transductive\)"):
        collect(runs, ["speakers.normalise"], "merml")
    # A system that is not normalised stands on one side of it.
    assert len(collect(runs, ["speakers.normalise"], "avef")) == 2


def test_a_list_of_candidates_is_a_place_of_its_own():
    runs = shown(run("a", 50, "pca", 0.6))
    runs[0]["data"] = runs[1]["data"] = run("main", 50, ["whitened", "pca"], 0.7)["data"]
    table = collect(runs, ["merml.init"], "merml")
    assert table.set_index("merml.init")["validation"].to_dict() == {
        "pca": 0.6,
        "whitened, pca": 0.7,
    }
    assert draw(table, ["merml.init"], "merml").startswith(b"\x89PNG")


def by_condition(name, beta, audio, video):
    """A run of a model of two modalities, which are also judged one by one."""

    def scores(value):
        return {f"f1_macro{end}": value for end in ("", "_std")} | {"clips": 9}

    one = run(name, 50, "pca", 0.5)
    one["data"]["params"]["params.yaml"]["data"]["emobed"] = {"beta": beta}
    parts = {
        part: {"accuracy": 0.5, "accuracy_std": 0.1, "clips": 9, "conditions": {
            "audio": scores(audio + better), "video": scores(video + better)}}
        for part, better in (("validation", 0.0), ("test", 0.1))
    }  # fmt: skip
    selection(one)["demo"] = {"emobed": {"chosen_by": "c", **parts}}
    return one


@pytest.fixture
def betas():
    commit = by_condition("main", 0.1, 0.3, 0.6)
    other = by_condition("a", 0.2, 0.4, 0.5)
    workspace = {"rev": "workspace", "name": None, "data": commit["data"]}
    return [workspace, commit | {"experiments": [{"revs": [other], "name": "a"}]}]


def test_a_condition_has_a_curve_and_a_choice_of_its_own(betas):
    for condition, best in (("audio", 0.2), ("video", 0.1)):
        asked = Asked("f1_macro", condition)
        table = collect(betas, ["emobed.beta"], "emobed", asked)
        said = chosen_line(table, ["emobed.beta"])
        assert f"emobed.beta={best}; macro-F1" in said
        value = {"audio": 0.4, "video": 0.6}[condition]
        assert table["validation"].max() == value
        assert table["test"].dropna().tolist() == [pytest.approx(value + 0.1)]
        assert draw(table, ["emobed.beta"], "emobed").startswith(b"\x89PNG")


def test_on_the_test_part_nothing_is_chosen(betas):
    asked = Asked("f1_macro", "audio", "test")
    table = collect(betas, ["emobed.beta"], "emobed", asked)
    assert table["test"].tolist() == pytest.approx([0.4, 0.5])
    assert "validation" not in table
    assert "no setting may be chosen" in chosen_line(table, ["emobed.beta"])
    assert draw(table, ["emobed.beta"], "emobed").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked("uar"), "no validation score uar; expected one of accuracy"),
        (Asked("", "smell"), "under condition smell; expected one of default, audio, video"),
    ],
)
def test_what_no_experiment_measured_is_named(betas, asked, said):
    with pytest.raises(DataError, match=said):
        collect(betas, ["emobed.beta"], "emobed", asked)


def test_models_over_time_are_swept_by_their_ccc():
    runs = shown(run("a", 50, "pca", 0.5), run("b", 100, "pca", 0.5))
    revs = [runs[1], *(e["revs"][0] for e in runs[1]["experiments"])]
    for ccc, one in zip((0.5, 0.7, 0.6), revs, strict=True):
        scores = {"ccc_arousal": ccc, "ccc_arousal_std": 0.1, "clips": 4}
        of_model = {"chosen_by": "c", "validation": scores, "test": {"ccc_arousal": ccc - 0.1}}
        found = {"demo": {"emobed-audio": of_model}}
        one["data"]["metrics"]["metrics/continuous.json"] = {"data": found}
    table = collect(runs, NAMES[:1], "emobed-audio")
    said = chosen_line(table, NAMES[:1])
    assert said == (
        "chosen by validation: merml.dim=50; CCC of arousal 0.700 on validation, 0.600 on test"
        " clips"
    )
    assert draw(table, NAMES[:1], "emobed-audio").startswith(b"\x89PNG")


def test_where_test_recordings_have_no_labels_validation_chooses_all_the_same():
    runs = shown(run("a", 50, "pca", 0.5), run("b", 100, "pca", 0.5))
    revs = [runs[1], *(e["revs"][0] for e in runs[1]["experiments"])]
    for ccc, one in zip((0.5, 0.7, 0.6), revs, strict=True):
        scores = {"ccc_arousal": ccc, "ccc_arousal_std": None, "clips": 9}
        found = {"recola": {"emobed-audio+geometry": {"chosen_by": "c", "validation": scores}}}
        one["data"]["metrics"]["metrics/continuous.json"] = {"data": found}
    table = collect(runs, NAMES[:1], "emobed-audio+geometry")
    assert chosen_line(table, NAMES[:1]) == (
        "chosen by validation: merml.dim=50; CCC of arousal 0.700 on validation,"
        " no test clip has labels"
    )
    assert draw(table, NAMES[:1], "emobed-audio+geometry").startswith(b"\x89PNG")
