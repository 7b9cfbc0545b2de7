from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from avlib.cli.main import app
from avlib.corpora.common.tables import CLIPS
from avlib.fisher.pooling import Pooling
from avlib.fisher.view import ViewEncoder, save_encoders
from avlib.protocol_params import Protocol
from avlib.protocols import FOLDS, enrol
from avlib.report import comparisons
from avlib.report.comparisons import (
    MOST_MODELS,
    REFERENCE,
    RIVALS,
    as_json,
    compare_all,
    pairs,
    scored,
)
from avlib.report.comparisons_page import paired_comparisons
from avlib.report.formats import p_text
from avlib.report.report_data import ReportData
from avlib.report.scores import to_json
from avlib.report.significance import bootstrap_interval, mcnemar
from avlib.runtime.errors import DataError, LeakError
from avlib.runtime.tables import write_table
from avlib.systems.common.tables import PREDICTIONS


@pytest.fixture
def models(tiny):
    """Three models that are right on other clips."""
    return {name: tiny.predict(name, seed=i) for i, name in enumerate(("svm", "merml", "gmml"))}


def compare(a, b, folds, clips):
    return comparisons.compare(scored(a, folds), scored(b, folds), folds, clips)


def right(table):
    rows = table[table["condition"] == "default"].set_index("clip_id").sort_index()
    return (rows["predicted"] == rows["emotion"]).to_numpy()


def run_of(tiny, predictions, folds=None):
    protocol = Protocol(
        name="subject_kfold", k=3, folds=None, validation=0.25, validation_by="subjects", seed=0
    )
    folds = tiny.folds if folds is None else folds
    return ReportData("demo", protocol, tiny.clips, folds, tiny.status, predictions)


def shown(run):
    return paired_comparisons(run, run.comparisons)


def test_two_models_are_compared_clip_by_clip(tiny, models):
    found = compare(models["merml"], models["svm"], tiny.folds, tiny.clips)
    a, b = right(models["merml"]), right(models["svm"])
    assert (found.a, found.b, found.clips, found.subjects) == ("merml", "svm", 36, 6)
    assert found.difference == pytest.approx(a.mean() - b.mean())
    assert found.mcnemar == mcnemar(a, b)
    subjects = tiny.clips.sort_values("clip_id")["subject"].to_numpy(dtype=str)
    assert found.interval == bootstrap_interval(a, b, subjects)
    assert found.missing == ()


def test_folds_are_compared_with_what_each_learned_from(tiny, models):
    """Three folds of 12 tested clips, each of which learns from the 24 others."""
    found = compare(models["merml"], models["svm"], tiny.folds, tiny.clips)
    table = models["merml"].assign(gain=lambda t: (t["predicted"] == t["emotion"]) * 1.0)
    other = models["svm"].assign(gain=lambda t: (t["predicted"] == t["emotion"]) * 1.0)
    gained = table.groupby("fold")["gain"].mean() - other.groupby("fold")["gain"].mean()
    t = gained.mean() / np.sqrt((1 / 3 + 12 / 24) * gained.var(ddof=1))
    assert found.t_test.t == pytest.approx(t)
    assert found.t_test.p == pytest.approx(2 * stats.t.sf(abs(t), 2))


def test_order_of_rows_and_other_conditions_change_nothing(tiny, models):
    expected = compare(models["merml"], models["svm"], tiny.folds, tiny.clips)
    more = tiny.predict("merml", conditions=("default", "audio"), seed=1)
    shuffled = more.sample(frac=1, random_state=0).reset_index(drop=True)
    assert compare(shuffled, models["svm"], tiny.folds, tiny.clips) == expected


