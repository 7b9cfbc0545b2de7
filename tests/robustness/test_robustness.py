"""Robustness curves from hand-made tables."""

import json

import numpy as np
import pandas as pd
import pytest

from avlib.faces.alignment import CHIP, encode_jpeg
from avlib.faces.occlusion import GREY
from avlib.report.looks import looks
from avlib.report.scores import fold_scores, write_json
from avlib.robustness.curves import curves, missing_modality, read_curves
from avlib.robustness.report import robustness_section
from avlib.robustness.vectors import _Covered

LOOKS = looks([("merml", "metric learning"), ("svm_audio", "vector baselines")])
CONDITIONS = ("default", "audio", "video")


def right(rows):
    return (rows["emotion"] == rows["predicted"]).groupby(rows["fold"]).mean()


def robustness_table(tiny, noise=(10.0, -5.0)):
    """Clean clips, white noise that turns more and more of them into anger, missing modalities."""
    saved = tiny.predict(conditions=CONDITIONS, seed=3)
    clean = saved[saved["condition"] == "default"].drop(columns="condition")
    tables = [clean.assign(corruption="clean", level=0.0)]
    for number, snr in enumerate(sorted(noise, reverse=True), 1):
        noisy = clean.assign(corruption="white", level=snr)
        noisy.loc[noisy.index % 3 < number, "predicted"] = "anger"
        tables.append(noisy)
    return saved, pd.concat([*tables, missing_modality(saved, [0.5, 1.0], 0)], ignore_index=True)


def test_where_every_clip_loses_a_modality_the_score_is_that_of_the_other_one(tiny):
    saved = tiny.predict(conditions=CONDITIONS, seed=1)
    table = missing_modality(saved, [1.0], seed=0)
    for corruption, condition in (("audio_missing", "video"), ("video_missing", "audio")):
        rows = table[table["corruption"] == corruption]
        expected = fold_scores(saved, tiny.folds, condition=condition)
        assert right(rows).to_dict() == {f: s["accuracy"] for f, s in expected.items()}


def test_where_nothing_is_lost_the_score_is_the_default_one(tiny):
    saved = tiny.predict(conditions=CONDITIONS, seed=1)
    table = missing_modality(saved, [0.0], seed=0)
    default = saved[saved["condition"] == "default"]
    for _, rows in table.groupby("corruption"):
        pd.testing.assert_frame_equal(
            rows[default.columns.drop("condition")].reset_index(drop=True),
            default.drop(columns="condition").sort_values(
                ["fold", "clip_id"], ignore_index=True
            ),
        )  # fmt: skip


