import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import f1_score

from avlib.report.comparisons import compare_all
from avlib.report.page import Page, write_page
from avlib.systems.emobed.gains import paired_gains
from avlib.systems.emobed.report import emobed_section

CLASSIC = "emobed_classic"
SYSTEMS = [CLASSIC, "emobed_joint", "emobed_triplet", "emobed"]
CONDITIONS = {"audio": "audio", "video": "video", "both": "default"}


def rows_under(predictions, system, tested_with):
    table = predictions[system]
    return table[table["condition"] == CONDITIONS[tested_with]]


def pooled_f1(rows):
    return f1_score(rows["emotion"], rows["predicted"], average="macro")


@pytest.fixture
def four(tiny):
    # In the order of the report's models, which is not that of the paper's table.
    order = ["merml", "emobed", *SYSTEMS[:-1]]
    conditions = tuple(CONDITIONS.values())
    return {m: tiny.predict(m, conditions, seed=seed) for seed, m in enumerate(order)}


def test_macro_f1_of_each_system_and_modality_counts_all_test_clips_once(tiny, four):
    table, _ = emobed_section(tiny.data(four)).tables
    assert [row[:2] for row in table.rows] == [[m, s] for m in CONDITIONS for s in SYSTEMS]
    for tested_with, system, clips, f1, *_ in table.rows:
        assert clips == "36"
        expected = 100 * pooled_f1(rows_under(four, system, tested_with))
        assert float(f1) == pytest.approx(expected, abs=0.051)


def test_gains_over_the_classic_system_are_tested_one_sided_with_pooled_variance(tiny, four):
    # One system hears fewer clips than the other: each counts its own.
    lost = four["emobed"].query("condition == 'audio'").index[::5]
    four["emobed"] = four["emobed"].drop(lost)
    table, _ = emobed_section(tiny.data(four)).tables
    signs = set()
    for tested_with, system, clips, _, z, p in table.rows:
        if system == CLASSIC:
            assert (z, p) == ("–", "–")
            continue
        both = [rows_under(four, s, tested_with) for s in (system, CLASSIC)]
        counts = [len(rows) for rows in both]
        f1 = [pooled_f1(rows) for rows in both]
        pooled = (f1[0] * counts[0] + f1[1] * counts[1]) / sum(counts)
        variance = pooled * (1 - pooled) * (1 / counts[0] + 1 / counts[1])
        expected = (f1[0] - f1[1]) / variance**0.5
        assert int(clips) == counts[0]
        assert float(z) == pytest.approx(expected, abs=0.0051)
        assert float(p) == pytest.approx(norm.sf(expected), abs=0.00051)
        signs.add(float(z) > 0)
    assert [row[2] for row in table.rows if row[1] == "emobed"] == ["28", "36", "36"]
    assert signs == {True, False}


def test_equal_systems_gain_nothing(tiny, four):
    four["emobed"] = four[CLASSIC].assign(model="emobed")
    table, _ = emobed_section(tiny.data(four)).tables
    assert [row[4:] for row in table.rows if row[1] == "emobed"] == [["0.00", "0.500"]] * 3


def test_a_corpus_of_voices_has_audio_alone(tiny):
    voices = {s: tiny.predict(s, seed=i, used="audio") for i, s in enumerate(SYSTEMS)}
    table, _ = emobed_section(tiny.data(voices)).tables
    assert [row[:2] for row in table.rows] == [["audio", system] for system in SYSTEMS]


def test_without_the_classic_system_nothing_is_tested(tiny, four):
    tested = emobed_section(tiny.data(four))
    del four[CLASSIC]
    untested = emobed_section(tiny.data(four))
    assert len(untested.tables) == 1
    assert {tuple(row[4:]) for row in untested.tables[0].rows} == {("–", "–")}
    assert "F1 is no proportion" in " ".join(tested.text)
    assert "F1 is no proportion" not in " ".join(untested.text)