def test_turning_the_pair_around_turns_the_signs(tiny, models):
    one = compare(models["merml"], models["svm"], tiny.folds, tiny.clips)
    other = compare(models["svm"], models["merml"], tiny.folds, tiny.clips)
    assert other.difference == -one.difference
    assert other.t_test.t == pytest.approx(-one.t_test.t)
    assert (other.mcnemar.p, other.t_test.p) == pytest.approx((one.mcnemar.p, one.t_test.p))
    assert other.interval == pytest.approx((-one.interval.high, -one.interval.low), abs=0.03)


def test_only_clips_that_both_scored_count(tiny, models):
    lost = models["merml"]["clip_id"].iloc[:4]
    merml = models["merml"].iloc[4:].reset_index(drop=True)
    found = compare(merml, models["svm"], tiny.folds, tiny.clips)
    rest = ~np.isin(np.sort(models["svm"]["clip_id"]), lost)
    assert found.clips == 32
    assert found.mcnemar == mcnemar(right(models["merml"])[rest], right(models["svm"])[rest])


def test_identical_models_do_not_differ(tiny, models):
    twin = models["svm"].assign(model="twin")
    found = compare(twin, models["svm"], tiny.folds, tiny.clips)
    assert (found.difference, found.interval, found.mcnemar) == (0, (0, 0), (0, 0, 1))
    assert (found.t_test.t, found.t_test.p) == (0, 1)


def some_folds(models, folds, kept):
    """The run as it would be with fewer folds."""
    tables = {m: t[t["fold"].isin(kept)].reset_index(drop=True) for m, t in models.items()}
    return tables, folds[folds["fold"].isin(kept)].reset_index(drop=True)


def of_one_subject(table):
    return table[table["clip_id"].str.startswith("a_")].reset_index(drop=True)


def test_one_fold_has_no_t_test_and_says_so(tiny, models):
    tables, folds = some_folds(models, tiny.folds, [0])
    found = compare(tables["merml"], tables["svm"], folds, tiny.clips)
    assert found.t_test is None
    assert found.missing == ("no t-test: it needs two folds, and there is one",)
    assert found.mcnemar is not None


def test_one_subject_has_no_interval_and_says_so(tiny, models):
    found = compare(
        of_one_subject(models["merml"]), of_one_subject(models["svm"]), tiny.folds, tiny.clips
    )
    assert (found.clips, found.subjects, found.interval) == (6, 1, None)
    assert "no interval: the clips are of one subject" in found.missing


def test_the_same_difference_in_every_fold_has_no_t_test(tiny, models):
    perfect = models["svm"].assign(model="a", predicted=models["svm"]["emotion"])
    wrong = {"anger": "disgust", "disgust": "happiness", "happiness": "anger"}
    hopeless = models["svm"].assign(model="b", predicted=models["svm"]["emotion"].map(wrong))
    found = compare(perfect, hopeless, tiny.folds, tiny.clips)
    assert (found.difference, found.t_test) == (1, None)
    assert found.missing == ("no t-test: the difference is the same in every fold",)


def test_no_clip_in_common_gives_no_test_and_a_reason(tiny, models):
    half = models["merml"]["clip_id"].str.endswith("_0")
    a, b = models["merml"][half], models["svm"][~half.to_numpy()]
    found = compare(a.reset_index(drop=True), b.reset_index(drop=True), tiny.folds, tiny.clips)
    assert found.clips == 0
    assert (found.difference, found.interval, found.mcnemar, found.t_test) == (None,) * 4
    assert found.missing == ("no clip was scored by both",)


def test_tables_of_different_runs_are_refused(tiny, models):
    other = models["merml"].copy()
    clip = other["clip_id"].iloc[3]
    other.loc[3, "emotion"] = "disgust" if other.loc[3, "emotion"] == "anger" else "anger"
    with pytest.raises(DataError, match=f"^clip {clip} is .* to model merml and .* to model svm"):
        compare(other, models["svm"], tiny.folds, tiny.clips)


