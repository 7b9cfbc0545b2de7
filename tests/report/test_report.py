import re
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from avlib.corpora.published_folds import published_folds
from avlib.protocol_params import Protocol
from avlib.protocols import enrol, make_folds
from avlib.report import report_data
from avlib.report.figure import Axis, Panel, figure
from avlib.report.formats import percent
from avlib.report.page import Section, Table, markdown_text
from avlib.report.report_data import ReportData
from avlib.report.scores import fold_scores, model_scores
from avlib.report.sections import LISTED, NAMED
from avlib.report.terminal import results_table
from avlib.report.write import write_report
from avlib.runtime.tables import read_table, write_table
from avlib.systems.common.tables import PREDICTIONS

THREE_FOLDS = Protocol(
    name="subject_kfold", k=3, folds=None, validation=0.25, validation_by="subjects", seed=0
)


PICTURE = figure([Panel(Axis(0, 1), Axis(0, 1))], "nothing")


def write(folder, tiny, *, untrained=None, params=None, extra=(), **changes):
    """Write the report of a tiny run; return it as Markdown and as HTML."""
    tables = {
        "corpus": "demo", "protocol": THREE_FOLDS, "clips": tiny.clips, "folds": tiny.folds,
        "status": tiny.status,
        "predictions": {"svm_audio": tiny.predict("svm_audio", used="audio")},
        "drawn": {"svm_audio": {"confusion": PICTURE}},
    }  # fmt: skip
    write_report(
        folder,
        ReportData(**{**tables, **changes}),
        descriptions={"svm_audio": "a support vector machine", "avef": "two networks"},
        untrained=untrained or {},
        params=params or {"corpus": "demo"},
        extra=extra,
    )
    return (folder / "report.md").read_text(), (folder / "report.html").read_text()


def section(markdown, title):
    return markdown.split(f"\n## {title}\n")[1].split("\n## ")[0]


def spoiled(tiny, clip_ids, status="failed", reason="cannot be decoded"):
    table = tiny.status
    hit = table["clip_id"].isin(clip_ids) & (table["stage"] == "speech")
    table.loc[hit, ["status", "reason"]] = [status, reason]
    return table


def test_report_compares_the_models_and_accounts_for_the_others(tmp_path, tiny):
    predictions = {"svm_audio": tiny.predict("svm_audio", used="audio"), "merml": tiny.predict()}
    markdown, html = write(
        tmp_path, tiny, predictions=predictions, untrained={"avef": "left out by params.yaml"}
    )
    results = section(markdown, "Results")
    assert re.search(r"\| svm_audio \|.*\| 36 / 36 \| audio \|", results)
    assert re.search(r"\| merml \|.*\| 36 / 36 \| audio\+video \|", results)
    assert "36 labelled clips of 6 subjects, 3 emotions" in markdown
    assert "subject_kfold, 3 folds, subject-independent, seed 0" in markdown
    assert "| avef | two networks | left out by params.yaml |" in markdown
    assert "left out by params.yaml" in html


def test_a_corpus_of_continuous_labels_has_no_chance_and_no_emotions(tmp_path, tiny):
    clips = tiny.clips.assign(emotion=None, arousal=0.1, valence=None)
    clips.loc[0, "arousal"] = None
    markdown, _ = write(tmp_path, tiny, clips=clips, predictions={})
    data = section(markdown, "Data and protocol")
    assert "35 labelled clips of 6 subjects" in data
    assert "1 clips without labels are predicted too" in data
    assert "Chance" not in data
    assert "| Emotions" not in data


def test_results_say_how_many_clips_no_score_is_over(tmp_path, tiny):
    lost = pd.DataFrame({"clip_id": [f"gone_{n}" for n in range(1200)]})
    lost = lost.assign(stage="clips", status="failed", reason="video not downloaded")
    status = pd.concat([lost, tiny.status])
    markdown, _ = write(tmp_path, tiny, status=status)
    assert "that no score counts: 1,200 (see" in section(markdown, "Results")
    assert "video not downloaded | 1,200 |" in markdown
    assert "no score counts" not in section(write(tmp_path, tiny)[0], "Results")