def test_two_systems_are_shown_and_fewer_are_no_section(tiny, four, tmp_path):
    del four["emobed"], four["emobed_joint"]
    section = emobed_section(tiny.data(four))
    assert {row[1] for row in section.tables[0].rows} == {CLASSIC, "emobed_triplet"}
    assert f"python -m avlib compare emobed_triplet {CLASSIC}" in " ".join(section.text)
    write_page(tmp_path, Page("t", [section]))
    assert "EmoBed, as in its paper" in next(tmp_path.glob("*.md")).read_text()
    del four[CLASSIC]
    assert emobed_section(tiny.data(four)) is None


def test_gains_on_clips_that_both_scored_are_tested_over_subjects(tiny, four):
    four["emobed"] = four["emobed"].drop(four["emobed"].query("condition == 'audio'").index[::5])
    found = {c[:3]: c for c in paired_gains(tiny.data(four))}
    assert len(found) == 3 * 3 * 2
    for (name, system, measure), compared in found.items():
        rows, alone = (rows_under(four, s, name) for s in (system, CLASSIC))
        alone = alone[alone["clip_id"].isin(rows["clip_id"])]
        score = pooled_f1 if measure == "macro-F1" else right
        assert compared.clips == len(rows)
        assert compared.gain.gain == pytest.approx(score(rows) - score(alone))
        assert compared.gain.clusters == 6
        assert compared.gain.p >= 2 / 2**6


def test_accuracys_interval_is_that_of_the_paired_comparisons(tiny, four):
    compared = compare_all(four, tiny.folds, tiny.clips, family=[("emobed", CLASSIC)])[0]
    found = {c[:3]: c.gain for c in paired_gains(tiny.data(four))}["both", "emobed", "accuracy"]
    assert found.interval == pytest.approx(compared.interval)


def test_help_that_always_helps_is_found_with_six_subjects(tiny, four):
    wrong = four[CLASSIC]["emotion"].map({"anger": "disgust"}).fillna("anger")
    four[CLASSIC] = four[CLASSIC].assign(predicted=wrong)
    four["emobed"] = four["emobed"].assign(predicted=four["emobed"]["emotion"])
    _, table = emobed_section(tiny.data(four)).tables
    [row] = [row for row in table.rows if row[:3] == ["both", "emobed", "accuracy"]]
    assert row[3:] == ["+100.0", "+100.0 to +100.0", "0.031", "0.562", "36", "6"]


def right(rows):
    return (rows["predicted"] == rows["emotion"]).mean()


def test_gains_of_several_seeds_are_their_mean(tiny, four, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    systems = (CLASSIC, "emobed")
    conditions = tuple(CONDITIONS.values())
    further = {s: [tiny.predict(s, conditions, seed=10 + i + 3 * k) for k in range(2)]
               for i, s in enumerate(systems)}  # fmt: skip
    for system, tables in further.items():
        for fold in range(3):
            rows = [t[t["fold"] == fold].assign(seed=k + 1) for k, t in enumerate(tables)]
            file = tmp_path / f"data/models/{system}/fold-{fold}/seeds.parquet"
            file.parent.mkdir(parents=True)
            pd.concat(rows).to_parquet(file)
    only = {system: four[system] for system in systems}
    found = {c.measure: c for c in paired_gains(tiny.data(only)) if c.modalities == "audio"}
    of_seeds = {s: [four[s], *further[s]] for s in systems}
    f1 = {s: [pooled_f1(rows_under({s: t}, s, "audio")) for t in of_seeds[s]] for s in systems}
    each = np.subtract(f1["emobed"], f1[CLASSIC])
    assert found["macro-F1"].gain.gain == pytest.approx(np.mean(each))
    assert np.ptp(each) > 0
    assert (found["macro-F1"].seeds, found["macro-F1"].clips) == (3, 36)
    text = " ".join(emobed_section(tiny.data(only)).text)
    assert "means over 3 seeds" in text
    assert "One seed is trained" in " ".join(emobed_section(tiny.data(four)).text)