def test_unknown_clip_and_unusable_predictions_are_refused(tiny, models):
    a, b = models["merml"], models["svm"]
    with pytest.raises(DataError, match="which the table of clips lacks"):
        compare(a, b, tiny.folds, tiny.clips.iloc[1:])
    with pytest.raises(DataError, match="a probability is not a number"):
        compare(a.assign(prob_anger=np.nan), b, tiny.folds, tiny.clips)
    with pytest.raises(LeakError, match="which does not test it"):
        compare(a.assign(fold=(a["fold"] + 1) % 3), b, tiny.folds, tiny.clips)


def holm(p_values):
    """Holm's correction as a closed test: each set of hypotheses that holds one is corrected."""
    adjusted = np.zeros(len(p_values))
    for size in range(1, len(p_values) + 1):
        for chosen in combinations(range(len(p_values)), size):
            bonferroni = min(1, size * min(p_values[i] for i in chosen))
            adjusted[list(chosen)] = np.maximum(adjusted[list(chosen)], bonferroni)
    return adjusted


def test_p_values_are_corrected_over_the_family_test_by_test(tiny, models):
    # A model that is right more often, so that some of the p-values are small.
    better = tiny.predict("better", seed=3)
    better["predicted"] = better["predicted"].where(better.index % 3 == 0, better["emotion"])
    models["better"] = better
    found = compare_all(models, tiny.folds, tiny.clips)
    assert [(c.a, c.b) for c in found[:2]] == [("merml", "svm"), ("gmml", "svm")]
    assert len(found) == 6
    for test, adjusted in (("mcnemar", "mcnemar_holm"), ("t_test", "t_holm")):
        p_values = [getattr(c, test).p for c in found]
        np.testing.assert_allclose([getattr(c, adjusted) for c in found], holm(p_values))


def test_a_comparison_without_a_test_does_not_count_in_the_correction(tiny, models):
    ends = models["gmml"]["clip_id"].str.endswith("_0")
    models["gmml"] = models["gmml"][ends].reset_index(drop=True)
    models["svm"] = models["svm"][~models["svm"]["clip_id"].str.endswith("_0")]
    models["svm"] = models["svm"].reset_index(drop=True)
    found = {(c.a, c.b): c for c in compare_all(models, tiny.folds, tiny.clips)}
    assert found["gmml", "svm"].mcnemar_holm is None
    tested = [found["merml", "svm"], found["gmml", "merml"]]
    np.testing.assert_allclose(
        [c.mcnemar_holm for c in tested], holm([c.mcnemar.p for c in tested])
    )


def test_every_pair_while_models_are_few_and_a_fixed_reference_beyond():
    few = [f"m{i}" for i in range(MOST_MODELS)]
    assert len(pairs(few)) == MOST_MODELS * (MOST_MODELS - 1) / 2
    assert len({frozenset(pair) for pair in pairs(few)}) == len(pairs(few))
    many = [*few, REFERENCE]
    assert pairs(many) == [(model, REFERENCE) for model in few]
    assert pairs([*few, "last"])[-1] == ("last", "m0")
    assert pairs(["alone"]) == []


def test_of_many_models_merml_meets_each_rival_once_too():
    many = [*RIVALS, "merml", "gating", "avef"]
    family = pairs(many)
    assert {frozenset(pair) for pair in family} == {
        *(frozenset((model, REFERENCE)) for model in many if model != REFERENCE),
        *(frozenset(("merml", rival)) for rival in RIVALS),
    }
    assert len({frozenset(pair) for pair in family}) == len(family) == 9 + 6
    # Where the reference is a rival, or was not trained, there is still no pair twice.
    for models in (["merml", *RIVALS, "gating"], [m for m in many if m != REFERENCE]):
        assert len({frozenset(pair) for pair in pairs(models)}) == len(pairs(models))
    assert not any("merml" in pair for pair in pairs([m for m in many if m != "merml"]))


