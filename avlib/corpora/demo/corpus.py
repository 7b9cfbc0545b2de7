"""The generated corpora as a whole: their clips, each rendered once, and their tables of labels."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from avlib.corpora.demo.courses import CourseClip, faces_plan, render_course, voices_plan
from avlib.corpora.demo.generate import render_clip
from avlib.corpora.demo.labels import LABELS, write_labels, write_traces
from avlib.corpora.demo.params import DemoCorpus
from avlib.corpora.demo.plan import DemoClip, annotate, clip_plan, require_room_for_speech
from avlib.runtime import paths
from avlib.runtime.files import link
from avlib.runtime.memo import code_fingerprint, digest_of, locked
from avlib.runtime.per_fold import compute_each

STAGE = "corpus"
DEMO = "demo"
# The problem for crossmodal training is two corpora and one that joins them.
VOICES, FACES, CROSSMODAL = "demo_voices", "demo_faces", "demo_crossmodal"


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
    clips = {folder / clip.path: (clip, settings.seed) for clip in plan}
    _rendered(render, clips, code_fingerprint(render_clip))
    write_labels(folder, plan)
    write_traces(folder, ((clip.clip_id, annotate(clip, settings.seed)) for clip in plan))


def generate_crossmodal(settings: DemoCorpus, raw: Path) -> None:
    """Render voices and faces that show courses of intensity, likewise, and join them.

    Parameters
    ----------
    settings
        Of these ``seconds`` and ``seed``.
    raw
        Folder with the empty folders ``demo_voices``, ``demo_faces`` and ``demo_crossmodal``.

    Raises
    ------
    ParamsError
        A clip's length is out of range.
    DataError
        A clip was not rendered.
    """
    seconds, seed = settings.seconds, settings.seed
    require_room_for_speech(seconds)
    plans = {VOICES: voices_plan(seconds, seed), FACES: faces_plan(seconds, seed)}
    clips = {raw / name / clip.path: (clip, seed) for name in plans for clip in plans[name]}
    _rendered(render_one_course, clips, code_fingerprint(render_course))
    for name, column in ((VOICES, "audio"), (FACES, "video")):
        table = pd.DataFrame(plans[name]).drop(columns="duration")
        table.rename(columns={"path": column}).to_csv(raw / name / LABELS, index=False)
    joined = {"members": dict.fromkeys(plans)}
    (raw / CROSSMODAL / "corpus.yaml").write_text(yaml.safe_dump(joined))


def render(task: tuple[DemoClip, int], folder: Path) -> None:
    """Render one clip into a folder of its own (in a worker)."""
    clip, seed = task
    render_clip(clip, folder, seed=seed)


def render_one_course(task: tuple[CourseClip, int], folder: Path) -> None:
    """Likewise a clip that shows a course."""
    clip, seed = task
    render_course(clip, folder, seed=seed)


def _rendered(
    function: Callable[[Any, Path], None],
    clips: Mapping[Path, tuple[DemoClip | CourseClip, int]],
    code: str,
) -> None:
    """Lay each clip where it belongs, rendered or from memory; `code` is a fingerprint."""
    tasks = {path.stem: task for path, task in clips.items()}
    keys = {name: digest_of([STAGE, code, *task]) for name, task in tasks.items()}
    with locked(paths.MEMO / STAGE):
        done, rendered = compute_each(STAGE, function, tasks, keys, unit="clips")
        for path, (clip, _) in clips.items():
            link(done[path.stem] / clip.path, path)
    logging.getLogger(__name__).info(
        f"{STAGE}: rendered {rendered} clips, {len(clips) - rendered} from memo"
    )
