"""What stands on top of the report, and what lies beside it."""

import csv
import io
import json
import re
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from avlib.report import mistakes
from avlib.report.by_model import by_model
from avlib.report.chart import Row, Scale, rows_chart
from avlib.report.headline import headline
from avlib.report.html_page import html_page
from avlib.report.identity import code, corpus_digest
from avlib.report.looks import Look, looks
from avlib.report.page import ModelPart, Page, Picture, Section, Table
from avlib.report.results_page import folds_and_people
from avlib.report.standings import results_csv, results_json, standings
from avlib.report.starting import divided, starts_from
from avlib.report.terminal import results_table, traces_table

MODELS = ("svm_audio", "merml", "gating")
OTHERS = "networks trained on other generated people"


@pytest.fixture
def run(tiny):
    """Three models, of which one starts from other people's weights."""
    predictions = {model: tiny.predict(model, seed=i) for i, model in enumerate(MODELS)}
    return tiny.data(predictions, starts_from={"gating": OTHERS})


def right_share(table):
    rows = table[table["condition"] == "default"]
    return (rows["predicted"] == rows["emotion"]).mean()


def test_headline_names_the_best_that_may_be_ranked_with_its_interval(run):
    shares = {m: right_share(run.predictions[m]) for m in ("svm_audio", "merml")}
    best = max(shares, key=shares.get)
    (sentence,) = headline(run, standings(run)).sentences
    assert sentence.startswith(f"{best} recognises {100 * shares[best]:.1f} % of 36 clips of 6 gen")
    low, high = map(float, re.search(r"people ([\d.]+) to ([\d.]+)\)", sentence).groups())
    assert low < 100 * shares[best] < high


def test_how_many_others_the_best_cannot_be_told_from_reads_of_one_as_of_several(tiny):
    best, far = tiny.predict("merml"), tiny.predict("svm_audio")
    best["predicted"] = best["emotion"]
    far["predicted"] = far["emotion"].map({"anger": "disgust", "disgust": "anger"})
    far["predicted"] = far["predicted"].fillna("anger")
    data = tiny.data(
        {"merml": best, "svm_concat": best.assign(model="svm_concat"), "svm_audio": far}
    )
    [said] = [c for c in headline(data, standings(data)).caveats if "best of 3" in c]
    assert said.endswith("reach up to its own: 1; the order among them is not settled here.")


def test_a_model_that_met_other_people_is_never_the_winner_and_comes_last(run, tiny):
    perfect = run.predictions["gating"].assign(predicted=lambda t: t["emotion"])
    run.predictions["gating"] = perfect
    found = standings(run)
    assert found[-1].model == "gating"
    assert found[-1].accuracy == 1.0
    said = headline(run, found)
    assert "gating" not in said.sentences[0]
    assert any("gating" in caveat and OTHERS in caveat for caveat in said.caveats)
    assert said.drawing.alt.endswith("chance 33.3 %")


@pytest.mark.parametrize(
    ("corpus", "generated"), [("demo", True), ("demo_crossmodal", True), ("ravdess", False)]
)
def test_generated_people_are_called_so(tiny, corpus, generated):
    data = tiny.data({"merml": tiny.predict()}, corpus=corpus)
    said = headline(data, standings(data))
    assert ("generated people" in said.sentences[0]) == generated
    assert any("no figure here is a result" in c for c in said.caveats) == generated


def test_equal_models_share_the_headline(tiny):
    data = tiny.data({m: tiny.predict(m, seed=3) for m in ("svm_audio", "merml")})
    (sentence,) = headline(data, standings(data)).sentences
    assert sentence.startswith("svm_audio and merml recognise ")


def test_speaker_normalisation_has_a_sentence_and_a_caveat_of_its_own(run):
    kinds = {"merml": "transductive"}
    data = run.__class__(**{**run.__dict__, "normalise": kinds})
    said = headline(data, standings(data))
    assert [s.partition(" ")[0] for s in said.sentences] == ["svm_audio", "With"]
    assert any("transductive" in caveat for caveat in said.caveats)


def test_files_beside_the_page_hold_what_the_predictions_say(run):
    found = standings(run)
    rows = {row["model"]: row for row in csv.DictReader(io.StringIO(results_csv(found)))}
    parsed = json.loads(results_json(run, found))
    assert parsed["clips"] == 36
    assert parsed["subjects"] == 6
    for model, table in run.predictions.items():
        expected = right_share(table)
        assert float(rows[model]["accuracy"]) == pytest.approx(expected, abs=1e-6)
        (line,) = [m for m in parsed["models"] if m["model"] == model]
        assert line["accuracy"] == pytest.approx(expected, abs=1e-6)
        assert line["comparable"] == (model != "gating")
        of_folds = table.groupby("fold").apply(right_share, include_groups=False)
        assert line["accuracy_folds"] == pytest.approx(of_folds.mean(), abs=1e-6)


