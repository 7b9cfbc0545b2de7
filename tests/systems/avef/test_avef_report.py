import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from avlib.report.page import Page, write_page
from avlib.report.scores import fold_scores
from avlib.runtime.tables import conform, no_rows
from avlib.systems.avef.binary import TASKS
from avlib.systems.avef.report import avef_section, avef_tables
from avlib.systems.avef.tables import BINARY

ALL_THREE = ("default", "audio", "video")


def diagnostics(fold):
    """What a fold says, a little more in each."""
    return {
        "diagnostics": {
            "kept_share": 0.6 + 0.1 * fold,
            "segment_accuracy": {"audio": 0.2 + 0.1 * fold, "joint": 0.5},
        }
    }


def binary(tiny, task="valence", lean=0.6, conditions=ALL_THREE):
    """Table ``binary`` of a model that says the label or, at random, the other one."""
    rng = np.random.default_rng(5)
    names = np.array(TASKS[task])
    tested = tiny.folds[tiny.folds["part"] == "test"]
    label = (rng.random(len(tested)) < lean).astype(int)
    tables = [
        tested[["clip_id", "fold"]].assign(
            model="avef",
            condition=condition,
            task=task,
            modalities="audio+video" if condition == "default" else condition,
            label=names[label],
            predicted=names[np.where(rng.random(len(tested)) < 0.7, label, 1 - label)],
            probability=0.8,
        )
        for condition in conditions
    ]
    return conform(pd.concat(tables), BINARY).to_pandas()


def of_both(tables):
    """Return tables by model, empty ones where there is none."""
    nothing = no_rows(BINARY).to_pandas()
    return {model: tables.get(model, nothing) for model in ("avef", "avef_raw", "avef_transfer")}