def test_demo_corpus_carries_a_warning_and_others_do_not(tmp_path, tiny):
    warning = "no score here says anything about people"
    assert all(warning in text for text in write(tmp_path, tiny))
    assert not any(warning in text for text in write(tmp_path, tiny, corpus="ravdess"))


def test_every_failed_and_degraded_clip_is_named_with_its_reason(tmp_path, tiny):
    failed, degraded = tiny.clips["clip_id"][:3], tiny.clips["clip_id"][5:9]
    status = spoiled(tiny, failed)
    status.loc[status["clip_id"].isin(degraded), ["status", "reason"]] = ["degraded", "no face"]
    markdown, html = write(tmp_path, tiny, status=status)
    assert f"| speech | cannot be decoded | 3 | {', '.join(failed)} |" in markdown
    assert f"| faces | no face | 4 | {', '.join(degraded)} |" in markdown
    assert "| speech | 29 | 4 | 3 | 0 |" in markdown
    plain = html.replace("<wbr>", "")
    assert all(clip in plain for clip in (*failed, *degraded))


def test_clips_that_a_stage_never_reached_are_counted(tmp_path, tiny):
    status = tiny.status
    lost = (status["clip_id"] == "a_anger_0") & (status["stage"] == "speech")
    markdown, _ = write(tmp_path, tiny, status=status[~lost])
    assert "| speech | 35 | 0 | 0 | 1 |" in markdown


def test_long_list_of_reasons_is_cut_and_the_rest_is_counted(tmp_path, tiny):
    many = pd.DataFrame({"clip_id": [f"clip{i:04d}" for i in range(LISTED + 20)]})
    many = many.assign(stage="faces", status="failed", reason="empty file: " + many["clip_id"])
    markdown, _ = write(tmp_path, tiny, status=many)
    assert markdown.count("| faces | empty file: clip") == LISTED
    assert "| and 20 more reasons |" in markdown


def test_clips_of_one_reason_share_a_row_and_the_first_are_named(tmp_path, tiny):
    many = pd.DataFrame({"clip_id": [f"clip{i:04d}" for i in range(1200)]})
    many = many.assign(stage="faces", status="degraded", reason="no video stream")
    many.loc[3, "reason"] = "a rare reason"
    markdown, _ = write(tmp_path, tiny, status=many)
    common = "| faces | no video stream | 1,199 | clip0000, clip0001, clip0002, clip0004,"
    assert common in markdown
    assert f"and {1199 - NAMED:,} more |" in markdown
    assert markdown.index(common) < markdown.index("| faces | a rare reason | 1 | clip0003 |")


def test_what_the_reader_noted_stands_with_the_data(tmp_path, tiny):
    markdown, _ = write(tmp_path, tiny, notes=["3 files are no recordings"])
    assert "3 files are no recordings" in section(markdown, "Data and protocol")


def test_clips_that_a_model_could_not_score_are_counted_and_named(tmp_path, tiny):
    predictions = tiny.predict("svm_audio", used="audio")
    lost = predictions["clip_id"].iloc[0]
    markdown, _ = write(tmp_path, tiny, predictions={"svm_audio": predictions.iloc[1:]})
    assert "35 / 36" in section(markdown, "Results")
    assert f"| svm_audio | 1 | {lost} |" in markdown


def test_modalities_are_scored_one_by_one_where_predictions_hold_them(tmp_path, tiny):
    table = tiny.predict("merml", conditions=("default", "audio", "video"))
    markdown, _ = write(tmp_path, tiny, predictions={"merml": table})
    alone = section(markdown, "One modality at a time")
    assert "| tested with audio only | tested with video only |" in alone
    assert alone.count("| merml | both |") == 2
    assert "| all | 36 |" in section(markdown, "Each model")
    without, _ = write(tmp_path, tiny)
    assert "One modality at a time" not in without


