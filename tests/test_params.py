"""params.yaml: what is read, what is laid over for the demo, and what each mistake says."""

import difflib
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from avlib.params import load
from avlib.registry import SYSTEMS, system
from avlib.runtime.errors import ParamsError

COMMITTED = Path("params.yaml")


def changed(tmp_path, **changes):
    """Write a copy of params.yaml with dotted keys changed; None deletes the key."""
    values = yaml.safe_load(COMMITTED.read_text())
    for dotted, value in changes.items():
        *sections, key = dotted.split("__")
        target = values
        for section in sections:
            target = target.setdefault(section, {})
        if value is None:
            del target[key]
        else:
            target[key] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    shutil.copy("dvc.yaml", tmp_path)
    return path


def test_only_the_named_sections_are_handed_out():
    params = load(("corpus", "protocol"))
    assert params.corpus == "demo"
    with pytest.raises(AttributeError):
        _ = params.modalities


def test_demo_values_are_laid_over_only_while_the_corpus_is_demo(tmp_path):
    path = changed(tmp_path, demo__protocol={"k": 3}, protocol__k=7)
    assert load(("protocol",), path).protocol.k == 3
    path = changed(tmp_path, demo__protocol={"k": 3}, protocol__k=7, corpus="ravdess")
    assert load(("protocol",), path).protocol.k == 7


