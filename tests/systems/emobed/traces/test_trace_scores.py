"""Scores of predicted traces, and their section of the report."""

import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from avlib.corpora.common.tables import TRACES
from avlib.report.regression import partition_scores
from avlib.runtime import tables
from avlib.runtime.errors import DataError
from avlib.systems.emobed.traces.report import traces_section
from avlib.systems.emobed.traces.scores import partition, trace_scores, with_labels
from avlib.systems.emobed.traces.tables import PREDICTED_TRACES

FOLDS = {"a": 0, "b": 0, "c": 1, "d": 1}
WHOSE = {"a": "s1", "b": "s2", "c": "s3", "d": "s3"}
NOISE = {"emobed_classic": 0.8, "emobed": 0.1}


@pytest.fixture
def labelled():
    """Tables ``predicted_traces`` and ``traces`` of four recordings; valence of one is constant."""
    rng, truth, rows = np.random.default_rng(0), [], []
    for clip, fold in FOLDS.items():
        n = 40
        felt = np.sin(np.linspace(0, 5, n)[:, None] + rng.uniform(0, 6, 2)) * 0.7
        if clip == "b":
            felt[:, 1] = 0.2
        keys = {"clip_id": clip, "frame": np.arange(n)}
        truth.append(pd.DataFrame({**keys, "time": 0.04 * np.arange(n),
                                   "arousal": felt[:, 0], "valence": felt[:, 1]}))  # fmt: skip
        for model, noise in NOISE.items():
            for modality in ("audio", "geometry"):
                found = felt + noise * rng.normal(size=felt.shape)
                rows.append(pd.DataFrame({**keys, "fold": fold, "model": model,
                    "scenario": modality, "part": "test", "seed": 0,
                    "arousal": found[:, 0], "valence": found[:, 1],
                    "arousal_raw": 0.2 * found[:, 0],
                    "valence_raw": 0.2 * found[:, 1]}))  # fmt: skip
    return pd.concat(rows, ignore_index=True), pd.concat(truth, ignore_index=True)


def lins_ccc(x, y):
    """CCC as Lin wrote it, from the matrix of covariances."""
    cov = np.cov(x, y, bias=True)
    return 2 * cov[0, 1] / (cov[0, 0] + cov[1, 1] + (np.mean(x) - np.mean(y)) ** 2)


def series(predicted, traces, clips, column="arousal"):
    own = predicted.query("model == 'emobed' and scenario == 'audio'")
    pairs = []
    for clip in clips:
        x = traces[traces["clip_id"] == clip].sort_values("frame")["arousal"].to_numpy()
        y = own[own["clip_id"] == clip].sort_values("frame")[column].to_numpy()
        pairs.append((x, y))
    return pairs


def test_both_kinds_of_ccc_are_means_over_folds_and_never_the_same_thing(labelled):
    scores = trace_scores(with_labels(*labelled), WHOSE)["systems"]["emobed"]["audio"]["arousal"]
    for when, column in (("after", "arousal"), ("before", "arousal_raw")):
        joined, alone = [], []
        for fold in (["a", "b"], ["c", "d"]):
            pairs = series(*labelled, fold, column)
            joined.append(lins_ccc(*map(np.concatenate, zip(*pairs, strict=True))))
            alone.append(np.mean([lins_ccc(x, y) for x, y in pairs]))
        assert scores[when]["ccc_concatenated"] == pytest.approx(np.mean(joined))
        assert scores[when]["ccc_concatenated_std"] == pytest.approx(np.std(joined, ddof=1))
        assert scores[when]["ccc_per_recording"] == pytest.approx(np.mean(alone))
    every = map(np.concatenate, zip(*series(*labelled, FOLDS), strict=True))
    assert scores["after"]["pooled"]["ccc_concatenated"] == pytest.approx(lins_ccc(*every))
    assert scores["after"]["ccc_concatenated"] != scores["after"]["ccc_per_recording"]


