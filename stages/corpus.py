"""Generate the demo corpus, or check that the folder of the chosen corpus can be read.

A corpus that is already on disk is never copied. The check comes before DVC hashes all of it; what
lies in it stage `clips` writes down, which runs again whenever that changes.
"""

import json
import shutil

from avlib.corpora.demo.corpus import generate_corpus
from avlib.params import load
from avlib.registry import reader
from avlib.runtime import paths
from avlib.runtime.raw_folder import require_folder, require_hashable
from avlib.runtime.stage import run

PARAMS = ("corpus", "subset", "demo_corpus")
DEMO = paths.RAW / "demo"


def main() -> None:
    """Leave ``data/raw/demo`` (empty unless it is the corpus) and ``data/checked.json``."""
    params = load(PARAMS)
    require_folder(paths.RAW)
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir(parents=True)
    if params.corpus == "demo":
        generate_corpus(params.demo_corpus, DEMO)
    chosen = reader(params.corpus)
    chosen.recordings(paths.RAW / params.corpus, params.subset)
    for name in (params.corpus, *chosen.members):
        require_hashable(paths.RAW / name)
    paths.CHECKED.write_text(json.dumps({"corpus": params.corpus}) + "\n")


if __name__ == "__main__":
    run(main)
