"""Reading faces from their JPEGs as training asks for them, beside what the networks take.

Of clips as long as CREMA-D's, by the modern recipe at full size, on one thread.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
import yaml

from avlib.params import Params, SharedParams, load
from avlib.registry import system
from avlib.systems.common import stored_streams
from avlib.systems.common.estimate import Corpus
from avlib.systems.common.rehearsal import rehearse_fold
from avlib.systems.common.streams import StreamFormat, Streams
from benchmarks.machine import one_core
from benchmarks.stored_clips import stored_clips
from benchmarks.table import Table

CLIPS, SECONDS = 7442, 2.5
CORPUS = Corpus(CLIPS, SECONDS, 10, 0.72 * CLIPS, 0.18 * CLIPS, 6, ("audio", "video"))
TRIED = 24  # clips that are written
COLUMNS = (
    "model", "pixels", "chips a clip and epoch", "ms a chip", "reading, h", "networks, h", "share",
)  # fmt: skip


def tables() -> list[Table]:
    """Time reading, and foretell training."""
    with one_core():
        rows = list(compared())
    reading = (
        "Hours of a fold: all faces that its epochs show, and all that its networks compute, as"
        " `avlib estimate` foretells it. One process reads; a GPU has four."
    )
    return [Table("A fold of CREMA-D's size.", reading, COLUMNS, rows)]


def compared() -> Iterator[list[str]]:
    """Yield a row of each system that looks at faces."""
    params = at_full_size()
    streamed = params.gating.model_copy(update={"audio": "soundnet", "video": "i3d"})
    params = params.model_copy(update={"gating": streamed})
    for name in ("temporal_aggregation", "avef", "gating"):
        found = system(name)
        recipe = found.recipe(name, params)
        settings, wanted = recipe.settings, vars(recipe.source)["format"]
        # AVEF shows the faces of its segments to C3D alone and, afterwards, to both networks.
        drawn = {"temporal_aggregation": settings.get("shown", 0), "gating": SECONDS * wanted.fps}
        chips = drawn.get(name, 2 * 16 * settings.get("shown", 0))
        each = time_a_chip(wanted, round(min(chips, 16)))
        hours = each * chips * params.modern.epochs * 0.9 * CLIPS / 3600
        networks = rehearse_fold(found.rehearsal(recipe, CORPUS)).seconds / 3600
        yield [
            name,
            str(wanted.size),
            f"{chips:.0f}",
            f"{1000 * each:.2f}",
            f"{hours:.2f}",
            f"{networks:.1f}",
            f"{100 * hours / networks:.1f} %",
        ]


def at_full_size() -> SharedParams:
    """Return params.yaml's values without those of the demo."""
    values = yaml.safe_load(Path("params.yaml").read_text())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        path.write_text(yaml.safe_dump(values | {"corpus": "crema_d"}))
        return load(tuple(Params.model_fields), path)


def time_a_chip(wanted: StreamFormat, at_once: int) -> float:
    """Return the seconds that a chip takes where clips are asked for so many of theirs."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        clips = stored_clips(Path(folder), TRIED, SECONDS, 6, wanted)
        best = min(time_of(list(clips.streams), at_once, rng) for _ in range(3))
    return best / (TRIED * at_once)


def time_of(streams: list[Streams], at_once: int, rng: np.random.Generator) -> float:
    """Return the seconds that some chips of each clip take, none of them remembered."""
    places = [rng.choice(len(of.seen), at_once, replace=False) for of in streams]
    stored_streams.forget()
    begin = perf_counter()
    for of, chosen in zip(streams, places, strict=True):
        of.chips(chosen)
    return perf_counter() - begin