def test_partly_missing_modalities_are_counted_in_the_results(tmp_path, tiny):
    table = tiny.predict("merml")
    table.loc[:4, "modalities"] = "audio"
    markdown, _ = write(tmp_path, tiny, predictions={"merml": table})
    assert "| audio+video (31), audio (5) |" in section(markdown, "Results")


def test_published_figures_stand_apart_under_another_protocol(tmp_path, tiny):
    table = {"merml": tiny.predict("merml")}
    markdown, _ = write(tmp_path, tiny, corpus="crema_d", predictions=table)
    assert "published" not in section(markdown, "Results")
    others = section(markdown, "Published results")
    assert "| same protocol |" not in others
    assert "| merml | 66.5 | – | subject_kfold, 10 folds, subject-independent |" in others
    assert "| audio | 40.9 |" in others


def crema_d(tmp_path, tiny, subjects, used="audio+video", model="merml", also=(), **more):
    """Report on so many subjects with the clips that CREMA-D has of each, all recognised.

    Also under some conditions, where all is taken for anger.
    """
    takes = [(f"{s:02d}_{t}", f"{s:02d}", ["anger", "fear"][t % 2]) for s in range(subjects)
             for t in range(82)]  # fmt: skip
    clips = pd.DataFrame(takes, columns=["clip_id", "subject", "emotion"])
    clips = clips.assign(sha256=clips["clip_id"])
    protocol = Protocol(
        name="subject_kfold", k=10, folds=None, validation=0.2, validation_by="subjects", seed=0
    )
    folds = make_folds(clips, protocol="subject_kfold", k=10, validation=0.2, seed=0)
    tested = folds[folds["part"] == "test"].merge(clips, on="clip_id")
    right = tested[["clip_id", "fold"]].assign(
        model=model,
        condition="default",
        modalities=used,
        emotion=tested["emotion"],
        predicted=tested["emotion"],
        prob_anger=0.4,
        prob_fear=0.6,
    )
    alone = [right.assign(condition=c, modalities=c, predicted="anger") for c in also]
    changes = {"clips": clips, "folds": folds, "protocol": protocol, "status": tiny.status, **more}
    predictions = {model: pd.concat([right, *alone], ignore_index=True)}
    return write(tmp_path, tiny, corpus="crema_d", predictions=predictions, **changes)[0]


def test_published_figures_stand_beside_ours_on_the_whole_corpus(tmp_path, tiny):
    markdown = crema_d(tmp_path, tiny, 91)
    assert re.search(r"\| merml \| 100\.0 \|.*\| 7,462 / 7,462 \|.*\| 66\.5 \|", markdown)
    others = section(markdown, "Published results")
    assert "| merml | 66.5 | 100.0 | Ghaleb" in others
    assert (
        "| HiCMAE-B | 84.9 | 84.9 | published (hicmae), 5 folds, subject-independent "
        "| VoxCeleb2, without labels | Sun, Lian"
    ) in others


@pytest.mark.parametrize(("tested", "title"), [("validation", "same"), ("test", "another")])
def test_f1_of_each_modality_stands_beside_published_f1_where_that_part_is_tested(
    tmp_path, tiny, monkeypatch, tested, title
):
    monkeypatch.setattr(report_data, "partial", lambda *args: "")
    folds = tiny.folds[tiny.folds["fold"] == 0]
    clips = tiny.clips.merge(folds[["clip_id", "part"]], on="clip_id")
    clips["partition"] = clips["part"].where(clips["part"] != "test", tested)
    predictions = tiny.predict("emobed_classic", used="audio")
    predictions = predictions[predictions["fold"] == 0]
    markdown, _ = write(
        tmp_path, tiny, corpus="omg_emotion", clips=clips.drop(columns="part"), folds=folds,
        predictions={"emobed_classic": predictions},
        protocol=Protocol(name="official", k=2, folds=None, validation=0.2,
                          validation_by="subjects", seed=0),
    )  # fmt: skip
    found = section(markdown, "Published results")
    assert f"| {title} protocol |" in found
    assert ("| same protocol |" in found) == (tested == "validation")
    ours = model_scores(fold_scores(predictions, folds))["f1_macro"]
    (row,) = [row for row in found.splitlines() if row.startswith("| emobed_classic, audio only")]
    extra = percent(ours) if tested == "validation" else "official (validation part tested)"
    assert row.startswith(f"| emobed_classic, audio only | 36.5 | {extra}")