def test_modalities_are_put_in_one_order(tmp_path):
    assert load(("modalities",), changed(tmp_path, modalities=["video", "audio"])).modalities == [
        "audio",
        "video",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"protocol__k": "ten"}, ["protocol.k", "'ten'"]),
        ({"protocol__k": 1}, ["protocol.k", "greater than or equal to 2"]),
        ({"protocol__groups": 5}, ["unknown key protocol.groups; known here: folds, k, name"]),
        ({"protocol__name": "published"}, ["protocol: name is published, and folds is null"]),
        ({"protocol__validation_by": "clips"}, ["validation_by is clips, and name is subject_kf"]),
        ({"protocol__folds": "hicmae"}, ["protocol: folds is 'hicmae'", "name is subject_kfold"]),
        ({"protocol__name": "cross_corpus"}, ["train is [], test is []: expected the members"]),
        (
            {"protocol__name": "cross_corpus", "protocol__train": ["a"], "protocol__test": ["a"]},
            ["a is in train and in test: expected it in one of them"],
        ),
        ({"protocol__test": ["a"]}, ["test is ['a']", "name is subject_kfold: expected []"]),
        ({"protocol__train": ["a", "a"]}, ["protocol.train", "twice"]),
        ({"merml__dim": 0}, ["merml.dim", "greater than or equal to 1"]),
        ({"fisher__components": "many"}, ["fisher.components is 'many'"]),
        ({"fisher__components": [16, "x"]}, ["fisher.components.1 is 'x'"]),
        ({"merml__omega": 7}, ["merml.omega is 7"]),
        ({"modalities": []}, ["modalities", "at least 1"]),
        (
            {"audio__descriptor": "mfcc"},
            ["audio.descriptor", "'mfcc'", "egemaps, egemaps_v01a, huggingface, is10"],
        ),
        (
            {"video__descriptor": "is10"},
            ["video.descriptor", "'is10'", "dlib_resnet, expression, geometry"],
        ),
        (
            {"audio__model": "/models/wavlm"},
            ["audio.model is '/models/wavlm'", "below data/weights"],
        ),
        ({"video__model": "data/weights/../x"}, ["video.model", "expected a folder below"]),
        ({"audio__model": "data/weights"}, ["audio.model", "such as data/weights/wavlm"]),
        ({"audio__model_layer": -1}, ["audio.model_layer is -1", "last, mean, the number"]),
        ({"audio__model_layer": [0, 0.0]}, ["audio.model_layer is [0, 0.0]", "not all 0"]),
        ({"audio__model_layer": [1, -1]}, ["audio.model_layer is [1, -1]", "a weight for each"]),
        ({"audio__model_layer": []}, ["audio.model_layer is []", "a weight for each"]),
        ({"video__model_layer": "first"}, ["video.model_layer is 'first': expected last, mean"]),
        ({"robustness__models": ["avef"]}, ["robustness.models.0", "'avef'", "svm_concat"]),
        ({"robustness__models": ["merml", "merml"]}, ["robustness.models", "twice"]),
        ({"robustness__models": ["svm"]}, ["robustness.models.0", "'svm'", "svm_concat"]),
        ({"avef__svm_c": [1.0, 1.0]}, ["avef.svm_c", "twice"]),
        ({"avef__binary": ["anger"]}, ["avef.binary.0", "'anger'", "'arousal'"]),
        ({"robustness__occlusion": [1.5]}, ["robustness.occlusion.0", "1.5"]),
        ({"robustness__snr": []}, ["robustness.snr", "at least 1"]),
        ({"modalities": ["audio", "audio"]}, ["modalities", "twice"]),
        ({"modalities": ["smell"]}, ["modalities", "'smell'", "'audio'"]),
        ({"protocol": None}, ["section protocol is missing; add it with the keys name, k,"]),
        ({"merml__dim": None}, ["key merml.dim is missing; add it back"]),
        ({"corpus": "no/such"}, ["corpus is 'no/such': expected small letters, digits and _"]),
        ({"demo__protocol": {"groups": 3}}, ["demo: unknown key protocol.groups"]),
        ({"demo__nothing": {"folds": 3}}, ["unknown section demo.nothing; known here: avef,"]),
        ({"demo__protocl": {"k": 3}}, ["unknown section demo.protocl; did you mean protocol?"]),
        ({"demo__protocol": 3}, ["demo.protocol is 3; expected keys of protocol"]),
        ({"surprise": 1}, ["unknown key surprise; known here: "]),
        (
            {"merml__dims": 50},
            ["unknown key merml.dims; did you mean dim? known here: batch"],
        ),
        ({"mermel": {}}, ["unknown key mermel; did you mean merml?"]),
        ({"protocol": None, "protocl": {}}, ["unknown key protocl; did you mean protocol?"]),
        ({"protocol": 10}, ["protocol is 10; expected a section of the keys name, k,"]),
        ({"protocol__k": 2.5}, ["protocol.k is 2.5: expected a whole number, such as 3"]),
        ({"svm__c": "high"}, ["svm.c is 'high': expected a number, such as 0.5"]),
        ({"svm__c": [1.0, True]}, ["svm.c.1 is true: expected a number, such as 0.5"]),
        ({"svm__c": []}, ["svm.c is []: expected at least 1"]),
        ({"cnn__train": "yes"}, ["cnn.train is 'yes': expected true or false"]),
        (
            {"final__systems": "merml"},
            ["final.systems is 'merml': expected a list, such as [a, b]"],
        ),
        ({"final__systems": {"a": 1}}, ["final.systems is {'a': 1}: expected a list"]),
        ({"labels": "calm"}, ["labels is 'calm': expected names with values, such as {a: b}"]),
        ({"modern__mixup": float("nan")}, ["modern.mixup is nan: expected a finite number"]),
        ({"modern__mixup": float("inf")}, ["modern.mixup is inf: expected a finite number"]),
        (
            {"merml__omega": "most"},
            ["merml.omega is 'most': expected 'learned' or 'equal', or a number, such as 0.5"],
        ),
        ({"fisher__seed": 2**31}, ["fisher.seed is 2147483648: expected a number between"]),
        ({"cnn__channels": [16, 10**30]}, ["cnn.channels.1 is 1000", "2147483647"]),
        ({"gating__length": 1e308}, ["gating.length is 1e+308: expected a number between"]),
        ({"demo__gating": {"width": 1e99}}, ["demo: gating.width is 1e+99: expected a number"]),
        ({"faces__detect_every": 5}, ["faces.detect_every is 5: expected seconds below 1"]),
        ({"faces__detect_every": 1}, ["faces.detect_every is 1", "does not count frames any more"]),
        ({"faces__detect_every": -0.1}, ["faces.detect_every is -0.1", "or equal to 0"]),
        ({"faces__pfs": 5}, ["unknown key faces.pfs; did you mean fps?"]),
        ({"demoo": {}}, ["unknown key demoo; did you mean demo? known here: ", "corpus, demo, "]),
        ({"gating__overlap": 1.0}, ["params.yaml: gating: overlap must be smaller than length"]),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(tmp_path, changes, said):
    path = changed(tmp_path, **changes)
    with pytest.raises(ParamsError) as caught:
        load(("corpus",), path)
    message = str(caught.value)
    assert "\n" not in message
    assert "params.yaml" in message
    for words in said:
        assert words in message


@pytest.mark.parametrize(
    ("corpus", "name"), [("ravdess", "hicma"), ("crema_d", "luna_jimenez"), ("demo", "hicmae")]
)
def test_a_list_that_the_corpus_does_not_have_names_those_that_there_are(tmp_path, corpus, name):
    path = changed(tmp_path, corpus=corpus, protocol__name="published", protocol__folds=name)
    with pytest.raises(ParamsError) as caught:
        load(("corpus",), path)
    said = str(caught.value)
    assert f"protocol.folds is {name!r}, which is no published list of corpus {corpus}" in said
    assert "hicmae, luna_jimenez of ravdess; hicmae of crema_d" in said
    assert "\n" not in said


