import re

import pytest

from avlib.report.page import Page, write_page
from avlib.systems.gating import gate_plots, gates
from avlib.systems.gating.gates import gate_scores, group_scores
from avlib.systems.gating.report import gates_section

CONDITIONS = ("default", "audio", "video")
NAMES = {
    "default": "audio-visual",
    "audio": "audio",
    "video": "video",
    "positive": "positive emotions",
    "negative": "negative emotions",
}


def rising(tiny, **changes):
    """Like `tiny.gates`, but right at once for anger and from gate 3 on for the others."""
    table = tiny.gates(**changes)
    right = (table["gate"] >= 3) | (table["emotion"] == "anger")
    wrong = table["emotion"].replace({"anger": "disgust", "happiness": "anger", "disgust": "anger"})
    return table.assign(predicted=table["emotion"].where(right, wrong))


def tables_of(section):
    return {table.columns[0]: table for table in section.tables if "together" not in table.folded}


def test_without_rows_there_is_no_section(tiny):
    assert gates_section({}, {"gating": tiny.predict("gating")}, tiny.folds) is None
    assert gates_section({"gating": tiny.gates().iloc[:0]}, {}, tiny.folds) is None


def test_the_text_says_how_accuracy_grows_and_the_table_shows_every_gate(tiny):
    section = gates_section({"gating": rising(tiny)}, {}, tiny.folds)
    [line] = [text for text in section.text if text.startswith("Accuracy of gating")]
    assert "first gate (1 s) to its last (3 s)" in line
    assert "audio-visual 33.3 to 100.0 % (+66.7 points); audio 33.3 to 100.0 %" in line
    table = tables_of(section)["gating, gate"]
    assert [row[:2] for row in table.rows] == [
        ["1", "1.00"], ["2", "1.50"], ["3", "2.00"], ["4", "2.50"], ["5", "3.00"],
    ]  # fmt: skip
    assert table.rows[0][2] == "36 / 36"
    assert [row[3] for row in table.rows] == ["33.3 ± 0.0"] * 2 + ["100.0 ± 0.0"] * 3
    assert [row[0] for row in tables_of(section)[""].rows] == ["gating"] * 3
    kinds = {row[1]: row[2:] for row in tables_of(section)[""].rows}
    assert kinds == {
        "all": ["36", "33.3 ± 0.0", "100.0 ± 0.0", "2.00 s (gate 3)"],
        "positive": ["12", "0.0 ± 0.0", "100.0 ± 0.0", "2.00 s (gate 3)"],
        "negative": ["12", "100.0 ± 0.0", "100.0 ± 0.0", "1.00 s (gate 1)"],
    }


def test_the_pooled_table_counts_all_clips_once(tiny):
    table = tiny.gates()
    section = gates_section({"gating": table}, {}, tiny.folds)
    [pooled] = [t for t in section.tables if "together" in t.folded]
    first = table[(table["gate"] == 1) & (table["condition"] == "video")]
    right = 100 * (first["emotion"] == first["predicted"]).mean()
    cells = dict(zip(pooled.columns, pooled.rows[0], strict=True))
    assert float(cells["accuracy, video (%)"]) == pytest.approx(right, abs=0.051)


def test_systems_stand_one_after_the_other(tiny):
    both = {
        m: tiny.gates(model=m, seed=i, gates=2) for i, m in enumerate(("gating", "gating_lstm"))
    }
    section = gates_section(both, {}, tiny.folds)
    assert [p.name for p in section.pictures] == ["gates_gating", "gates_gating_lstm"]
    assert {"gating, gate", "gating_lstm, gate"} <= set(tables_of(section))


