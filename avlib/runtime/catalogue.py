"""The pipeline's tables by name, for who looks at results from Python."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from avlib.runtime import paths, tables
from avlib.runtime.errors import DataError

# By name of a table, or of a folder of tables: the stage that makes it. docs/architecture.md says
# what a row of each is.
STAGES = {
    "clips": "clips",
    "votes": "clips",
    "traces": "clips",
    "folds": "folds",
    "faces": "faces",
    "video": "video_features",
    "video_views": "video_features",
    "speech": "speech",
    "audio": "audio_features",
    "audio_views": "audio_features",
    "fisher": "fisher",
    "predictions": "train_*",
    "embeddings": "train_*",
    "gates": "train_gating",
    "binary": "train_avef",
    "predicted_traces": "train_traces",
    "status": "clips, faces, ...",
    "robustness": "robustness",
}


def read(name: str, clip_id: str | None = None) -> pd.DataFrame:
    """Read a table of the pipeline, below ``data`` of the working directory, as it lies there.

    Parameters
    ----------
    name : str
        Such as ``clips``, ``folds``, ``faces`` or ``predictions``, which are all models' below each
        other. A part is named by its path: ``predictions/merml``, ``embeddings/merml/fold-0``.
    clip_id : str, optional
        Read the rows of this clip alone. Of a table with a row per frame, all clips may be more
        than fits into memory.

    Returns
    -------
    DataFrame
        Columns as docs/architecture.md and the table's schema say. `avlib.runtime.tables.vectors`
        makes an array of a column of vectors.

    Raises
    ------
    DataError
        There is no such table, or no such clip in it. The message lists what there is, or names the
        stage that makes the table.
    """
    path = _path(name)
    return tables.read_table(path) if clip_id is None else _rows(path, clip_id)


def _path(name: str) -> Path:
    """Return the file, or the folder of parts, of a table."""
    asked = paths.DATA / name
    if ".." not in asked.parts and name.strip("/."):
        for path in (asked.with_name(f"{asked.name}.parquet"), asked):
            if path.is_file() or any(path.glob("*.parquet")):
                return path
        if nested := sorted({file.parent.name for file in asked.glob("*/*.parquet")}):
            raise DataError(f"{asked}: holds several tables; read one of"
                            f" {', '.join(f'{name}/{folder}' for folder in nested)}")  # fmt: skip
    there = ", ".join(sorted(filter(_is_there, STAGES))) or "none"
    if name in STAGES:
        raise DataError(
            f"{asked.absolute()}: table {name} is not computed; it is made by stage"
            f" {STAGES[name]} of `dvc repro`, where corpus and params.yaml ask for it; there are"
            f" {there}"
        )
    more = [f"{table} (stage {stage})" for table, stage in STAGES.items() if not _is_there(table)]
    raise DataError(
        f"{asked.absolute()}: there is no such table; there are {there}; not computed are"
        f" {', '.join(more) or 'none'}"
    )


def _is_there(name: str) -> bool:
    return (paths.DATA / f"{name}.parquet").is_file() or any((paths.DATA / name).rglob("*.parquet"))


def _rows(path: Path, clip_id: str) -> pd.DataFrame:
    """Read the rows of one clip."""
    try:
        refs = [ref for ref in tables.clip_refs(path) if ref.clip_id == clip_id]
    except DataError:  # it is not filed by clip
        rows = tables.read_table(path)
        found = rows[rows["clip_id"] == clip_id].reset_index(drop=True)
        if len(found):
            return found
    else:
        if refs:
            rows = pa.concat_tables([tables.read_clip(ref.path, ref.row_group) for ref in refs])
            return rows.to_pandas(types_mapper=_keep_vectors)
    raise DataError(
        f"{path}: holds nothing of clip {clip_id!r}; avlib.read('clips') lists the clips, and"
        " avlib.read('status') says what became of each"
    )


def _keep_vectors(kind: pa.DataType) -> pd.ArrowDtype | None:
    return pd.ArrowDtype(kind) if pa.types.is_fixed_size_list(kind) else None
