"""Train a model on all labelled clips and keep it with all that describes a new recording.

python -m stages.final MODEL
"""

import sys

from avlib.params import Params, load
from avlib.recognizer.training import keep
from avlib.runtime.stage import run

PARAMS = tuple(Params.model_fields)


def main() -> None:
    """Write ``data/final/<model>``."""
    keep(sys.argv[1], load(PARAMS))


if __name__ == "__main__":
    run(main)
