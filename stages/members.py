"""Note what lies in the folder of a joined corpus's member, so that stage `clips` runs again.

python -m stages.members CORPUS
"""

import json
import sys

from avlib.corpora.common.watched import folder_fingerprint
from avlib.runtime import paths
from avlib.runtime.stage import run

PARAMS = ()


def main() -> None:
    """Write ``data/members/<corpus>.json``."""
    corpus = sys.argv[1]
    found = {"corpus": corpus, "files": folder_fingerprint(paths.RAW / corpus)}
    paths.MEMBERS.mkdir(parents=True, exist_ok=True)
    (paths.MEMBERS / f"{corpus}.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    run(main)
