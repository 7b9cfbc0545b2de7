"""EmoBed on a problem made for it, and with nothing to learn from the other modality."""

import importlib.util

import pytest

spec = importlib.util.spec_from_file_location("controls", "scripts/emobed_controls.py")
controls = importlib.util.module_from_spec(spec)
spec.loader.exec_module(controls)


@pytest.fixture(scope="module")
def alone():
    """Accuracy of few voices without help."""
    faces = controls.beside_voices(0)["faces"]
    return controls.accuracy("emobed_classic", "from the start", faces, 0)


def gain(alone, beside, system="emobed_joint"):
    others = controls.beside_voices(0)[beside]
    return controls.accuracy(system, "faces first", others, 0) - alone


def test_voices_learn_from_faces_what_they_are_too_few_to_learn(alone):
    assert alone < 0.65  # chance is 0.25
    assert gain(alone, "faces") > 0.2


@pytest.mark.parametrize("beside", ["noise", "shuffled labels"])
def test_voices_learn_nothing_from_what_says_nothing(alone, beside):
    assert gain(alone, beside) < 0.1


def test_triplets_among_the_voices_alone_teach_nothing(alone):
    assert gain(alone, "voices again", "emobed_triplet") < 0.1
