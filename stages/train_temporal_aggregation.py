"""Train temporal aggregation in every fold and apply it."""

from avlib.params import load
from avlib.registry import system
from avlib.runtime.stage import run
from avlib.systems.common.train_section import train_section

PARAMS = ("modalities", "protocol", "temporal_aggregation", "modern")


def main() -> None:
    """Write the models, and their tables about the test clips."""
    train_section(system("temporal_aggregation"), load(PARAMS))


if __name__ == "__main__":
    run(main)