def test_the_order_of_rows_does_not_matter(labelled):
    predicted, traces = labelled
    shuffled = predicted.sample(frac=1, random_state=0)
    assert trace_scores(with_labels(shuffled, traces), WHOSE) == trace_scores(
        with_labels(*labelled), WHOSE
    )


def test_gains_are_tested_over_subjects_and_as_in_the_paper(labelled):
    gain = trace_scores(with_labels(*labelled), WHOSE)["gains"]["emobed"]["audio"]["arousal"]
    r_a, r_b = gain["enhanced"], gain["classic"]
    assert gain["gain"] == pytest.approx(r_a - r_b)
    assert gain["gain"] > 0.1
    assert gain["interval"][0] > 0
    # Of three subjects' eight exchanges two are as far from 0.
    assert (gain["clusters"], gain["p"], gain["p_holm"]) == (3, 0.25, 1.0)
    z = np.log((1 + r_a) * (1 - r_b) / ((1 - r_a) * (1 + r_b))) / 2 / np.sqrt(2 / (160 - 3))
    assert gain["paper"]["by_frames"]["z"] == pytest.approx(z)
    assert gain["paper"]["by_recordings"]["p"] > gain["paper"]["by_frames"]["p"]


def test_every_enhanced_system_is_compared_on_the_frames_that_both_predicted(labelled):
    predicted, traces = labelled
    joint = predicted.query("model == 'emobed'").assign(model="emobed_joint")
    lost = joint[joint["fold"] == 0]  # as its training recordings lacked the other modality there
    rows = with_labels(pd.concat([predicted, joint]), traces)
    gains = trace_scores(rows, WHOSE)["gains"]
    assert list(gains) == ["emobed_joint", "emobed"]
    assert gains["emobed_joint"] == gains["emobed"]
    rows = with_labels(pd.concat([predicted, joint.drop(lost.index)]), traces)
    found = trace_scores(rows, WHOSE)["gains"]["emobed_joint"]["audio"]["arousal"]
    alone = predicted[predicted["fold"] == 1]
    of_one = trace_scores(with_labels(alone, traces), WHOSE)["gains"]["emobed"]["audio"]["arousal"]
    assert found["gain"] == of_one["gain"]
    assert found["clusters"] == 1


def test_recordings_of_nobody_known_stand_for_themselves(labelled):
    gains = trace_scores(with_labels(*labelled), {})["gains"]
    assert gains["emobed"]["geometry"]["valence"]["clusters"] == len(FOLDS)


def test_recordings_of_one_subject_give_no_test_and_the_reason_is_said(labelled, tmp_path):
    text = " ".join(traces_section(*labelled, dict.fromkeys(FOLDS, "s"), tmp_path / "t.json").text)
    assert "No interval and no p, as all recordings are one subject's: arousal from audio" in text


def test_constant_labels_of_a_recording_are_counted_and_said(labelled, tmp_path):
    scores = trace_scores(with_labels(*labelled), WHOSE)["systems"]["emobed"]["audio"]["valence"][
        "after"
    ]
    assert (scores["pooled"]["recordings"], scores["pooled"]["recordings_total"]) == (3, 4)
    text = " ".join(traces_section(*labelled, WHOSE, tmp_path / "traces.json").text)
    assert "The labels of 1 of 4 recordings do not vary" in text
    assert ": valence from audio, valence from geometry." in text


def test_constant_labels_everywhere_give_null_and_a_dash_never_nan(labelled, tmp_path):
    predicted, traces = labelled
    section = traces_section(predicted, traces.assign(arousal=0.5), WHOSE, tmp_path / "traces.json")
    written = json.loads((tmp_path / "traces.json").read_text())
    assert written["systems"]["emobed"]["audio"]["arousal"]["after"]["ccc_concatenated"] is None
    assert written["gains"]["emobed"]["audio"]["arousal"]["gain"] is None
    cells = [cell for table in section.tables for row in table.rows for cell in row]
    assert "–" in cells
    assert not [cell for cell in cells if re.search("nan", cell)]


