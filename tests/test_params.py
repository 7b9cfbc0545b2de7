"""params.yaml: what is read, what is laid over for the demo, and what each mistake says."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from avlib.params import load
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
        ({"protocol__folds": 5}, ["unknown key protocol.folds", "known here: k, name"]),
        ({"merml__dim": 0}, ["merml.dim", "greater than or equal to 1"]),
        ({"modalities": []}, ["modalities", "at least 1"]),
        ({"robustness__models": ["avef"]}, ["robustness.models.0", "'avef'", "svm_concat"]),
        ({"robustness__models": ["merml", "merml"]}, ["robustness.models", "twice"]),
        ({"robustness__models": ["svm"]}, ["robustness.models.0", "'svm'", "svm_concat"]),
        ({"avef__svm_c": [1.0, 1.0]}, ["avef.svm_c", "twice"]),
        ({"avef__binary": ["anger"]}, ["avef.binary.0", "'anger'", "'arousal'"]),
        ({"robustness__occlusion": [1.5]}, ["robustness.occlusion.0", "1.5"]),
        ({"robustness__snr": []}, ["robustness.snr", "at least 1"]),
        ({"modalities": ["audio", "audio"]}, ["modalities", "twice"]),
        ({"modalities": ["smell"]}, ["modalities", "'smell'", "'audio'"]),
        ({"protocol": None}, ["protocol is missing"]),
        ({"corpus": "no/such"}, ["corpus", "'no/such'"]),
        ({"demo__protocol": {"folds": 3}}, ["demo: unknown key protocol.folds"]),
        ({"demo__nothing": {"folds": 3}}, ["demo.nothing"]),
        ({"surprise": 1}, ["unknown key surprise"]),
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


def test_a_missing_or_broken_file_is_one_line(tmp_path):
    with pytest.raises(ParamsError, match="missing; run from the project's root"):
        load(("corpus",), tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("corpus: [demo")
    with pytest.raises(ParamsError, match=r"not valid YAML.*line 1"):
        load(("corpus",), tmp_path / "params.yaml")


def test_the_committed_file_is_short_and_every_value_is_explained():
    lines = COMMITTED.read_text().splitlines()
    assert len(lines) < 200
    keys = [line for line in lines if ":" in line and not line.lstrip().startswith("#")]
    unexplained = [line for line in keys if not line.rstrip().endswith(":") and "#" not in line]
    seeds_aside = [line for line in unexplained if "seed:" not in line]
    assert not seeds_aside, "keys without a comment: " + "; ".join(seeds_aside)


def test_checking_all_sections_loads_no_library_of_the_systems():
    asked = (
        "import sys, avlib.params; "
        "sys.exit(any(name in sys.modules for name in ('numpy', 'pandas', 'sklearn', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_the_demo_may_change_only_what_dvc_tracks(tmp_path):
    path = changed(tmp_path, demo__fisher={"components": 8})
    with pytest.raises(ParamsError, match=r"demo\.fisher is not tracked by dvc\.yaml"):
        load(("fisher",), path)
