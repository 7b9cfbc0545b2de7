"""Generate a demo corpus, or check that the folder of the chosen corpus can be read.

A corpus that is already on disk is never copied. The check comes before DVC hashes all of it; what
lies in it stage `clips` writes down, which runs again whenever that changes.
"""

import json

from avlib.corpora.demo.corpus import (
    CROSSMODAL,
    DEMO,
    FACES,
    VOICES,
    generate_corpus,
    generate_crossmodal,
)
from avlib.params import load
from avlib.registry import reader
from avlib.runtime import paths
from avlib.runtime.errors import ParamsError
from avlib.runtime.files import NOTHING, leave_empty
from avlib.runtime.raw_folder import require_folder, require_hashable
from avlib.runtime.stage import run

PARAMS = ("corpus", "subset", "demo_corpus")


def main() -> None:
    """Leave the generated corpora (empty unless chosen) and ``data/checked.json``."""
    params = load(PARAMS)
    require_folder(paths.RAW)
    if params.corpus in (VOICES, FACES):
        raise ParamsError(
            f"corpus is {params.corpus}, which is generated as a part of {CROSSMODAL} alone;"
            f" expected corpus: {CROSSMODAL}, members: [{FACES}, {VOICES}] (docs/systems.md)"
        )
    made = {DEMO: (DEMO,), CROSSMODAL: (VOICES, FACES, CROSSMODAL)}.get(params.corpus, ())
    for name in (DEMO, VOICES, FACES, CROSSMODAL):
        leave_empty(paths.RAW / name)
        if name in made:
            (paths.RAW / name / NOTHING).unlink()
    if params.corpus == DEMO:
        generate_corpus(params.demo_corpus, paths.RAW / DEMO)
    elif params.corpus == CROSSMODAL:
        generate_crossmodal(params.demo_corpus, paths.RAW)
    chosen = reader(params.corpus)
    chosen.recordings(paths.RAW / params.corpus, params.subset)
    for name in (params.corpus, *chosen.members):
        require_hashable(paths.RAW / name)
    paths.CHECKED.write_text(json.dumps({"corpus": params.corpus}) + "\n")


if __name__ == "__main__":
    run(main)