def on_published_folds(tmp_path, tiny, actors, name="hicmae", **more):
    """Report on 60 clips of each of so many actors of RAVDESS, all recognised."""
    rows = [(f"{actor:02}-{take:02}", f"Actor_{actor:02}", ["anger", "fear"][take % 2])
            for actor in range(1, actors + 1) for take in range(60)]  # fmt: skip
    clips = pd.DataFrame(rows, columns=["clip_id", "subject", "emotion"])
    clips = clips.assign(sha256=clips["clip_id"])
    settings = {"k": 10, "validation": 0.2, "seed": 0}
    listed = published_folds("ravdess", name)
    folds = make_folds(clips, protocol="published", published=listed, **settings)
    tested = folds[folds["part"] == "test"].merge(clips, on="clip_id")
    right = tested[["clip_id", "fold", "emotion"]].assign(
        model="merml",
        condition="default",
        modalities="audio+video",
        predicted=tested["emotion"],
        prob_anger=0.4,
        prob_fear=0.6,
    )
    protocol = Protocol(name="published", folds=name, validation_by="subjects", **settings)
    run = {"clips": clips, "folds": folds, "protocol": protocol, "status": tiny.status, **more}
    return write(tmp_path, tiny, corpus="ravdess", predictions={"merml": right}, **run)[0]


def test_published_results_stand_beside_ours_on_the_same_folds(tmp_path, tiny):
    markdown = on_published_folds(tmp_path, tiny, 24)
    facts = section(markdown, "Data and protocol")
    assert "published (hicmae), 6 folds, subject-independent, seed 0" in facts
    assert "of its 6 folds" not in facts
    same, others = section(markdown, "Published results").split("| another protocol |")
    assert "| HiCMAE-B | audio+video | 88.0 | – | VoxCeleb2, without labels | Sun, Lian" in same
    assert "| HiCMAE-B | audio | 72.3 | – | VoxCeleb2" in same
    assert "| merml | audio+video | 100.0 | 100.0 | see Parameters | this run |" in same
    assert "other draws" not in same
    assert "| xlsr-Wav2Vec2.0 and action units | 86.7 | published (luna_jimenez), 5 folds" in others
    assert "| gating | 67.7 | subject_kfold, 10 folds" in others


@pytest.mark.parametrize(
    ("name", "actors", "used"),
    [
        ("hicmae", 11, "3 of its 6 folds are used (1, 2, 3)"),
        ("luna_jimenez", 12, "5 of its 5 folds are used (1, 2, 3, 4, 5)"),
    ],
)
def test_no_published_result_stands_beside_part_of_its_subjects(tmp_path, tiny, name, actors, used):
    markdown = on_published_folds(tmp_path, tiny, actors, name)
    facts = section(markdown, "Data and protocol")
    assert f"{actors} of the 24 subjects of the published list {name} are here: {used}" in facts
    others = section(markdown, "Published results")
    assert "| same folds |" not in others
    assert "the same subjects" not in others
    assert "this run" not in others
    assert f"{actors} subjects, the published figures are of 1,440 clips of 24" in others


def test_part_of_a_corpus_never_stands_beside_published_figures(tmp_path, tiny):
    markdown = crema_d(tmp_path, tiny, 12)
    assert "published" not in section(markdown, "Results")
    others = section(markdown, "Published results")
    assert "| merml | 66.5 | – | Ghaleb" in others
    assert "984 clips of 12 subjects, the published figures are of 7,442 clips of 91" in others