def test_people_and_folds_are_drawn_where_their_scores_are(run):
    section = folds_and_people(run)
    of_people = section.tables[2]
    rows = run.predictions["merml"]
    subject = rows["clip_id"].str[0]
    expected = (rows["predicted"] == rows["emotion"]).groupby(subject).mean()
    column = list(of_people.columns).index("merml")
    assert {r[0]: float(r[column]) for r in of_people.rows} == pytest.approx(
        (100 * expected).round(1).to_dict()
    )
    drawing = next(p for p in section.pictures if p.model == "merml")
    assert drawing.wide.count('class="faint') == 3
    assert drawing.wide.count('class="hollow') == 6


@pytest.mark.parametrize("models", [["svm_audio", "merml", "gating"], ["merml"]])
def test_accuracy_in_folds_goes_down_the_page_by_whatever_there_is_more_of(models, run):
    some = replace(run, predictions={m: run.predictions[m] for m in models})
    made_up, scored, _ = folds_and_people(some).tables
    rows = run.predictions["merml"]
    right = (rows["predicted"] == rows["emotion"]).groupby(rows["fold"]).mean()
    expected = [f"{100 * share:.1f}" for share in right]
    assert [row[0] for row in made_up.rows] == ["0", "1", "2"]
    if len(models) == 3:
        assert list(scored.columns) == ["model", "fold 0", "fold 1", "fold 2"]
        assert next(row[1:] for row in scored.rows if row[0] == "merml") == expected
    else:
        assert list(scored.columns) == ["fold", "merml"]
        assert scored.rows == [[str(k), share] for k, share in enumerate(expected)]


def test_a_value_is_drawn_at_its_place_on_the_axis():
    scale = Scale(0, 100, (0, 100), 50, "half", "%")
    row = Row("a<b", Look(), 25.0, 0.0, 100.0, said="25.0")
    svg = rows_chart({"": [row]}, scale, "x", width=500, names=100)
    start, end = map(float, re.search(r"whisker[^>]*M([\d.]+) [\d.]+H([\d.]+)", svg).groups())
    place = float(re.search(r"translate\(([\d.]+) [\d.]+\) scale", svg)[1])
    assert place == pytest.approx(start + 0.25 * (end - start), abs=0.1)
    assert "a&lt;b" in svg


def test_looks_do_not_depend_on_which_models_ran_and_are_all_different():
    registered = [(f"m{i}", f"group {i // 5}") for i in range(20)]
    found = looks(registered)
    assert len({(look.colour, look.mark) for look in found.values()}) == 20
    assert looks([*registered, ("new", "group 1")]).items() >= found.items()


def test_pictures_of_one_model_move_into_its_part(run):
    pictures = [Picture("shared", "<svg/>", "all"), Picture("own", "<svg/>", "merml's", "merml")]
    sections = [
        Section("Both", ["words"], pictures=pictures),
        Section("Own", ["explained"], [Table(["x"], "l", [["y"]], model="merml")]),
        Section("Words", ["nothing to show"]),
    ]
    rest, parts = by_model(sections, standings(run), {"merml": "a metric"})
    assert [section.title for section in rest] == ["Both", "Words"]
    assert [p.name for p in rest[0].pictures] == ["shared"]
    own = {part.model: part for part in parts}
    assert [(p.title, [*p.text]) for p in own["merml"].pieces] == [
        ("Both", []),
        ("Own", ["explained"]),
    ]
    assert not own["svm_audio"].pieces


def test_names_are_escaped_and_models_carry_their_marks():
    table = Table(["model"], "l", [["merml"], ["<b>x"]])
    parts = [ModelPart("merml", "<i>", "1 %", [])]
    page = Page(
        "<t>", [Section("S", tables=[table])], models=parts, looks={"merml": Look("g", 1, 3)}
    )
    html = html_page(page)
    assert 'class="sign g1"' in html
    assert "#mark3" in html
    assert not re.search("<(b>x|i>|t>)", html)


