"""The pipeline as its users run it: DVC, for real, on a tiny corpus."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import yaml
from checkout import Checkout
from notebooks import NOTEBOOKS, RUN

from avlib.registry import models, systems

pytestmark = pytest.mark.pipeline


def ran(stdout: str) -> list[str]:
    """Names of the stages that a run executed, in order."""
    return re.findall(r"Running stage '([^']+)'", stdout)


def lock(checkout) -> dict:
    """The checksums of everything, as DVC wrote them down."""
    return yaml.safe_load((checkout.folder / "dvc.lock").read_text())["stages"]


def test_one_command_goes_from_recordings_to_a_report(finished):
    stages = ran(finished.first_run)
    assert stages[0] == "corpus"
    assert stages[-1] == "report"
    apart = json.loads((finished.folder / "metrics/summary.json").read_text())
    summary = {model: scores for found in apart.values() for model, scores in found.items()}
    assert set(summary) == set(models()) - {"avef_transfer"}  # the demo has no other corpora
    # The tiny gating starts from nothing, unlike the demo's.
    assert set(apart["demo, weights of other people"]) == {"avef", "avef_raw"}
    clips = pd.read_parquet(finished.folder / "data/clips.parquet")
    assert all(scores["clips"] == len(clips) == 36 for scores in summary.values())
    for model in summary:
        rows = pd.read_csv(finished.folder / f"metrics/predictions/{model}.csv")
        rows = rows[rows["condition"] == "default"]
        assert set(rows["clip_id"]) == set(clips["clip_id"])
        right = (rows["predicted"] == rows["emotion"]).mean()
        scores = json.loads((finished.folder / f"metrics/models/{model}.json").read_text())
        assert right == pytest.approx(scores["pooled"]["accuracy"], abs=1e-6)
    html = (finished.folder / "report/report.html").read_text()
    assert "Generated stand-in data" in html
    assert "://" not in re.sub(r'href="[^"]*"', "", html).split("<body")[0]


def test_validation_scores_stand_beside_the_test_scores_that_the_summary_has(finished):
    metrics = finished.folder / "metrics"
    apart = json.loads((metrics / "summary.json").read_text())
    summary = {model: scores for found in apart.values() for model, scores in found.items()}
    found = json.loads((metrics / "selection.json").read_text())["demo"]
    assert set(found) == set(summary)
    for model, scores in found.items():
        assert scores["test"]["accuracy"] == pytest.approx(summary[model]["accuracy"], abs=2e-6)
        assert len(scores["test"]["accuracy_folds"]) == 2
        assert ("validation" in scores) == (not models()[model].deep)  # `patience` is null
        if "validation" in scores:  # none is a test clip of its fold, none judges twice
            assert 0 < scores["validation"]["clips"] <= 36
            assert 0 <= scores["validation"]["uar"] <= 1


def test_a_second_run_does_nothing(clone):
    again = clone.dvc("repro").stdout
    assert not ran(again)
    assert "up to date" in again


def test_a_colleague_pulls_a_finished_run_and_has_nothing_to_compute(clone, tmp_path, starter):
    clone.dvc("remote", "add", "--default", "store", str(tmp_path / "store"))
    clone.dvc("push")
    clone.commit("a store of the data")
    subprocess.run(["git", "clone", "-q", clone.folder, tmp_path / "theirs"], check=True)
    theirs = Checkout(tmp_path / "theirs", starter=starter)
    assert not (theirs.folder / "data/clips.parquet").exists()
    theirs.dvc("pull")
    assert "up to date" in theirs.dvc("repro").stdout
    assert not theirs.run("git", "status", "--short").stdout
    again = theirs.dvc("repro", "--force", "--single-item", "faces").stderr
    assert "faces: computed 0, from memory 36" in again


def test_an_experiment_with_another_dimension_reruns_three_stages(clone):
    experiment = clone.dvc("exp", "run", "-S", "merml.dim=5").stdout
    assert ran(experiment) == ["train_merml", "evaluate", "report"]
    assert "merml.dim" in clone.dvc("params", "diff").stdout
    difference = clone.dvc("metrics", "diff", "--all", "--md").stdout
    assert "demo.merml.accuracy" in difference
    assert len(clone.dvc("metrics", "diff").stdout.splitlines()) < 25, "more than one screen"


def test_other_mixtures_rerun_the_systems_of_vectors_and_no_other(clone):
    ran_again = ran(clone.dvc("exp", "run", "-S", "fisher.components=3", "train_svm").stdout)
    assert ran_again == ["fisher", "train_svm"]
    stages = yaml.safe_load((clone.folder / "dvc.yaml").read_text())["stages"]
    readers = {name for name, stage in stages.items() if "data/fisher" in stage.get("deps", [])}
    of_vectors = {f"train_{system.name}" for system in systems() if not system.deep}
    assert readers & {f"train_{system.name}" for system in systems()} == of_vectors


def test_some_systems_alone_are_scored_and_the_report_lists_the_others(clone):
    data = clone.folder / "data"
    for name in (
        "gates",
        "predicted_traces",
        "trace_models",
    ):  # as in a clone in which their stages never ran
        shutil.rmtree(data / name)
    for file in (data / "predictions").iterdir():
        if file.stem not in ("svm_audio", "merml"):
            file.unlink()
    said = clone.dvc("repro", "-s", "evaluate", "report").stdout
    (line,) = set(re.findall(r"left out, not trained yet: .*", said))
    assert set(line.split(": ")[1].split(", ")) == set(models()) - {"svm_audio", "merml"}
    summary = json.loads((clone.folder / "metrics/summary.json").read_text())["demo"]
    assert set(summary) == {"svm_audio", "merml"}
    assert "not trained yet" in (clone.folder / "report/report.md").read_text()


def test_plots_open_without_a_network(clone, tmp_path):
    clone.dvc("plots", "show", "-o", str(tmp_path / "plots"))
    page = (tmp_path / "plots/index.html").read_text()
    assert "<script" not in page
    pictures = re.findall(r'<img[^>]* src="([^"]+)"', page)
    assert len(pictures) >= 2 * (len(models()) - 1)
    assert all((tmp_path / "plots" / picture).is_file() for picture in pictures)


def test_a_kept_model_says_of_the_corpuss_recordings_what_the_tables_say(clone):
    clone.set(final={"systems": ["late_fusion"]})
    assert ran(clone.dvc("repro", "final").stdout) == ["final@late_fusion"]
    files = sorted((clone.folder / "data/raw/demo").rglob("*.mp4"))[:2]
    names = [str(file.relative_to(clone.folder)) for file in files]
    clone.run("python", "-m", "avlib", "predict", *names, "--every", "0.5", "--out", "said")
    found = json.loads((clone.folder / "said/predictions.json").read_text())["clips"]
    said = {clip["clip"]: clip for clip in found}
    assert all(clip["used"] == "both" for clip in found)
    done = clone.run("python", "-c", OF_TABLES, *names)
    for name, expected in json.loads(done.stdout).items():
        assert list(said[name]["probabilities"].values()) == expected
    assert len(list((clone.folder / "said/pictures").iterdir())) == 2


def test_the_notebook_of_first_steps_runs(clone):
    """As in Jupyter, which starts in the notebook's folder; without its kernel."""
    clone.set(final={"systems": ["merml"]})
    clone.dvc("repro", "final")
    (notebook,) = NOTEBOOKS
    project = str(clone.folder)
    done = subprocess.run(
        [sys.executable, "-c", RUN, notebook.name],
        cwd=clone.folder / "docs",
        env=clone.environment() | {"PYTHONPATH": project, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    scores = json.loads((clone.folder / "metrics/models/merml.json").read_text())
    assert re.search(rf"^merml +{round(scores['pooled']['accuracy'], 4):g}", done.stdout, re.M)
    compared = clone.run("python", "-m", "avlib", "compare", "merml", "svm_concat").stdout
    assert compared.splitlines()[0] in done.stdout
    assert "merml about a clip of anger" in done.stdout
    assert "JpegImageFile" in done.stdout  # a face


# Prints the probabilities of clips by the pipeline's tables of descriptors.
OF_TABLES = """
import json, sys
from pathlib import Path
import numpy as np
from avlib.recognizer import kept
from avlib.runtime import tables
from avlib.systems.common.model import VectorClips

model = kept.read(Path("data/final/late_fusion"))
clips = tables.read_table("data/clips.parquet")
nobody, one = np.array([""]), np.ones(1, bool)
said = {}
for name in sys.argv[1:]:
    is_it = clips["video_path"] == name.removeprefix("data/raw/demo/")
    features = {}
    for modality in ("audio", "video"):
        rows = dict(tables.iter_clips(Path("data") / modality, ["descriptor"]))
        described = tables.vectors(rows[clips.loc[is_it, "clip_id"].item()]["descriptor"])
        (encoder,) = model.encoders[modality].values()
        features[modality] = encoder.encode([described], nobody)
    present = dict.fromkeys(features, one)
    clip = VectorClips(nobody, nobody, np.zeros(1, int), present, features)
    said[name] = model.model.predict_proba(clip)[0].tolist()
print(json.dumps(said))
"""


def test_one_more_subject_is_the_only_one_computed(clone):
    clone.set(demo_corpus={"subjects": 7})
    text = clone.dvc("repro", "video_features", "audio_features").stderr
    for stage in ("faces", "video_features", "speech", "audio_features"):
        assert f"{stage}: computed 6, from memory 36" in text
    parts = sorted(p.name for p in (clone.folder / "data/faces").iterdir())
    assert len(parts) == 7


def test_a_killed_run_resumes_and_ends_with_the_same_bytes(clone):
    expected = lock(clone)
    clone.workers = "2"  # the first run had none; their number must change no byte
    for memory in (clone.folder / ".memo").glob("[!.]*"):
        if memory.name != "corpus":  # to render it takes as long as all that is tested
            shutil.rmtree(memory)
    shutil.rmtree(clone.folder / ".dvc/cache/runs")
    (clone.folder / "dvc.lock").unlink()
    process = subprocess.Popen(
        ["dvc", "repro", "fisher"],
        cwd=clone.folder,
        env=clone.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    clips = clone.folder / ".memo/faces/clips"
    deadline = time.monotonic() + 300
    while not (clips.is_dir() and len(list(clips.glob("*.arrow"))) >= 3):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (clone.folder / ".dvc/tmp/rwlock").unlink(missing_ok=True)
    # Folds that are killed resume in tests/runtime/test_per_fold.py.
    resumed = clone.dvc("repro", "fisher")
    computed, remembered = re.search(
        r"faces: computed (\d+), from memory (\d+)", resumed.stderr
    ).groups()
    assert int(remembered) >= 3
    assert int(computed) + int(remembered) == 36
    made = lock(clone)
    assert {"faces", "video_features", "audio_features", "fisher"} <= set(made)
    assert made == {stage: expected[stage] for stage in made}
