"""What the stages video_features and audio_features do: describe every clip, view by view."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from avlib.descriptors.descriptor import Descriptor
from avlib.descriptors.table import Table, table_rows
from avlib.descriptors.table_clips import own_tables
from avlib.runtime import paths
from avlib.runtime.clip_tasks import failed_clips, table_tasks
from avlib.runtime.files import NOTHING, leave_empty
from avlib.runtime.limits import Limits
from avlib.runtime.per_clip import ClipRows, run_per_clip
from avlib.runtime.tables import Schema


def describe_corpus(
    modality: str,
    descriptors: Mapping[str, Descriptor],
    rows_of_clip: Callable[[Any, Any], ClipRows],
    source: Path,
    schema: Schema,
    max_failed_fraction: float,
    limits: Limits | None = None,
) -> None:
    """Write the tables of a modality's views and the status of every clip.

    Parameters
    ----------
    modality
    descriptors
        By view; the first is the modality's own, the others stand in `avlib.runtime.paths.views`.
    rows_of_clip
        ``rows_of_clip(ref, descriptor)`` returns the rows of a clip in table `source`.
    source
        Table ``faces`` or ``speech``.
    schema
        Of the tables written.
    max_failed_fraction, limits
        See `run_per_clip`.
    """
    before = paths.status(source.name)
    folder = paths.views(modality)
    if len(descriptors) == 1:
        leave_empty(folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / NOTHING).unlink(missing_ok=True)
    stage = f"{modality}_features"
    for i, (view, descriptor) in enumerate(descriptors.items()):
        function, tasks, skipped = rows_of_clip, table_tasks(source, before), failed_clips(before)
        if isinstance(descriptor, Table):
            function = table_rows
            descriptor, tasks, skipped = own_tables(descriptor, before)
        table = stage if i == 0 else f"{stage}.{view}"
        run_per_clip(
            table,
            function,
            tasks,
            skipped=skipped,
            out=paths.DESCRIPTORS[modality] if i == 0 else folder / view,
            status=paths.status(stage) if i == 0 else folder / f"{view}.status.parquet",
            keys_file=paths.keys_file(stage, table),
            schema=schema,
            params=descriptor,
            code=[type(descriptor)],
            max_failed_fraction=max_failed_fraction,
            limits=limits,
        )
