"""Note which code reads the chosen corpus, so that stage `clips` runs again when it changes.

A corpus may be a user's own, which has no folder of code that a stage could name.
"""

import json

from avlib.params import load
from avlib.registry import reader
from avlib.runtime import paths
from avlib.runtime.memo import code_fingerprint
from avlib.runtime.stage import run

PARAMS = ("corpus",)


def main() -> None:
    """Write ``data/reader.json``."""
    params = load(PARAMS)
    chosen = reader(params.corpus)
    code = code_fingerprint(type(chosen), *map(type, chosen.members.values()))
    found = {"corpus": params.corpus, "code": code}
    paths.READER.parent.mkdir(exist_ok=True)
    paths.READER.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    run(main)