def test_a_missing_or_broken_file_is_one_line(tmp_path):
    with pytest.raises(ParamsError, match="missing; run from the project's root"):
        load(("corpus",), tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("corpus: [demo")
    with pytest.raises(ParamsError, match=r"not valid YAML.*line 1"):
        load(("corpus",), tmp_path / "params.yaml")
    for text in ("corpus: 2020-13-45", f"corpus: {'9' * 5000}", "corpus: " + "[" * 5000):
        (tmp_path / "params.yaml").write_text(text)
        with pytest.raises(ParamsError, match="not valid YAML") as caught:
            load(("corpus",), tmp_path / "params.yaml")
        assert "\n" not in str(caught.value)


def leaves(values, prefix=""):
    """By dotted key: the values of params.yaml that are no sections."""
    found = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= leaves(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


LEAVES = leaves(yaml.safe_load(COMMITTED.read_text()))


def as_override(key, value):
    """Write a value as an argument of ``dvc exp run -S``."""
    return f"{key}={json.dumps(value)}"


def overridden(tmp_path, *overrides):
    """Apply overrides to a copy of params.yaml as ``dvc exp run -S`` does, and return its lines."""
    path = tmp_path / "params.yaml"
    shutil.copy(COMMITTED, path)
    apply_overrides(path, list(overrides))
    return path.read_text().splitlines()


def comments(lines):
    return [line.partition("#")[2] for line in lines if "#" in line]


def different(lines):
    """Lines of the committed file that are gone, and those that stand in their place."""
    diff = list(difflib.ndiff(COMMITTED.read_text().splitlines(), lines))
    return tuple([line[2:] for line in diff if line.startswith(sign)] for sign in "-+")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("corpus: demo\nsubset: d\xe9mo\n".encode("latin-1"), "line 2 is not in UTF-8; save"),
        (b"corpus: demo\nsubset: null\ncorpus: rml\n", "line 3 has the key corpus again; keep one"),
        (None, r"cannot be read \(Is a directory\); expected a file of keys"),
    ],
)
def test_a_file_that_is_no_text_of_keys_is_an_error_in_one_line(tmp_path, content, said):
    path = tmp_path / "params.yaml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(ParamsError, match=said) as error:
        load(("corpus",), path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("override", "gone", "new"),
    [
        ("corpus=ravdess", 1, 1),
        ("subset=all", 1, 1),  # from null
        ("modalities=[audio]", 1, 0),
        ("modalities=[video,audio]", 1, 1),
        ("demo_corpus.seconds=[0.5,9.0]", 2, 2),
        ("video.fps=10", 1, 1),
        ("video.model_layer=9", 1, 1),
        ("audio.model=data/weights/wavlm-base-plus", 1, 1),
        ("video.table.columns=[AU*_r,AU*_c]", 0, 2),
        (r"video.table.clip_name='\d\d-(.+)'", 1, 1),
        ("fisher.pca_video=null", 1, 1),
        ("svm.c=[1,2]", 6, 2),
        ("svm.class_weight=balanced", 1, 1),
        ("merml.dim=50", 1, 1),
        ("merml.dim=20", 1, 1),
        ("gating.train=[gating]", 1, 2),
        ("avef.binary=[arousal,valence]", 1, 3),
        ("avef.svm_degree=[2]", 1, 0),
        ("robustness.models=[merml]", 1, 2),
        ("demo.protocol.k=4", 1, 1),
        ("demo.emobed.train=false", 1, 1),
    ],
)
def test_an_override_changes_its_own_lines_and_no_comment(tmp_path, override, gone, new):
    lines = overridden(tmp_path, override)
    assert comments(lines) == comments(COMMITTED.read_text().splitlines())
    assert [len(part) for part in different(lines)] == [gone, new]
    load(("corpus",), tmp_path / "params.yaml")  # what DVC wrote can be read


def test_overrides_of_every_single_value_change_one_line_each(tmp_path):
    scalars = {key: value for key, value in LEAVES.items() if not isinstance(value, list)}
    lines = overridden(tmp_path, *(f"{key}=7777" for key in scalars))
    before = COMMITTED.read_text().splitlines()
    assert comments(lines) == comments(before)
    assert len(lines) == len(before)
    changed = [new for old, new in zip(before, lines, strict=True) if new != old]
    assert len(changed) == len(scalars)
    assert all("7777" in line for line in changed)