def test_audio_only_form_never_stands_beside_the_audio_visual_figure(tmp_path, tiny):
    markdown = crema_d(tmp_path, tiny, 91, used="audio")
    assert "published" not in section(markdown, "Results")
    assert "| merml | 66.5 | – | Ghaleb" in section(markdown, "Published results")


def test_a_systems_figures_with_one_modality_stand_beside_its_test_with_that_one(tmp_path, tiny):
    markdown = crema_d(tmp_path, tiny, 91, model="gating", also=["audio"])
    others = section(markdown, "Published results")
    assert "| gating | 74.0 | 100.0 | Ghaleb" in others
    assert "| gating, audio only | 57.0 | 50.0 | Ghaleb" in others
    assert "| gating, video only | 65.0 | – | Ghaleb" in others
    assert "| gating_global | 69.0 | – | Ghaleb" in others


def test_a_form_of_audio_alone_stands_beside_the_figure_with_audio_alone(tmp_path, tiny):
    markdown = crema_d(tmp_path, tiny, 91, model="gating", used="audio")
    assert re.search(r"\| gating \|.*\| audio \|.*\| 57\.0 \|", section(markdown, "Results"))
    others = section(markdown, "Published results")
    assert "| gating, audio only | 57.0 | 100.0 | Ghaleb" in others
    assert "| gating | 74.0 | – | Ghaleb" in others


def test_votes_of_raters_are_scored_where_the_corpus_has_them(tmp_path, tiny):
    clips = tiny.clips.assign(vote_voice=tiny.clips["emotion"])
    clips.loc[0, "vote_voice"] = "anger:disgust"
    markdown, _ = write(tmp_path, tiny, clips=clips)
    assert "(35) |" in section(markdown, "Against what raters perceived")
    assert "perceived, face" not in markdown


def test_votes_that_are_ties_or_missing_or_of_other_emotions_do_not_count(tmp_path, tiny):
    merml = tiny.predict()
    votes = merml.set_index("clip_id")["predicted"]
    clips = tiny.clips.assign(vote_face=tiny.clips["clip_id"].map(votes))
    clips.loc[[0, 1, 2], "vote_face"] = ["anger:disgust", None, "pride"]
    markdown, _ = write(tmp_path, tiny, clips=clips, predictions={"merml": merml})
    assert "| 100.0 ± 0.0 (33) |" in section(markdown, "Against what raters perceived")
    # Nor do clips that a model did not score.
    few = merml[merml["clip_id"].isin(clips["clip_id"][:3])]
    markdown, _ = write(tmp_path, tiny, clips=clips, predictions={"merml": few})
    assert "| – (0) |" in section(markdown, "Against what raters perceived")


HOSTILE = '<script>alert("x")</script>|`*[a](b)'


def test_names_from_tables_are_text_in_both_formats(tmp_path, tiny):
    status = spoiled(tiny, ["a_anger_0"], reason=HOSTILE).replace(
        {"clip_id": {"a_anger_0": HOSTILE}}
    )
    markdown, html = write(tmp_path, tiny, status=status, params={"corpus": "</pre><script>"})
    own = Path(report_data.__file__).with_name("html") / "page.js"
    [script] = re.findall("<script.*?</script>", html, re.DOTALL)  # the page's own, and no other
    assert script == f"<script>{own.read_text()}</script>"
    assert "&lt;script&gt;" in html
    row = next(line for line in markdown.splitlines() if "alert" in line)
    assert "<script" not in row
    assert len(re.findall(r"(?<!\\)\|", row)) == 5


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.targets, self.pictures = [], 0

    def handle_starttag(self, tag, attrs):
        self.pictures += ("role", "img") in attrs
        self.targets += [value for key, value in attrs if key in ("href", "src")]
        assert tag not in ("link", "iframe")