def test_only_models_of_equal_speaker_normalisation_are_compared(tiny, models):
    models["avef"], models["gating"] = tiny.predict("avef", seed=7), tiny.predict("gating", seed=8)
    kinds = {"svm": "transductive", "merml": "transductive", "gmml": "transductive"}
    found = compare_all(models, tiny.folds, tiny.clips, kinds)
    assert [(c.a, c.b, c.normalise) for c in found] == [
        ("merml", "svm", "transductive"),
        ("gmml", "svm", "transductive"),
        ("gmml", "merml", "transductive"),
        ("gating", "avef", "none"),
    ]
    adjusted = holm([c.mcnemar.p for c in found])  # the family is one, whatever the sections
    np.testing.assert_allclose([c.mcnemar_holm for c in found], adjusted)
    assert list(as_json(found))[2:] == ["gmml - merml, speakers transductive", "gating - avef"]

    run = replace(run_of(tiny, models), normalise=kinds)
    apart = {kind: paired_comparisons(part, run.comparisons) for kind, part in run.parts.items()}
    assert [row[:2] for row in apart["none"].tables[0].rows] == [["gating", "avef"]]
    assert len(apart["transductive"].tables[0].rows) == 3
    assert all("(4 in all)" in " ".join(section.text) for section in apart.values())


def test_section_shows_every_comparison_and_what_the_tests_assume(tiny, models):
    section = shown(run_of(tiny, models))
    (table,) = section.tables
    assert [row[:3] for row in table.rows] == [
        ["merml", "svm", "36"],
        ["gmml", "svm", "36"],
        ["gmml", "merml", "36"],
    ]
    (picture,) = section.pictures
    assert picture.wide.count("whisker") == 3
    said = table.rows[0][3]
    assert f"merml − svm {said} (" in picture.alt
    text = " ".join(section.text)
    assert "every pair of models (3 in all)" in text
    assert "takes clips for independent" in text
    assert "resamples of whole subjects" in text
    assert shown(run_of(tiny, {"svm": models["svm"]})) is None


def test_what_cannot_be_computed_is_a_dash_with_its_reason(tiny, models):
    tables, folds = some_folds(models, tiny.folds, [0])
    only_a = of_one_subject(models["svm"])
    fold = only_a["fold"].iloc[0]
    one, its_folds = some_folds(models, tiny.folds, [fold])
    for predictions, of in ((tables, folds), ({**one, "svm": only_a}, its_folds)):
        section = shown(run_of(tiny, predictions, of))
        found, reasons = section.tables
        cells = [cell for table in (found, reasons) for row in table.rows for cell in row]
        assert not any("nan" in cell.lower() or "none" in cell.lower() for cell in cells)
        assert [row[-1] for row in found.rows] == ["–"] * 3
        assert all("no t-test" in row[2] for row in reasons.rows)
    assert "no interval" in reasons.rows[0][2]


def test_section_without_any_common_clip_draws_nothing(tiny, models):
    ends = models["svm"]["clip_id"].str.endswith("_0")
    halves = {"svm": models["svm"][ends], "merml": models["merml"][~ends]}
    halves = {m: t.reset_index(drop=True) for m, t in halves.items()}
    section = shown(run_of(tiny, halves))
    assert not section.pictures
    assert section.tables[0].rows[0] == ["merml", "svm", "0", *["–"] * 8]
    assert section.tables[1].rows[0][2] == "no clip was scored by both"


def test_json_holds_the_counts_and_null_where_nothing_was_tested(tiny, models):
    tables, folds = some_folds(models, tiny.folds, [0])
    laid_out = as_json(compare_all(tables, folds, tiny.clips))
    assert list(laid_out) == ["merml - svm", "gmml - svm", "gmml - merml"]
    entry = laid_out["merml - svm"]
    assert entry["t_test"] is None
    assert entry["mcnemar"]["only_a"] == int((right(tables["merml"]) & ~right(tables["svm"])).sum())
    assert "NaN" not in to_json(laid_out)