def test_mistakes_are_the_surest_of_each_model_in_turn(run, monkeypatch):
    monkeypatch.setattr(mistakes, "SHOWN", 2)
    chosen = mistakes.mistaken(run)
    assert len(chosen) == 2
    for clip, model in zip(chosen, MODELS, strict=False):
        table = run.predictions[model]
        wrong = table[table["predicted"] != table["emotion"]]
        sure = wrong[[c for c in wrong if c.startswith("prob_")]].max(axis=1)
        others = {c.clip_id for c in chosen[: chosen.index(clip)]}
        sure = sure[~wrong["clip_id"].isin(others)]
        assert {m: p for m, _, p in clip.said}[model] == pytest.approx(sure.max())
    for clip in chosen:
        models = {m for m, t in run.predictions.items() if (
            t.set_index("clip_id")["predicted"] != t.set_index("clip_id")["emotion"]
        )[clip.clip_id]}  # fmt: skip
        assert {said[0] for said in clip.said} == models


def test_mistakes_show_what_is_there_of_face_and_sound(run):
    section = mistakes.mistakes_section(
        run, lambda clip, subject: "data:face" if subject == "a" else "", lambda *_: ""
    )
    assert len(section.tables[0].rows) == min(mistakes.SHOWN, 36)
    assert "<audio" not in section.html
    assert section.html.count("<img") == sum(r[0][0] == "a" for r in section.tables[0].rows)
    right = {m: t.assign(predicted=t["emotion"]) for m, t in run.predictions.items()}
    run.predictions.update(right)
    assert mistakes.mistakes_section(run, lambda *_: "", lambda *_: "") is None


def test_what_training_started_from_is_read_where_it_was_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for model, weights in {"a": "demo", "b": "none", "c": [0.1, 0.9], "d": "published"}.items():
        folder = tmp_path / f"data/models/{model}/fold-0"
        folder.mkdir(parents=True)
        (folder / "settings.json").write_text(json.dumps({"arguments": {"weights": weights}}))
    assert starts_from("a") == OTHERS
    own = tmp_path / "data/models/own/fold-0/settings.json"  # a system that saves in its own way
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps({"n_classes": 3}))
    assert starts_from("b") == starts_from("c") == starts_from("own") == ""
    assert starts_from("absent") == ""
    assert "published" in starts_from("d")


def test_terminal_keeps_models_of_other_peoples_weights_below_and_says_why():
    line = {"accuracy": 0.5, "accuracy_std": None, "uar": 0.5, "f1_macro": 0.1, "clips": 12}
    found = divided(
        "demo", {"gating": {**line, "accuracy": 0.9}, "merml": line}, {"gating": OTHERS}
    )
    first, second, why = results_table(found).split("\n\n")
    assert "merml" in first
    assert "gating" not in first
    assert "| demo, weights of other people | gating" in second
    assert "not comparable" in why


def test_terminal_shows_what_was_followed_where_no_emotion_is_named():
    scores = {"after": {"ccc_concatenated": 0.4321, "ccc_concatenated_std": None}}
    nothing = {"after": {"ccc_concatenated": None, "ccc_concatenated_std": None}}
    systems = {"emobed": {"audio": {"arousal": scores, "valence": nothing}}}
    assert results_table({"recola": {}}) == ""
    head, *_, row = traces_table({"part": "validation", "systems": systems}).splitlines()
    assert "CCC, arousal (validation)" in head
    assert [cell.strip() for cell in row.split("|")[1:-1]] == ["emobed", "audio", "0.432", "–"]
    assert traces_table({"systems": {}}) == ""


def test_code_is_named_by_the_last_commit_that_changed_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert code(tmp_path).commit == ""

    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        done = subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)
        return done.stdout.decode().strip()

    git("init", "-q")
    (tmp_path / "avlib").mkdir()
    (tmp_path / "avlib/a.py").write_text("1")
    git("add", "."), git("commit", "-qm", "code")
    first = git("rev-parse", "HEAD")
    (tmp_path / "README.md").write_text("words")
    git("add", "."), git("commit", "-qm", "words")
    found = code(tmp_path)
    assert first.startswith(found.commit)
    assert found.changed == ()
    (tmp_path / "avlib/a.py").write_text("2")
    assert code(tmp_path).changed == ("avlib/a.py",)


def test_digest_follows_recordings_and_labels_and_not_their_order(tiny):
    clips = tiny.clips
    assert corpus_digest(clips) == corpus_digest(clips.iloc[::-1])
    assert corpus_digest(clips) != corpus_digest(clips.assign(emotion="fear"))
    assert corpus_digest(clips) != corpus_digest(pd.concat([clips, clips.iloc[:1]]))
    assert np.all([c in "0123456789abcdef" for c in corpus_digest(clips)])