def test_an_undefined_ccc_is_a_word_and_no_bar(labelled, tmp_path):
    predicted, traces = labelled
    section = traces_section(predicted, traces.assign(arousal=0.5), WHOSE, tmp_path / "t.json")
    root = ElementTree.fromstring(section.pictures[0].svg)
    arousal, valence = (
        [(part.attrib.get("class"), part.text) for part in panel.iter()]
        for panel in root
        if panel.tag.endswith("}g")
    )
    assert arousal.count(("small", "undefined")) == 4
    assert ("bar g0", None) not in arousal
    assert ("small", "undefined") not in valence
    assert valence.count(("bar g0", None)) == 4


def constant(traces, *clips):
    """Arousal is constant in these recordings, at a level of its own in each."""
    levels = traces["clip_id"].map({clip: k / 10 for k, clip in enumerate(clips)})
    return traces.assign(arousal=levels.fillna(traces["arousal"]))


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (lambda t: t.assign(arousal=0.5), [
            "No CCC of recordings joined, as in no fold labels vary",
            "No mean of the recordings' own CCC, as in no recording labels vary",
            "No CCC, gain or p over all folds joined, as their labels do not vary",
        ]),
        (lambda t: t.assign(arousal=np.nan),
         ["No score, gain or p at all, as no frame has a label"]),
        (lambda t: constant(t, *FOLDS),
         ["No mean of the recordings' own CCC, as in no recording labels vary"]),
        (lambda t: t.assign(arousal=t["arousal"].mask(t["clip_id"].isin(["c", "d"]), 0.5)), [
            "The labels of 1 of 2 folds do not vary, or there are none: no CCC of these folds, and"
            " the mean is that of the others",
            "The labels of 2 of 4 recordings do not vary, or there are none: no CCC of their own,"
            " and the mean is that of the others (joined with others they count)",
            "No standard deviation, as one fold alone counts (CCC, recordings joined; CCC,"
            " mean of each recording's)",
        ]),
    ],
)  # fmt: skip
def test_every_undefined_figure_is_named_with_its_reason(labelled, tmp_path, change, sentences):
    predicted, traces = labelled
    text = traces_section(predicted, change(traces), WHOSE, tmp_path / "traces.json").text
    named = [f"{sentence}: arousal from audio, arousal from geometry." for sentence in sentences]
    assert [line for line in text if "arousal from" in line] == named


def test_a_p_that_cannot_be_had_says_why(labelled, tmp_path):
    predicted, traces = (table[table["clip_id"] != "d"] for table in labelled)
    text = " ".join(traces_section(predicted, traces, WHOSE, tmp_path / "traces.json").text)
    assert "No p (recordings), as Fisher's test needs four and there are 3: arousal" in text
    assert "No p (frames)" not in text


def test_moments_without_labels_count_nowhere(labelled):
    predicted, traces = labelled
    holes = traces["frame"] >= 30
    gappy = traces.assign(arousal=traces["arousal"].mask(holes))
    cut = predicted[predicted["frame"] < 30]
    one = trace_scores(with_labels(predicted, gappy), WHOSE)["systems"]["emobed"]["geometry"][
        "arousal"
    ]
    two = trace_scores(with_labels(cut, traces), WHOSE)["systems"]["emobed"]["geometry"]["arousal"]
    assert one == two


def test_predictions_of_other_labels_are_refused(labelled):
    predicted, traces = labelled
    with pytest.raises(DataError, match=r"frame 39 of a has no row in traces \(4 such"):
        with_labels(predicted, traces[(traces["frame"] < 39) | (traces["clip_id"] != "a")])


def test_recordings_of_two_folds_are_not_one_series(labelled):
    predicted, traces = labelled
    twice = pd.concat([predicted, predicted.assign(fold=7)])
    rows = with_labels(twice, traces).query("model == 'emobed' and scenario == 'audio'")
    assert partition(rows, "arousal", "arousal")["recordings_total"] == 8