def test_html_holds_everything_it_shows(tmp_path, tiny):
    _, html = write(tmp_path, tiny)
    links = _Links()
    links.feed(html)
    assert links.pictures == 7  # three drawings in two widths, and what became of the clips
    assert all(target.startswith(("#", "data:")) for target in links.targets)
    anchors = {target[1:] for target in links.targets if target.startswith("#")}
    assert anchors == set(re.findall(r'<section id="([^"]+)"', html)) - {"headline"}


def test_markdown_shows_pictures_that_exist(tmp_path, tiny):
    markdown, _ = write(tmp_path, tiny)
    shown = re.findall(r"\]\((pictures/[^)]+)\)", markdown)
    assert len(shown) == 4
    assert all((tmp_path / picture).is_file() for picture in shown)


def test_two_runs_write_the_same_bytes(tmp_path, tiny):
    write(tmp_path / "first", tiny)
    write(tmp_path / "second", tiny)
    first = {p.relative_to(tmp_path / "first"): p for p in (tmp_path / "first").rglob("*.*")}
    assert len(first) == 8
    for name, path in first.items():
        assert path.read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_predictions_may_be_given_as_files(tmp_path, tiny):
    table = tiny.predict("svm_audio", used="audio")
    write_table(tmp_path / "p.parquet", table, PREDICTIONS)
    from_file = write(tmp_path, tiny, predictions={"svm_audio": read_table(tmp_path / "p.parquet")})
    assert from_file == write(tmp_path, tiny, predictions={"svm_audio": table})


def test_run_without_any_model_still_accounts_for_its_clips(tmp_path, tiny):
    markdown, _ = write(tmp_path, tiny, predictions={}, untrained={"merml": "no features"})
    assert "No model has predictions yet." in markdown
    assert "| merml | – | no features |" in markdown
    assert "| speech | 36 | 0 | 0 | 0 |" in markdown


def test_further_analyses_are_further_sections(tmp_path, tiny):
    extra = Section("Significance", ["no pair differs"], [Table(["a", "b"], "lr", [["x", "1"]])])
    for text in write(tmp_path, tiny, extra=[extra]):
        assert text.index("Data and protocol") < text.index("no pair differs")


def test_many_folds_are_folded_away(tmp_path, tiny):
    _, few = write(tmp_path, tiny)
    copies = [tiny.folds.assign(fold=tiny.folds["fold"] + 3 * i) for i in range(5)]
    _, many = write(tmp_path, tiny, folds=pd.concat(copies))
    for table in ("Clips", "Accuracy"):
        assert f"{table} in each of" not in few
        assert f"{table} in each of 15 folds" in many


def test_table_with_a_short_row_is_refused():
    with pytest.raises(ValueError, match="differ in length"):
        Table(["a", "b"], "lr", [["x"]])


def test_markdown_keeps_names_readable():
    assert markdown_text("svm_concat a|b\n_x_") == "svm_concat a\\|b \\_x\\_"


def mixed(tiny, kind="transductive"):
    models = {m: tiny.predict(m, seed=i) for i, m in enumerate(("svm_audio", "merml", "avef"))}
    return {
        "predictions": models,
        "normalise": dict.fromkeys(("svm_audio", "merml"), kind),
        "drawn": {model: {"confusion": PICTURE} for model in models},
    }


@pytest.mark.parametrize("title", ["Results", "Recall of each emotion", "Folds"])
def test_scores_of_different_speaker_normalisation_stand_apart(tmp_path, tiny, title):
    markdown, html = write(tmp_path, tiny, **mixed(tiny))
    plain = section(markdown, title)
    apart = section(markdown, f"{title}, speakers normalised (transductive)")
    assert "avef" in plain
    assert not {"merml", "svm_audio"} & set(re.findall(r"\w+", plain))
    assert "avef" not in apart
    assert "merml" in apart
    pictures = re.findall(r"\(pictures/(\w+\.\w+)\)", markdown)
    assert len(set(pictures)) == len(pictures)
    anchors = re.findall(r'<section id="([^"]+)"', html)
    assert len(set(anchors)) == len(anchors)


