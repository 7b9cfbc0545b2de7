"""Carry the networks of a trained AVEF to the next corpus: copy them, and note who taught them.

    python scripts/avef_transfer.py data/models/avef/fold-0
    python scripts/avef_transfer.py data/final/avef

It writes to data/weights/avef, from where `avef.weights: transfer` begins; see docs/systems.md.
"""

import argparse
import sys
from pathlib import Path

from avlib.runtime.errors import AvlibError
from avlib.systems.avef.transfer import carry


def main() -> None:
    """Copy, and say of how many people."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "source", type=Path, help="data/models/<model>/fold-<k> or data/final/<model>"
    )
    try:
        facts = carry(parser.parse_args().source)
    except AvlibError as error:
        sys.exit(f"error: {error}")
    print(f"networks that learned from {len(facts['subjects'])} people of", *facts["corpora"])


if __name__ == "__main__":
    main()
