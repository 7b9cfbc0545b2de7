import numpy as np
import pytest

from avlib.report.page import Page, write_page
from avlib.report.scores import fold_scores
from avlib.systems.avef.report import avef_tables

ALL_THREE = ("default", "audio", "video")


def diagnostics(fold, binary=None):
    """What a fold says, a little more in each."""
    found = {
        "kept_share": 0.6 + 0.1 * fold,
        "segment_accuracy": {"audio": 0.2 + 0.1 * fold, "joint": 0.5},
    }
    return {"diagnostics": found | ({"binary": binary} if binary else {})}


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


def test_binary_tasks_segments_and_kept_time_come_from_the_folds(tiny, both):
    facts = {
        "avef": {k: diagnostics(k, {"arousal": {"audio": 0.5 + 0.1 * k}}) for k in range(3)},
        "avef_raw": {k: diagnostics(2 * k) for k in range(3)},
    }
    accuracy, segments, *_ = avef_tables(tiny.data(both, fold_facts=facts)).tables
    assert list(accuracy.rows[3]) == ["arousal", "audio", "–", "60.0 ± 10.0"]
    assert len(accuracy.rows) == 4
    kept, audio, joint = segments.rows
    assert kept[1:3] == ["80.0 ± 20.0", "70.0 ± 10.0"]
    assert audio[0] == "segments right, audio network"
    assert audio[1:3] == ["40.0 ± 20.0", "30.0 ± 10.0"]
    assert joint[2] == "50.0 ± 0.0"


def test_confusions_are_shares_of_the_real_emotions(tiny, both):
    *_, raw, spoken = avef_tables(tiny.data(both)).tables
    assert raw.columns[0].startswith("avef_raw")
    rows = both["avef"][both["avef"]["condition"] == "default"]
    of_anger = rows[rows["emotion"] == "anger"]
    shares = [100 * (of_anger["predicted"] == e).mean() for e in spoken.columns[1:]]
    assert spoken.rows[0][0] == "anger"
    np.testing.assert_allclose([float(v) for v in spoken.rows[0][1:]], shares, atol=0.051)


def test_the_papers_figures_stand_beside_those_of_its_corpora(tiny, both):
    facts = {"avef": {0: diagnostics(0, {"valence": {"both": 0.9, "commoner": 0.6}})}}
    accuracy, segments, *_, paper = avef_tables(
        tiny.data(both, corpus="rml", fold_facts=facts)
    ).tables
    assert accuracy.rows[2][4:] == ["80.5", "82.4"]
    assert accuracy.rows[-2] == ["valence", "both", "–", "90.0", "87.9", "90.1"]
    assert accuracy.rows[-1] == ["valence", "commoner", "–", "60.0", "–", "–"]
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
