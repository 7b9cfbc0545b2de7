"""Train the expression network on FER2013, and write data/weights/expression.

    python scripts/train_expression.py data/raw/fer2013/fer2013.csv

A run that was killed goes on where it stopped. Prints the tables of the weights' card. With
`ONEDNN_MAX_CPU_ISA=ALL` before it, it takes half the time where a processor multiplies bfloat16.
"""

import argparse
from pathlib import Path

from avlib.descriptors.expression_scores import card_tables
from avlib.descriptors.expression_training import train_expression
from avlib.runtime import paths


def main() -> None:
    """Train and say how well it went."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("faces", type=Path, help="fer2013.csv")
    parser.add_argument("--out", type=Path, default=paths.WEIGHTS / "expression")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--side", type=int, default=48, help="pixels")
    parser.add_argument("--blur", type=float, default=0.0, help="of Training, pixels")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    report = train_expression(
        asked.faces,
        asked.out,
        checkpoints=paths.MEMO / "train_expression",
        epochs=asked.epochs,
        side=asked.side,
        blur=asked.blur,
        seed=asked.seed,
    )
    print(card_tables(report))


if __name__ == "__main__":
    main()
