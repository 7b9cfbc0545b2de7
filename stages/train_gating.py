"""Train the gating paradigm and the baselines of its table II in every fold and apply them."""

from avlib.params import load
from avlib.registry import system
from avlib.runtime.stage import run
from avlib.systems.common.train_section import train_section

PARAMS = ("gating", "modalities", "modern", "protocol", "speech")


def main() -> None:
    """Write the models, and their tables about the test clips."""
    train_section(system("gating"), load(PARAMS))


if __name__ == "__main__":
    run(main)