def test_report_says_what_was_used_of_the_tested_speakers(tmp_path, tiny):
    markdown, _ = write(tmp_path, tiny, **mixed(tiny))
    facts = section(markdown, "Data and protocol")
    assert "| Speakers | normalised (transductive) by svm_audio, merml |" in facts
    assert "Enrolled" not in facts
    text = section(markdown, "Results, speakers normalised (transductive)")
    assert "not subject-independent in the strict sense" in text
    assert "strict sense" not in section(markdown, "Results")
    usual, _ = write(tmp_path, tiny)
    assert "ormalise" not in usual


def test_enrolled_clips_are_counted_and_scored_by_nobody(tmp_path, tiny):
    folds = enrol(tiny.folds, tiny.clips, 2)
    left = folds.loc[folds["part"] == "test", "clip_id"]
    run = mixed(tiny, "enrolled")
    run["predictions"] = {
        m: table[table["clip_id"].isin(left)] for m, table in run["predictions"].items()
    }
    markdown, _ = write(tmp_path, tiny, folds=folds, **run)
    facts = section(markdown, "Data and protocol")
    assert "| Enrolled clips | 12 of 6 tested speakers, the first 2 of each;" in facts
    assert "test 8, enrolment 4 (mean)" in facts
    apart = section(markdown, "Results, speakers normalised (enrolled)")
    assert "first 2 clips" in apart
    assert "(12 clips) are in no score" in apart
    assert "24 / 24" in apart
    assert "| enrolment |" in section(markdown, "Folds")


def test_no_published_figure_stands_beside_normalised_speakers(tmp_path, tiny):
    usual = crema_d(tmp_path, tiny, 91)
    assert "| 66.5 |" in section(usual, "Results")
    markdown = crema_d(tmp_path, tiny, 91, normalise={"merml": "transductive"})
    assert "66.5" not in section(markdown, "Results, speakers normalised (transductive)")
    published = section(markdown, "Published results")
    assert "| same protocol |" not in published
    assert "100.0" not in published
    assert "none of ours stands beside them" in published


def test_normalised_speakers_never_stand_beside_others_of_the_same_folds(tmp_path, tiny):
    markdown = on_published_folds(tmp_path, tiny, 24, normalise={"merml": "transductive"})
    assert "this run |" not in markdown
    assert "| same folds |" not in markdown


def test_terminal_has_a_table_for_each_speaker_normalisation():
    line = {"accuracy": 0.5, "accuracy_std": None, "uar": None, "f1_macro": 0.1, "clips": 12}
    both = {"demo": {"avef": line}, "demo, speakers transductive": {"merml": line}}
    first, second = results_table(both).split("\n\n")
    assert "avef" in first
    assert "merml" not in first
    assert "| demo, speakers transductive | merml |" in second


def test_terminal_table_lists_the_best_model_first_and_dashes_what_is_unknown():
    line = {"accuracy": 0.5, "accuracy_std": None, "uar": None, "f1_macro": 0.1, "clips": 1234}
    table = results_table({"demo": {"low": line, "high": {**line, "accuracy": 0.61234}}})
    rows = table.splitlines()
    assert rows[0].split("|")[1].strip() == "corpus"
    assert [row.split("|")[2].strip() for row in rows[2:]] == ["high", "low"]
    assert rows[2].split("|")[3].strip() == "61.2"
    assert [cell.strip() for cell in rows[3].split("|")[4:6]] == ["–", "–"]
    assert rows[3].split("|")[7].strip() == "1,234"


def test_percentages_are_the_nearest_to_the_true_shares():
    shares = [Fraction(right, total) for total in range(1, 200) for right in range(total + 1)]
    for share in shares:
        score, spread = percent(float(share), float(share)).split(" ± ")
        assert score == spread
        assert abs(Fraction(score) - 100 * share) <= Fraction(1, 20)
