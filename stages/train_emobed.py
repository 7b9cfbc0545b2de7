"""Train EmoBed and the systems that it is compared with in every fold and apply them."""

from avlib.params import load
from avlib.registry import system
from avlib.runtime.stage import run
from avlib.systems.common.train_section import train_section

PARAMS = ("emobed", "modalities", "modern", "protocol")


def main() -> None:
    """Write the models, and their tables about the test clips."""
    train_section(system("emobed"), load(PARAMS))


if __name__ == "__main__":
    run(main)
