"""Learn MERML's metric and its SVM in every fold and apply them."""

from avlib.params import load
from avlib.registry import system
from avlib.runtime.stage import run
from avlib.systems.common.train_section import train_section

PARAMS = ("merml", "modalities", "protocol", "svm")


def main() -> None:
    """Write the models, and their tables about the test clips."""
    train_section(system("merml"), load(PARAMS))


if __name__ == "__main__":
    run(main)
