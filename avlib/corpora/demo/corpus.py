"""The demo corpus as a whole: its clips, each rendered once, and its tables of labels."""

import logging
from pathlib import Path

from avlib.corpora.demo.generate import render_clip
from avlib.corpora.demo.labels import write_labels, write_traces
from avlib.corpora.demo.params import DemoCorpus
from avlib.corpora.demo.plan import DemoClip, annotate, clip_plan
from avlib.runtime import paths
from avlib.runtime.files import link
from avlib.runtime.memo import code_fingerprint, digest_of, locked
from avlib.runtime.per_fold import compute_each

STAGE = "corpus"


def generate_corpus(settings: DemoCorpus, folder: Path) -> None:
    """Render the clips in parallel, those alone that the memory lacks, and write the labels.

    Parameters
    ----------
    settings
        What the corpus consists of.
    folder
        Where it goes, an empty folder.

    Raises
    ------
    DataError
        A clip was not rendered.
    """
    plan = clip_plan(**settings.model_dump())
    code = code_fingerprint(render_clip)
    tasks = {clip.clip_id: (clip, settings.seed) for clip in plan}
    keys = {clip_id: digest_of([STAGE, code, *task]) for clip_id, task in tasks.items()}
    with locked(paths.MEMO / STAGE):
        done, rendered = compute_each(STAGE, render, tasks, keys, unit="clips")
        for clip in plan:
            link(done[clip.clip_id] / clip.path, folder / clip.path)
    logging.getLogger(__name__).info(
        f"{STAGE}: rendered {rendered} clips, {len(plan) - rendered} from memo"
    )
    write_labels(folder, plan)
    write_traces(folder, ((clip.clip_id, annotate(clip, settings.seed)) for clip in plan))


def render(task: tuple[DemoClip, int], folder: Path) -> None:
    """Render one clip into a folder of its own (in a worker)."""
    clip, seed = task
    render_clip(clip, folder, seed=seed)
