"""A corpus of faces that only helps another one's voices: from params.yaml to a trained fold."""

import collections
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from avlib.corpora.common.tables import CLIPS
from avlib.descriptors.tables import AUDIO, VIDEO
from avlib.params import load
from avlib.recognizer.training import FinalTask, all_clips, fit_final
from avlib.runtime import tables
from avlib.runtime.digests import name_digest
from avlib.runtime.errors import DataError, LeakError, ParamsError
from avlib.systems.common.fold_clips import read_fold
from avlib.systems.common.recipe import FoldTask
from avlib.systems.common.tables import PREDICTIONS
from avlib.systems.common.train_fold import train_fold
from avlib.systems.emobed.controls import CONTROLS
from avlib.systems.emobed.system import EmoBedSystem
from stages import folds as folds_stage
from stages import train_emobed

EMOTIONS = ("anger", "calm")
PEOPLE = {"voices": "abcd", "faces": "wxyz"}
RATES = {"audio": 20.0, "video": 10.0}
SCHEMAS = {"audio": AUDIO, "video": VIDEO}
HELP = {"corpus": "faces", "modality": "video"}
SMALL = {
    "train": ["emobed"],
    "auxiliary": HELP,
    "hidden": 6,
    "window": 0.4,
    "step": 0.2,
    "alpha_first": 1,
}


def describe(described):
    """Write what describes sound and pictures, a part for each corpus."""
    for modality, of in described.items():
        for corpus in PEOPLE:
            rows = (
                (
                    clip_id,
                    tables.conform(
                        {
                            "clip_id": [clip_id] * len(values),
                            "frame": np.arange(len(values)),
                            "time": np.arange(len(values)) / RATES[modality],
                            "descriptor": values,
                        },
                        SCHEMAS[modality],
                    ),
                )
                for clip_id, values in sorted(of.items())
                if clip_id.startswith(corpus)
            )
            part = tables.part_path(f"data/{modality}", corpus)
            tables.write_part(part, rows, SCHEMAS[modality])


def set_params(project, emobed=None, **changes):
    values = yaml.safe_load((project / "params.yaml").read_text())
    values |= {"corpus": "both", "members": [*PEOPLE]} | changes
    values["protocol"] |= {"k": 2, "validation": 0.3}
    values["modern"] |= {"epochs": 2, "batch_size": 8}
    values["emobed"] |= SMALL | (emobed or {})
    Path("params.yaml").write_text(yaml.safe_dump(values))


def write_clips(labels=EMOTIONS, people=PEOPLE):
    """List clips of both corpora; return what describes them, both modalities of all."""
    rows, described = [], {modality: {} for modality in RATES}
    for corpus, names in people.items():
        for person in names:
            for take, emotion in enumerate((labels if corpus == "faces" else EMOTIONS) * 2):
                clip_id = f"{corpus}-{person}{take}"
                rows.append((clip_id, corpus, f"{corpus}-{person}", emotion))
                for number, modality in enumerate(RATES):
                    rng = np.random.default_rng([number, *clip_id.encode()])
                    values = rng.normal(size=(12, 3 + number)) + 2 * (emotion == "calm")
                    described[modality][clip_id] = values.astype(np.float32)
    table = pd.DataFrame(rows, columns=["clip_id", "corpus", "subject", "emotion"])
    table["sha256"] = table["clip_id"].map(name_digest)
    table["audio_path"] = table["video_path"] = table["clip_id"]
    unknown = dict.fromkeys(c for c in CLIPS.columns if c not in table)
    tables.write_table("data/clips.parquet", table.assign(**unknown), CLIPS)
    return described


