"""The study of AVEF on EmoDB: how its corpora are made, and what its page says."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from builders import ravdess_file

from avlib.params import Params, load
from avlib.registry import reader, system
from avlib.report.page import markdown

sys.path.insert(0, "scripts")  # as where the script is started
spec = importlib.util.spec_from_file_location("avef_on_people", "scripts/avef_on_people.py")
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


# Each emotion of EmoDB, of three speakers.
NAMES = ("03a01Fa.wav", "03a01Wb.wav", "03a02Ta.wav", "08b10Na.wav", "08b10Ea.wav", "16b02La.wav",
         "16b02Ac.wav")  # fmt: skip


@pytest.fixture
def raw(tmp_path, monkeypatch, capsys):
    """EmoDB's layout, with a file of another name, made a corpus beside some of RAVDESS."""
    monkeypatch.chdir(tmp_path)
    emodb, raw = tmp_path / "emodb", tmp_path / "data/raw"
    (emodb / "wav").mkdir(parents=True)
    raw.mkdir(parents=True)
    for name in (*NAMES, "speech.wav"):
        (emodb / "wav" / name).write_bytes(name.encode())
    for emotion in ("01", "02", "05", "08"):  # neutral, calm, anger, surprise
        ravdess_file(raw / "ravdess", f"03-01-{emotion}-01-01-01-03")
    script.lay_out(emodb, raw)
    assert "wav/speech.wav: is not named as EmoDB's" in capsys.readouterr().err
    return raw


def test_emodbs_names_say_who_speaks_which_text_in_which_emotion(raw):
    table = pd.read_csv(raw / "emodb" / "clips.csv", dtype=str)
    assert table["path"].tolist() == sorted(NAMES)
    assert table.columns.tolist() == ["path", "subject", "sentence", "emotion"]
    assert table.iloc[[0, 3]].to_numpy().tolist() == [
        ["03a01Fa.wav", "03", "a01", "F"],
        ["08b10Ea.wav", "08", "b10", "E"],
    ]
    recordings = reader("emodb", raw).recordings(raw / "emodb").recordings
    assert [r.subject for r in recordings] == ["03"] * 3 + ["08"] * 2 + ["16"] * 2
    for name in table["path"]:
        assert (raw / "emodb" / name).read_bytes() == name.encode()


def test_joined_with_ravdess_it_has_no_emotion_that_it_lacks(raw):
    found = reader("voices", raw).recordings(raw / "voices").recordings
    emotions = {c: {r.emotion for r in found if r.corpus == c} for c in ("emodb", "ravdess")}
    assert emotions["emodb"] == set(script.WORDS.values())
    assert emotions["ravdess"] - {None} == {"neutral", "anger"}


@pytest.mark.parametrize(("name", "n"), [("ALONE", 2), ("TAUGHT", 3)])
def test_params_are_possible_with_and_without_ravdess(name, n, tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(Path("params.yaml").read_text())
    script.lay_over(file, getattr(script, name))
    params = load(tuple(Params.model_fields), file)
    assert params.protocol.name == "loso"
    assert params.modalities == ["audio"]
    assert len(system("avef").wanted(params)) == n


@pytest.fixture
def runs(tiny):
    """Two seeds: what is cut out helps in the first, and does harm in the second."""
    models = ("avef", "avef_raw")
    facts = {
        model: {fold: {"diagnostics": {"kept_share": share, "segment_accuracy": {}}}
                for fold in range(3)}
        for model, share in zip(models, (0.6, 1.0), strict=True)
    }  # fmt: skip
    runs = []
    for seed in range(2):
        pair = {m: tiny.predict(m, seed=10 * seed + k, used="audio") for k, m in enumerate(models)}
        run = tiny.data(pair, clips=tiny.clips.assign(corpus="emodb"), corpus="emodb")
        runs.append(replace(run, fold_facts=facts))
    return runs


def test_the_page_has_the_papers_figures_beside_ours(runs):
    page = script.as_page(runs, script.ALONE, "abc")
    _, seeds, paper, _ = page.sections
    accuracy, kept, *_ = paper.tables
    assert accuracy.columns[-2:] == ["case 1", "case 2"]
    assert kept.rows[0][1:] == ["100.0 ± 0.0", "60.0 ± 0.0", "70.3"]
    assert kept.rows[1][-1] == "+19.7"
    assert "| Command | python scripts/avef_on_people.py |" in markdown(page)
    gains, rows = [], seeds.tables[0].rows
    for row, run in zip(rows[:2], runs, strict=True):
        right = [
            100 * (run.predictions[m]["predicted"] == run.predictions[m]["emotion"]).mean()
            for m in ("avef_raw", "avef")
        ]
        assert [float(cell) for cell in row[1:3]] == pytest.approx(right, abs=0.051)
        gains.append(100 * (right[1] / right[0] - 1))
        assert float(row[3]) == pytest.approx(gains[-1], abs=0.051)
    assert float(rows[2][3]) == pytest.approx(sum(gains) / 2, abs=0.051)
    assert float(rows[3][3]) == pytest.approx(abs(gains[0] - gains[1]) / 2**0.5, abs=0.051)


def test_with_transfer_all_three_stand_side_by_side(tiny, runs):
    taught = [
        replace(run, predictions=run.predictions | {"avef_transfer": tiny.predict("avef_transfer")})
        for run in runs
    ]
    page = script.as_page(taught, script.TAUGHT, "abc")
    columns = page.sections[1].tables[0].columns
    assert columns[1:4] == ["avef_raw", "avef", "avef_transfer"]
    assert columns[4:] == ["avef, relative to avef_raw", "avef_transfer, relative to avef"]
    assert "data/raw/voices/corpus.yaml" in page.sections[-1].code