def test_overrides_that_change_nothing_leave_every_byte(tmp_path):
    overridden(tmp_path, *(as_override(key, value) for key, value in LEAVES.items()))
    assert (tmp_path / "params.yaml").read_bytes() == COMMITTED.read_bytes()


def test_the_committed_file_explains_every_value():
    lines = COMMITTED.read_text().splitlines()
    keys = [line for line in lines if ":" in line.partition("#")[0]]
    unexplained = [line for line in keys if "#" not in line]
    assert not unexplained, "keys without a comment: " + "; ".join(unexplained)


def test_checking_all_sections_loads_no_library_of_the_systems():
    # A system names its tables, and those load what every stage loads: pandas and pyarrow.
    heavy = ("scipy", "sklearn", "torch", "matplotlib", "av", "distributed", "lightning")
    asked = f"import sys, avlib.params; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_the_channels_to_choose_from_are_those_that_sound_is_read_with():
    from avlib.media import Channels
    from avlib.speech.params import Speech

    assert Speech.model_fields["channels"].annotation == Channels


def test_the_demo_may_change_only_what_dvc_tracks(tmp_path):
    path = changed(tmp_path, demo__fisher={"components": 8})
    with pytest.raises(ParamsError, match=r"demo\.fisher is listed by no stage of dvc\.yaml"):
        load(("fisher",), path)


def recorded(folder, stage, **laid):
    """Write dvc.lock as if the stage had run with the committed params.yaml, changed as said."""
    (folder / "before").mkdir()
    values = yaml.safe_load(changed(folder / "before", **laid).read_text())
    lock = {"stages": {stage: {"params": {"params.yaml": values}}}}
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock))


def test_a_changed_value_that_the_demo_hides_is_said(tmp_path, monkeypatch, caplog):
    laid = {"demo__gating": {"fps": 4.0}, "demo__protocol": {"k": 4}}
    path = changed(tmp_path, protocol__k=3, gating__fps=9.0, avef__epochs=9, **laid)
    recorded(tmp_path, "train_gating", **laid)
    monkeypatch.setenv("DVC_STAGE", "train_gating")
    load(("gating", "modalities", "protocol"), path)
    assert sorted(caplog.messages) == [
        "gating.fps: 9.0 has no effect while corpus is demo; demo.gating.fps: 4.0 is laid over it"
        " (use -S demo.gating.fps=9.0)",
        "protocol.k: 3 has no effect while corpus is demo; demo.protocol.k: 4 is laid over it"
        " (use -S demo.protocol.k=3)",
    ]


def test_of_the_stages_of_a_run_the_first_alone_says_it(tmp_path, monkeypatch, caplog):
    path = changed(tmp_path, protocol__k=3)
    recorded(tmp_path, "folds")
    lock = yaml.safe_load((tmp_path / "dvc.lock").read_text())
    stages = lock["stages"]
    stages |= {"train_svm": stages["folds"], "reader": {"cmd": "python -m stages.reader"}}
    said = []
    for stage in ("folds", "train_svm"):
        (tmp_path / "dvc.lock").write_text(yaml.safe_dump(lock))
        monkeypatch.setenv("DVC_STAGE", stage)
        load(("protocol",), path)
        said.append(len(caplog.messages))
        caplog.clear()
        # It ends, and DVC records what it ran with.
        stages[stage] = {"params": {"params.yaml": yaml.safe_load(path.read_text())}}
    assert said == [1, 0]


@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({"protocol__seed": 1, "demo__protocol": {"k": 3}}, "folds"),  # nothing of it is hidden
        ({"protocol__k": 3, "corpus": "ravdess"}, "folds"),
        ({"merml__dim": 50, "gating__fps": 9.0}, "folds"),  # which does not read them
        ({"protocol__k": 3}, "never_run"),
        ({"protocol__k": 3}, ""),  # not run by DVC
    ],
)
def test_nothing_is_said_of_what_counts(tmp_path, monkeypatch, caplog, changes, stage):
    path = changed(tmp_path, **changes)
    recorded(tmp_path, "folds")
    monkeypatch.setenv("DVC_STAGE", stage)
    load(("protocol",), path)
    assert not caplog.messages


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_stage_names_all_sections_that_its_recipes_read(name):
    stage = importlib.import_module(f"stages.train_{name}")
    params, found = load(stage.PARAMS), system(name)
    for model in found.models:
        assert found.recipe(model, params).name == model