def test_recordings_scored_at_once_have_the_scores_of_one_after_the_other():
    rng = np.random.default_rng(0)
    lengths = {"a": 30, "b": 1, "c": 17, "d": 25, "e": 9}
    rows = pd.DataFrame({"clip_id": np.repeat([*lengths], [*lengths.values()]), "seed": 0})
    rows["recording"] = pd.factorize(rows["clip_id"])[0]
    rows["arousal_label"], rows["arousal"] = rng.normal(size=(2, len(rows)))
    rows.loc[rows["clip_id"] == "c", "arousal_label"] = 0.3  # does not vary
    rows.loc[rows["clip_id"] == "d", "arousal"] = 0.1
    rows.loc[rows["clip_id"] == "e", "arousal_label"] = np.nan
    rows.loc[[2, 3, 60], "arousal_label"] = np.nan
    columns = ["arousal_label", "arousal"]
    each = [own[columns].to_numpy().T for _, own in rows.groupby("clip_id")]
    expected = partition_scores(each)
    assert expected["recordings"] == 2
    assert partition(rows, "arousal", "arousal") == pytest.approx(expected, abs=1e-12)


def test_the_section_shows_systems_gains_and_two_pictures(labelled, tmp_path):
    section = traces_section(*labelled, WHOSE, tmp_path / "traces.json")
    assert [picture.name for picture in section.pictures] == ["traces_ccc", "traces_over_time"]
    _, over_time = section.pictures
    assert over_time.svg.count('class="line"') == 2 * over_time.svg.count("time (s)") + 1
    heads = [table.columns[0] for table in section.tables]
    of_scores = ["CCC of all", "CCC, recordings joined", "CCC, mean of each recording's", "RMSE"]
    assert heads == [*of_scores, "system", "system"]
    assert [len(table.rows) for table in section.tables] == [4, 4, 4, 4, 4, 4]


def test_without_predictions_there_is_no_section_and_the_file_says_so(labelled, tmp_path):
    empty = tables.no_rows(PREDICTED_TRACES).to_pandas()
    for traces in (labelled[1], tables.no_rows(TRACES).to_pandas()):
        assert traces_section(empty, traces, WHOSE, tmp_path / "traces.json") is None
        written = json.loads((tmp_path / "traces.json").read_text())
        assert written == {
            "gains": {}, "part": "validation", "seeds": 0, "systems": {}, "validation": {},
        }  # fmt: skip


def test_scores_and_gains_of_several_seeds_are_their_means(labelled):
    predicted, traces = labelled
    rng = np.random.default_rng(1)
    alone, every = [], []
    for seed in range(3):
        noisy = predicted.assign(seed=seed)
        for column in ("arousal", "valence"):
            noisy[column] = predicted[column] + 0.3 * rng.normal(size=len(predicted))
        every.append(noisy)
        alone.append(trace_scores(with_labels(noisy.assign(seed=0), traces), WHOSE))
    found = trace_scores(with_labels(pd.concat(every), traces), WHOSE)
    assert found["seeds"] == 3
    gain, gains = (
        [s["gains"]["emobed"]["audio"]["arousal"] for s in scores] for scores in ([found], alone)
    )
    assert gain[0]["gain"] == pytest.approx(np.mean([one["gain"] for one in gains]))
    assert gain[0]["gain"] == pytest.approx(gain[0]["enhanced"] - gain[0]["classic"])
    assert np.ptp([one["gain"] for one in gains]) > 0
    assert gain[0]["clusters"] == 3
    for where in ("after", "before"):
        mean, each = (
            [s["systems"]["emobed"]["geometry"]["valence"][where]["rmse"] for s in scores]
            for scores in ([found], alone)
        )
        assert mean[0] == pytest.approx(np.mean(each))