def test_one_of_the_two_is_lost_by_about_as_many_clips_each(tiny):
    saved = tiny.predict(conditions=CONDITIONS)
    lost = {
        seed: missing_modality(saved, [1.0], seed).query("corruption == 'either_missing'")
        for seed in range(20)
    }
    kept = pd.concat(lost.values())["modalities"].value_counts(normalize=True)
    assert set(kept.index) == {"audio", "video"}
    assert kept["audio"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("corruption", ["audio_missing", "video_missing", "either_missing"])
def test_the_asked_share_of_each_fold_loses_a_modality_and_goes_on_lacking_it(tiny, corruption):
    saved = tiny.predict(conditions=CONDITIONS)
    table = missing_modality(saved, [0.25, 0.5], seed=0).query("corruption == @corruption")
    lost = table[table["modalities"] != "audio+video"]
    share = lost.groupby(["level", "fold"]).size() / table.groupby(["level", "fold"]).size()
    for level in (0.25, 0.5):
        np.testing.assert_allclose(share[level], level, atol=0.5 / 12)
    left = {
        level: set(zip(rows["clip_id"], rows["modalities"], strict=True))
        for level, rows in lost.groupby("level")
    }
    assert left[0.25] < left[0.5]
    assert not table.duplicated(["clip_id", "fold", "level"]).any()


def test_a_clip_that_never_had_both_has_none_to_lose(tiny):
    saved = tiny.predict(conditions=CONDITIONS)
    alone = saved["clip_id"].iloc[0]
    mine = saved["clip_id"] == alone
    saved = saved[~(mine & (saved["condition"] == "video"))]
    saved.loc[(saved["clip_id"] == alone), "modalities"] = "audio"
    table = missing_modality(saved, [1.0], seed=0)
    assert table.loc[table["clip_id"] == alone, "modalities"].tolist() == ["audio"] * 3


def test_a_model_of_one_modality_has_none_to_lose(tiny):
    assert not len(missing_modality(tiny.predict("svm_audio", used="audio"), [0.5], 0))


def test_points_are_the_scores_of_their_rows(tiny):
    saved, table = robustness_table(tiny)
    found = curves(table, tiny.folds)
    assert set(found["corruptions"]) == {
        "white", "audio_missing", "video_missing", "either_missing",
    }  # fmt: skip
    assert found["chance"] == pytest.approx(1 / 3)
    assert found["clean"]["accuracy"] == pytest.approx(
        right(saved.query("condition == 'default'")).mean()
    )
    noisy = right(table.query("corruption == 'white' and level == -5.0"))
    [point] = [p for p in found["corruptions"]["white"] if p["level"] == -5.0]
    assert point["accuracy"] == pytest.approx(noisy.mean())
    assert point["accuracy_std"] == pytest.approx(noisy.std())
    assert point["folds"] == pytest.approx(noisy.to_dict())
    assert point["clips"] == len(tiny.clips)


def test_only_the_named_models_are_read_and_one_that_is_not_trained_is_passed_over(tmp_path, tiny):
    _, table = robustness_table(tiny)
    for model in ("merml", "old"):
        write_json(tmp_path / f"{model}.json", curves(table.assign(model=model), tiny.folds))
    write_json(tmp_path / "svm_concat.json", {"model": "svm_concat", "clips": 0})
    assert list(read_curves(tmp_path, ["merml", "svm_concat"])) == ["merml"]


def test_the_section_shows_every_level_of_every_model(tmp_path, tiny):
    _, table = robustness_table(tiny)
    audio = table[table["corruption"].isin(["clean", "white"])]
    write_json(tmp_path / "merml.json", curves(table, tiny.folds))
    write_json(tmp_path / "svm_audio.json", curves(audio.assign(model="svm_audio"), tiny.folds))
    section = robustness_section(read_curves(tmp_path, ["merml", "svm_audio"]), LOOKS)
    by_title = {t.columns[0]: t for t in section.tables}
    assert by_title["white noise"].columns == ["white noise", "clean", "10 dB", "-5 dB"]
    assert [row[0] for row in by_title["white noise"].rows] == ["merml", "svm_audio"]
    assert [row[0] for row in by_title["sound missing"].rows] == ["merml"]
    found = json.loads((tmp_path / "merml.json").read_text())
    first = 100 * found["clean"]["accuracy"]
    assert by_title["white noise"].rows[0][1].startswith(f"{first:.1f}")
    [picture] = section.pictures
    assert (
        picture.svg
        == robustness_section(read_curves(tmp_path, ["merml", "svm_audio"]), LOOKS).pictures[0].svg
    )


def test_without_curves_there_is_no_section(tmp_path):
    assert robustness_section(read_curves(tmp_path, []), LOOKS) is None


@pytest.mark.parametrize("grey", [False, True])
def test_covered_faces_are_covered_in_colours_and_in_grey(grey):
    white = np.full((CHIP, CHIP, 3), 255, np.uint8)
    faces = _Covered(np.arange(1), np.zeros((1, 68, 2)), [encode_jpeg(white)], 0.25, (0.0, 0.0))
    [chip] = faces.chips(np.array([0]), grey=grey)
    assert chip.shape == ((CHIP, CHIP) if grey else (CHIP, CHIP, 3))
    assert (chip[: CHIP // 2, : CHIP // 2] == GREY).all()
    assert (chip[CHIP // 2 :] == 255).all()
