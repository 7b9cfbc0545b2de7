"""Generate the demo corpus, or check that the folder of the chosen corpus can be read.

A corpus that is already on disk is never copied: only what was found is written down.
"""

import json
import shutil
from pathlib import Path

from avlib.corpora.demo.generate import render_clip
from avlib.corpora.demo.labels import write_labels, write_traces
from avlib.corpora.demo.params import DemoCorpus
from avlib.corpora.demo.plan import DemoClip, annotate, clip_plan
from avlib.params import load
from avlib.registry import reader
from avlib.runtime import paths
from avlib.runtime.errors import DataError
from avlib.runtime.parallel import Failure, map_clips
from avlib.runtime.raw_folder import require_folder, require_hashable
from avlib.runtime.stage import run

PARAMS = ("corpus", "subset", "demo_corpus")
DEMO = paths.RAW / "demo"


def main() -> None:
    """Leave ``data/raw/demo`` (empty unless it is the corpus) and ``data/corpus.json``."""
    params = load(PARAMS)
    require_folder(paths.RAW)
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir(parents=True)
    if params.corpus == "demo":
        generate_demo(params.demo_corpus, DEMO)
    chosen = reader(params.corpus)
    listing = chosen.recordings(paths.RAW / params.corpus, params.subset)
    for name in (params.corpus, *chosen.members):
        require_hashable(paths.RAW / name)
    found = {
        "corpus": params.corpus,
        "clips": len(listing.recordings),
        "subjects": len({recording.subject for recording in listing.recordings}),
        "unrecognised": len(listing.unrecognised),
        "missing": len(listing.missing),
        "left_out": {kind: len(items) for kind, items in sorted(listing.left_out.items())},
        "notes": listing.notes,
    }
    paths.CORPUS.write_text(json.dumps(found, indent=2) + "\n")


def generate_demo(settings: DemoCorpus, folder: Path) -> None:
    """Render every clip of the demo corpus, in parallel, and its tables of labels."""
    plan = clip_plan(**settings.model_dump())
    tasks = [(clip, str(folder), settings.seed) for clip in plan]
    for index, result in map_clips(
        render, tasks, label="demo corpus", name=lambda task: task[0].clip_id
    ):
        if isinstance(result, Failure):
            raise DataError(f"demo clip {plan[index].clip_id} was not rendered: {result.reason}")
    write_labels(folder, plan)
    write_traces(folder, ((clip.clip_id, annotate(clip, settings.seed)) for clip in plan))


def render(task: tuple[DemoClip, str, int]) -> None:
    """Render one clip (in a worker)."""
    clip, folder, seed = task
    render_clip(clip, Path(folder), seed=seed)


if __name__ == "__main__":
    run(main)