@pytest.fixture
def project(request, tmp_path, monkeypatch, schemas):
    """A folder as the stages before leave it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    set_params(request.config.rootpath)
    describe(write_clips())
    tables.write_table("data/copies.parquet", tables.no_rows(schemas["copies"]), schemas["copies"])
    return request.config.rootpath


def trained(name, model="emobed"):
    """Train the first fold; return its predictions, and the bytes of its model by file."""
    recipe = EmoBedSystem().recipe(model, load(train_emobed.PARAMS))
    out = Path(name, "fold-0")  # beside it stand checkpoints, from which another would go on
    out.mkdir(parents=True)
    train_fold(FoldTask(0, recipe, ("audio", "video"), (), (PREDICTIONS,)), out)
    weights = {path.name: path.read_bytes() for path in (out / "model").glob("*.safetensors")}
    return tables.read_table(out / "predictions.parquet"), weights


def test_its_clips_only_help_and_others_are_recognised_by_the_other_modality(project):
    folds_stage.main()
    rows = tables.read_table("data/folds.parquet")
    rows["corpus"] = rows["clip_id"].str.partition("-")[0]
    assert set(rows.loc[rows["corpus"] == "faces", "part"]) == {"auxiliary"}
    assert rows.groupby(["fold", "corpus"]).size().tolist() == [16] * 4
    assert "auxiliary" not in set(rows.loc[rows["corpus"] == "voices", "part"])
    predictions, weights = trained("out")
    assert set(weights) == {"audio.safetensors"}
    tested = rows[(rows["fold"] == 0) & (rows["part"] == "test")]
    assert sorted(predictions["clip_id"]) == sorted(tested["clip_id"])
    assert set(predictions["modalities"]) == {"audio"}


def test_what_is_not_shown_is_not_learned_from_and_what_is_shown_is(project):
    folds_stage.main()
    _, before = trained("before")
    described = write_clips()
    for modality, corpus in (("audio", "faces"), ("video", "voices")):
        for clip_id in [c for c in described[modality] if c.startswith(corpus)]:
            described[modality][clip_id] = 7 - 100 * described[modality][clip_id]
    describe(described)
    assert trained("hidden")[1] == before
    described["audio"] = {c: v for c, v in described["audio"].items() if c.startswith("voices")}
    described["video"] = {c: v for c, v in described["video"].items() if c.startswith("faces")}
    describe(described)
    assert trained("absent")[1] == before
    described["video"]["faces-w0"] = -described["video"]["faces-w0"]
    describe(described)
    assert trained("shown")[1] != before


def test_controls_take_its_knowledge_away_and_leave_who_has_no_help_alone(project):
    folds_stage.main()
    found, system = [trained("faces")[1]], EmoBedSystem()
    recipes = [system.recipe("emobed_classic", load(train_emobed.PARAMS))]
    for control in ("noise", "shuffled", "intramodal"):
        set_params(project, {"control": control})
        found.append(trained(control)[1])
        recipes.append(system.recipe("emobed_classic", load(train_emobed.PARAMS)))
    assert not any(a == b for a, b in itertools.combinations(found, 2))
    assert all(recipe == recipes[0] for recipe in recipes)


def test_intramodal_help_is_the_targets_own_training_clips_evenly(project):
    folds_stage.main()
    source = EmoBedSystem().recipe("emobed", load(train_emobed.PARAMS)).source
    parts = read_fold(source, 0, source.inputs())[1]
    train, faces = parts["train"], parts["auxiliary"]
    assert 0 < len(train) < len(faces)
    helping = CONTROLS["intramodal"](faces, train, "video", np.random.default_rng(0))
    assert len(helping) == len(faces)
    assert helping.has(("video",)).all()
    assert not helping.has(("audio",)).any()
    shown = collections.Counter(helping.clip_id.tolist())
    assert set(shown) == set(train.clip_id)
    assert max(shown.values()) - min(shown.values()) <= 1
    heard = {name: row for row, name in enumerate(train.clip_id)}
    for row, name in enumerate(helping.clip_id):
        assert helping.emotion[row] == train.emotion[heard[name]]
        assert helping.sequences["video"][row] is train.sequences["audio"][heard[name]]


def test_a_model_that_is_kept_is_helped_too(project):
    folds_stage.main()
    _, clips = all_clips()
    helping = clips["corpus"] == "faces"
    assert set(clips.loc[helping, "part"]) == {"auxiliary"}
    assert set(clips.loc[~helping, "part"]) == {"train", "validation"}
    found = []
    for control in (None, "shuffled"):
        set_params(project, {"control": control})
        recipe = EmoBedSystem().recipe("emobed", load(train_emobed.PARAMS))
        out = Path(f"kept-{control}", "fold-0")
        fit_final(FinalTask(recipe, ("audio", "video"), ()), out)
        found.append((out / "model" / "audio.safetensors").read_bytes())
        assert not (out / "model" / "video.safetensors").exists()
    assert found[0] != found[1]


def test_without_the_setting_both_corpora_are_divided_and_both_modalities_recognised(project):
    set_params(project, {"auxiliary": None})
    folds_stage.main()
    rows = tables.read_table("data/folds.parquet")
    assert set(rows["part"]) == {"train", "validation", "test"}
    assert set(trained("out")[1]) == {"audio.safetensors", "video.safetensors"}


def test_a_member_that_is_not_there_is_one_line(project):
    set_params(project, {"auxiliary": HELP | {"corpus": "face"}})
    with pytest.raises(
        DataError,
        match=r"auxiliary names 'face', of which there is no labelled clip; expected.*voices",
    ):
        folds_stage.main()


def test_an_emotion_that_nobody_else_shows_is_one_line(project):
    write_clips(labels=("anger", "awe"))
    with pytest.raises(DataError, match=r"faces shows awe, which no clip.*members\.faces\.labels"):
        folds_stage.main()


def test_a_person_who_helps_and_is_to_be_recognised_is_one_line(project):
    write_clips(people=PEOPLE | {"faces": "wxya"})
    with pytest.raises(LeakError, match=r"^a of the auxiliary corpus faces is in voices too"):
        folds_stage.main()


def test_a_member_alone_is_one_line(project):
    write_clips(people={"faces": "wxyz"})
    with pytest.raises(DataError, match=r"clips are of faces, which emobed\.auxiliary names"):
        folds_stage.main()


def test_one_modality_alone_helps_nobody(project):
    set_params(project, modalities=["audio"])
    with pytest.raises(ParamsError, match=r"modality is video, and modalities is \[audio\]"):
        trained("out")


@pytest.mark.parametrize(
    ("modality", "corpus", "said"),
    [("audio", "voices", "training clips has audio"), ("video", "faces", "16 auxiliary .* video")],
)
def test_a_corpus_without_its_modality_is_one_line(project, modality, corpus, said):
    folds_stage.main()
    described = write_clips()
    described[modality] = {c: v for c, v in described[modality].items() if c[0] != corpus[0]}
    describe(described)
    with pytest.raises(DataError, match=f"^emobed.auxiliary: none of the .*{said}"):
        trained("out")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"corpus": "faces"}, "key emobed.auxiliary.modality is missing"),
        (HELP | {"corpora": []}, "unknown key emobed.auxiliary.corpora; known here: corpus,"),
        (HELP | {"modality": "smell"}, "emobed.auxiliary.modality is 'smell': expected 'audio' or"),
    ],
)
def test_a_slip_in_the_setting_is_one_line(project, setting, said):
    set_params(project, {"auxiliary": setting})
    with pytest.raises(ParamsError) as caught:
        load(folds_stage.PARAMS)
    assert said in str(caught.value)


def test_a_control_of_nothing_is_one_line(project):
    set_params(project, {"auxiliary": None, "control": "noise"})
    with pytest.raises(ParamsError, match=r"control is noise, .* auxiliary is null: set both"):
        load(folds_stage.PARAMS)


def test_folds_are_handed_this_setting_alone(project):
    params = load(folds_stage.PARAMS)
    assert params.emobed.auxiliary.corpus == "faces"
    with pytest.raises(AttributeError):
        _ = params.emobed.alpha