def test_cells_of_table_two_that_are_not_there_are_dashes(tiny):
    predictions = {"gating": tiny.predict("gating", CONDITIONS)}
    section = gates_section({"gating": tiny.gates(gates=2)}, predictions, tiny.folds)
    table = tables_of(section)["at the last gate"]
    assert table.columns[1:] == ["audio", "video", "audio-visual"]
    assert [row[0] for row in table.rows] == ["global", "separate LSTMs, concatenated", "gating"]
    assert [[cell == "–" for cell in row[1:]] for row in table.rows] == [
        [True] * 3, [True] * 3, [False] * 3,
    ]  # fmt: skip
    without = gates_section({"gating": tiny.gates(gates=2)}, {}, tiny.folds)
    assert "at the last gate" not in tables_of(without)


def test_a_system_of_audio_alone_is_not_called_audio_visual(tiny):
    table = tiny.gates(conditions=("default",))
    predictions = {"gating": tiny.predict("gating", used="audio")}
    section = gates_section({"gating": table}, predictions, tiny.folds)
    columns = tables_of(section)["gating, gate"].columns
    assert columns[3:] == ["accuracy, audio (%)", "UAR, audio (%)"]


def test_a_condition_of_fewer_clips_says_so(tiny):
    table = tiny.gates(gates=2)
    gone = (table["clip_id"] == table["clip_id"].iloc[0]) & (table["condition"] == "video")
    section = gates_section({"gating": table[~gone]}, {}, tiny.folds)
    assert " points, 35 clips)" in section.text[1]


@pytest.mark.parametrize("absent", ["audio", "video"])
def test_an_absent_condition_leaves_its_columns_out(tiny, absent):
    kept = [c for c in CONDITIONS if c != absent]
    section = gates_section({"gating": tiny.gates(conditions=kept)}, {}, tiny.folds)
    columns = tables_of(section)["gating, gate"].columns
    assert len(columns) == 3 + 2 * 2
    assert not any(absent in column.split() for column in columns)


def test_a_section_of_one_gate_one_fold_or_no_kind_of_emotion_is_whole(tiny, tmp_path):
    single = tiny.gates(gates=1)
    section = gates_section({"gating": single}, {}, tiny.folds)
    assert "one gate only" in section.text[1]
    assert {row[-1] for row in tables_of(section)[""].rows} == {"–"}
    fold = single["fold"].min()
    one = gates_section(
        {"gating": tiny.gates(gates=2).query("fold == @fold")},
        {},
        tiny.folds[tiny.folds["fold"] == fold],
    )
    neutral = tiny.gates(gates=2).query("emotion == 'disgust'")
    none = gates_section({"gating": neutral}, {}, tiny.folds)
    assert [row[1] for row in tables_of(none)[""].rows] == ["all"]
    for section in (one, none):
        write_page(tmp_path, Page("page", [section]))
        assert "nan" not in (tmp_path / "report.md").read_text().lower()


def scored(tiny, **changes):
    table = rising(tiny, **changes)
    return gate_scores(table, tiny.folds), group_scores(table, tiny.folds)


def draw(scores, groups):
    return gate_plots.over_time(scores, groups, NAMES, 1 / 3, "gating", "over time")


def test_the_picture_marks_plateaus_and_shows_every_curve(tiny):
    scores, groups = scored(tiny)
    svg = draw(scores, groups)
    assert svg == draw(scores, groups)
    for name in NAMES.values():
        assert f">{name}</text>" in svg
    told = [gates.plateau(curve["accuracy"]) for curve in groups.values()]
    starts = {
        curve["time"].iloc[gate - 1] for curve, gate in zip(groups.values(), told, strict=True)
    }
    assert {float(t) for t in re.findall(r">plateau from ([0-9.]+) s<", svg)} == starts
    risen = {name: curve.assign(accuracy=curve["gate"] / 9) for name, curve in groups.items()}
    assert "plateau" not in draw(scores, risen)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("gates", [1, 14])
def test_any_number_of_gates_is_drawn_without_a_warning(tiny, gates):
    svg = draw(*scored(tiny, gates=gates, conditions=("default",)))
    assert "nan" not in svg
    assert svg.count('d="M') > 4