def test_a_tiny_p_is_not_written_as_zero():
    assert [p_text(p) for p in (None, 1.0, 0.04951, 0.0001)] == ["–", "1.000", "0.050", "< 0.001"]


@pytest.fixture
def data(tmp_path, tiny, models):
    empty = dict.fromkeys(set(CLIPS.columns) - set(tiny.clips))
    clips = tiny.clips.assign(**{**empty, "corpus": "demo"})
    write_table(tmp_path / "folds.parquet", tiny.folds, FOLDS)
    write_table(tmp_path / "clips.parquet", clips, CLIPS)
    for model in ("svm", "merml"):
        write_table(tmp_path / "predictions" / f"{model}.parquet", models[model], PREDICTIONS)
    write_table(tmp_path / "predictions" / "unheard.parquet", models["svm"].iloc[:0], PREDICTIONS)
    return tmp_path


def test_command_prints_the_same_numbers(tiny, models, data):
    found = compare(models["merml"], models["svm"], tiny.folds, tiny.clips)
    result = CliRunner().invoke(app, ["compare", "merml", "svm", "--data", str(data)])
    assert result.exit_code == 0
    assert "merml (A) against svm (B): 36 clips of 6 subjects" in result.output
    counts = f"only A right {found.mcnemar.only_a}, only B right {found.mcnemar.only_b}"
    assert f"{counts}, p = {found.mcnemar.p:.3f}" in result.output
    assert f"3 folds: t = {found.t_test.t:.2f}, p = {found.t_test.p:.3f}" in result.output


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("merlm", "there is no model 'merlm' with predictions; expected one of merml, svm"),
        ("unheard", "holds no predictions"),
        ("merml", "merml is to be compared with itself; expected another model"),
    ],
)
def test_command_names_a_model_that_it_cannot_compare(data, model, words):
    result = CliRunner().invoke(app, ["compare", "merml", model, "--data", str(data)])
    assert isinstance(result.exception, DataError)
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)


@pytest.mark.parametrize("kind", ["transductive", "enrolled"])
def test_command_compares_no_models_of_different_speaker_normalisation(tiny, data, kind):
    """What counts is what lies in the folder: params.yaml has been put back meanwhile."""
    save(data, "none")
    merml, svm, avef = (
        tiny.predict(m, seed=i) for i, m in enumerate(("merml", "svm_audio", "avef"))
    )
    if kind == "enrolled":
        folds = enrol(tiny.folds, tiny.clips, 2)
        write_table(data / "folds.parquet", folds, FOLDS)
        left = folds.loc[folds["part"] == "test", "clip_id"]
        merml, svm, avef = (t[t["clip_id"].isin(left)] for t in (merml, svm, avef))
    for model, table in (("merml", merml), ("svm_audio", svm), ("avef", avef)):
        write_table(data / "predictions" / f"{model}.parquet", table, PREDICTIONS)
    pair = ["compare", "merml", "avef", "--data", str(data)]
    assert CliRunner().invoke(app, pair).exit_code == 0

    save(data, kind)
    result = CliRunner().invoke(app, pair)
    assert isinstance(result.exception, DataError)
    assert str(result.exception).startswith("merml and avef are not compared")
    assert f"({kind} and none)" in str(result.exception)
    result = CliRunner().invoke(app, ["compare", "merml", "svm_audio", "--data", str(data)])
    assert f"clips of 6 subjects, speakers normalised ({kind})" in result.output


def save(data, kind):
    """Save a fold's encoder as the fisher stage does, with or without speakers' means."""
    pooling = Pooling("none").fit(lambda: iter([np.ones((1, 2))]), 1)
    means = {} if kind == "none" else {"a": np.zeros(2)}
    folder = data / "fisher_encoders" / "fold-0"
    folder.mkdir(parents=True, exist_ok=True)
    save_encoders(folder / "audio.npz", {"audio.is10_clip": ViewEncoder(pooling, means)})
