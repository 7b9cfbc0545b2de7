"""Weigh the probabilities of an audio and a video SVM in every fold and apply the mean."""

from avlib.params import load
from avlib.registry import system
from avlib.runtime.stage import run
from avlib.systems.common.train_section import train_section

PARAMS = ("late_fusion", "modalities", "protocol", "svm")


def main() -> None:
    """Write the models, and their tables about the test clips."""
    train_section(system("late_fusion"), load(PARAMS))


if __name__ == "__main__":
    run(main)