@pytest.fixture(autouse=True)
def nothing_was_run(tmp_path, monkeypatch):
    """Not the clips of a run whose outputs lie where the tests are started."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def both(tiny):
    return {
        "avef": tiny.predict("avef", ALL_THREE, seed=1),
        "avef_raw": tiny.predict("avef_raw", ALL_THREE, seed=2),
        "merml": tiny.predict("merml", seed=3),
    }


def test_the_cases_stand_side_by_side_for_each_modality(tiny, both):
    section = avef_tables(tiny.data(both))
    table = section.tables[0]
    assert table.columns == ["accuracy (%)", "tested with", "case 1", "case 2"]
    assert [row[:2] for row in table.rows] == [["emotions", m] for m in ("audio", "video", "both")]
    for row, condition in zip(table.rows, ("audio", "video", "default"), strict=True):
        for cell, model in zip(row[2:], ("avef_raw", "avef"), strict=True):
            scores = fold_scores(both[model], tiny.folds, condition=condition)
            right = [100 * fold["accuracy"] for fold in scores.values()]
            mean, spread = map(float, cell.split(" ± "))
            assert mean == pytest.approx(np.mean(right), abs=0.051)
            assert spread == pytest.approx(np.std(right, ddof=1), abs=0.051)
    assert any("were not trained" in line for line in section.text)


def test_segments_and_kept_time_come_from_the_folds(tiny, both):
    facts = {
        "avef": {k: diagnostics(k) for k in range(3)},
        "avef_raw": {k: diagnostics(2 * k) for k in range(3)},
    }
    _, segments, *_ = avef_tables(tiny.data(both, fold_facts=facts)).tables
    kept, _, audio, joint = segments.rows
    assert kept[1:3] == ["80.0 ± 20.0", "70.0 ± 10.0"]
    assert audio[0] == "segments right, audio network"
    assert audio[1:3] == ["40.0 ± 20.0", "30.0 ± 10.0"]
    assert joint[2] == "50.0 ± 0.0"


def test_what_denoising_and_transfer_gain_is_tested_on_each_modality(tiny, both):
    both["avef_transfer"] = tiny.predict("avef_transfer", ALL_THREE, seed=4)
    clips = tiny.clips.assign(corpus="rml")
    data = tiny.data(both, clips=clips)
    accuracy, segments, gains, *_ = avef_tables(data).tables
    assert accuracy.columns[2:] == ["case 1", "case 2", "with transfer"]
    assert [row[:2] for row in gains.rows] == [
        [f"{step}, {tested}", f"{without}, {tested}"]
        for step, without in (("avef", "avef_raw"), ("avef_transfer", "avef"))
        for tested in ("audio", "video", "both")
    ]
    for row in gains.rows:
        (step, tested), (without, _) = (cell.split(", ") for cell in row[:2])
        condition = "default" if tested == "both" else tested
        right = []
        for model in (step, without):
            rows = both[model][both[model]["condition"] == condition].set_index("clip_id")
            right.append(rows["predicted"] == rows["emotion"])
        a, b = right[0], right[1][right[0].index]
        assert float(row[3]) == pytest.approx(100 * (a.mean() - b.mean()), abs=0.051)
        assert row[5] == f"{(a & ~b).sum()} / {(b & ~a).sum()}"
    found = dict(zip(segments.columns, segments.rows[1], strict=True))
    means = [np.mean([f["accuracy"] for f in data.fold_scores[m].values()]) for m in both][:2]
    assert found["case 2"] == f"{100 * (means[0] / means[1] - 1):+.1f}"
    del both["avef"]  # nothing is left to compare with
    assert len(avef_tables(tiny.data(both, clips=clips)).tables) == 4


def test_emodbs_published_gain_stands_beside_ours(tiny, both):
    accuracy, segments, *_ = avef_tables(tiny.data(both, corpus="emodb")).tables
    assert accuracy.columns[2:] == ["case 1", "case 2"]
    assert [row[-1] for row in segments.rows] == ["70.3", "+19.7"]


def test_the_papers_figures_are_of_the_corpus_that_others_only_help(tiny, both):
    clips = tiny.clips.assign(corpus="rml")
    helper = clips.iloc[:1].assign(clip_id="baum1s-x", corpus="baum1s")
    helping = pd.DataFrame({"clip_id": "baum1s-x", "fold": range(3), "part": "auxiliary"})
    run = tiny.data(both, clips=pd.concat([clips, helper]), folds=pd.concat([tiny.folds, helping]))
    assert avef_tables(run).tables[0].rows[2][4:] == ["80.5", "82.4"]


def test_binary_tasks_have_the_scores_of_their_rows(tiny, both):
    rows = binary(tiny, "arousal", conditions=("default", "audio"))
    section = avef_section(tiny.data(both), of_both({"avef": rows}))
    accuracy, balanced, *_ = section.tables
    assert [row[:3] for row in accuracy.rows[3:]] == [
        ["arousal", tested, "–"] for tested in ("audio", "both", "commoner")
    ]
    assert [row[:2] for row in balanced.rows] == [["arousal", "audio"], ["arousal", "both"]]
    assert not any("were not trained" in line for line in section.text)
    for condition, of_accuracy, of_balanced in (
        ("audio", accuracy.rows[3], balanced.rows[0]),
        ("default", accuracy.rows[4], balanced.rows[1]),
    ):
        folds = [f for _, f in rows[rows["condition"] == condition].groupby("fold")]
        expected = [
            [np.mean(f["label"] == f["predicted"]) for f in folds],
            [balanced_accuracy_score(f["label"], f["predicted"]) for f in folds],
            [f1_score(f["label"], f["predicted"], average="macro") for f in folds],
        ]
        for cell, values in zip((of_accuracy[3], *of_balanced[4:]), expected, strict=True):
            mean, spread = map(float, cell.split(" ± "))
            assert mean == pytest.approx(100 * np.mean(values), abs=0.051)
            assert spread == pytest.approx(100 * np.std(values, ddof=1), abs=0.051)
    commoner = [f["label"].value_counts(normalize=True).max() for f in folds]
    assert float(accuracy.rows[5][3].split(" ")[0]) == pytest.approx(
        100 * np.mean(commoner), abs=0.051
    )


def test_confusions_are_shares_of_the_real_emotions(tiny, both):
    *_, raw, spoken = avef_tables(tiny.data(both)).tables
    assert raw.columns[0].startswith("avef_raw")
    rows = both["avef"][both["avef"]["condition"] == "default"]
    of_anger = rows[rows["emotion"] == "anger"]
    shares = [100 * (of_anger["predicted"] == e).mean() for e in spoken.columns[1:]]
    assert spoken.rows[0][0] == "anger"
    np.testing.assert_allclose([float(v) for v in spoken.rows[0][1:]], shares, atol=0.051)


def test_the_papers_figures_stand_beside_those_of_its_corpora(tiny, both):
    facts, rows = {"avef": {0: diagnostics(0)}}, binary(tiny)
    accuracy, _, segments, *_, paper = avef_section(
        tiny.data(both, corpus="rml", fold_facts=facts), of_both({"avef": rows})
    ).tables
    assert accuracy.rows[2][4:] == ["80.5", "82.4"]
    assert [*accuracy.rows[-2][:3], *accuracy.rows[-2][4:]] == [
        "valence", "both", "–", "87.9", "90.1",
    ]  # fmt: skip
    assert [*accuracy.rows[-1][:3], *accuracy.rows[-1][4:]] == ["valence", "commoner", *"–––"]
    assert segments.rows[0][-1] == "72"
    assert paper.rows[0][:2] == ["anger", "91.1"]
    for row in paper.rows:
        assert sum(float(v) for v in row[1:]) == pytest.approx(100, abs=4)  # as printed


def test_one_case_alone_is_shown_and_none_is_no_section(tiny, both, tmp_path):
    del both["avef_raw"]
    section = avef_tables(tiny.data(both))
    assert section.tables[0].columns[2:] == ["case 2"]
    write_page(tmp_path, Page("t", [section]))
    assert "AVEF, as in its paper" in next(tmp_path.glob("*.md")).read_text()
    del both["avef"]
    assert avef_tables(tiny.data(both)) is None
