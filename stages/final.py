"""Train a model on all labelled clips and keep it with all that describes a new recording.

python -m stages.final MODEL
"""

import sys

from avlib.params import Params, load
from avlib.protocols import checked_folds
from avlib.recognizer.training import keep
from avlib.runtime.stage import run

PARAMS = tuple(Params.model_fields)


def main() -> None:
    """Write ``data/final/<model>``."""
    params = load(PARAMS)
    checked_folds(params.protocol.name, params.protocol.validation_by)
    keep(sys.argv[1], params)


if __name__ == "__main__":
    run(main)
