"""The train stage of continuous emotion: all systems and target modalities, fold by fold."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avlib.protocols import PARTS, check_folds
from avlib.runtime import tables
from avlib.runtime.device import device
from avlib.runtime.per_fold import CHECKPOINTS, Folds, run_foldwise
from avlib.systems.emobed.traces import DIMENSIONS, SYSTEMS
from avlib.systems.emobed.traces.avec_features import avec_paths
from avlib.systems.emobed.traces.model import TraceModel
from avlib.systems.emobed.traces.recordings import Recording, feature_folder, read_recordings
from avlib.systems.emobed.traces.tables import PREDICTED_TRACES

MODELS = Path("data/trace_models")
PREDICTED = Path("data/predicted_traces.parquet")
_LABELS = [Path("data/clips.parquet"), Path("data/folds.parquet"), Path("data/traces.parquet")]


def train_traces(
    settings: dict[str, Any], modalities: Sequence[str], protocol: str, corpus: Path
) -> None:
    """Train in every fold; write the models, and what they predict of the test recordings.

    Parameters
    ----------
    settings
        Section ``traces`` of params.yaml.
    modalities
        The modalities to use, of params.yaml.
    protocol
        Name of the protocol, for the leak check.
    corpus
        Its folder, where AVEC's features lie.

    Raises
    ------
    LeakError
        A subject or a recording stands on both sides of a fold.
    DataError
        A fold cannot be trained.
    """
    folds, clips = tables.read_table("data/folds.parquet"), tables.read_table("data/clips.parquet")
    check_folds(folds, clips, protocol)
    kinds = {m: settings["video"] if m == "video" else m for m in modalities}
    avec = corpus if settings["avec"] else None
    if avec:
        files = avec_paths(avec, kinds.values())
    else:
        files = [file for kind in kinds.values() for file in feature_folder(kind).glob("*.parquet")]
    parts = PREDICTED.with_suffix("")
    shutil.rmtree(parts, ignore_errors=True)  # an interrupted run may have left other folds
    numbers = sorted(folds["fold"].unique().tolist())
    payload = {"kinds": kinds, "settings": settings, "avec": avec}
    work = Folds(
        {fold: {"fold": fold, **payload} for fold in numbers},
        out={"predicted_traces": parts, "model": MODELS},
        params={"settings": settings, "kinds": kinds, "device": device()},
        inputs=[*_LABELS, *files],
    )
    run_foldwise("train_traces", train_fold, {"": work}, in_turn=device() != "cpu")
    tables.merge(parts, PREDICTED, PREDICTED_TRACES)


def train_fold(payload: Mapping[str, Any], folder: Path) -> None:
    """Write ``model/`` and ``predicted_traces.parquet`` of one fold.

    Parameters
    ----------
    payload
        ``fold``; ``kinds``: of features, by modality; ``settings``; ``avec``: the corpus' folder
        where its own features are used, else None.
    folder
        Where to write.
    """
    fold, settings = payload["fold"], dict(payload["settings"])
    window = settings.pop("window")
    parts, settings["step"] = read_parts(fold, payload["kinds"], window, payload["avec"])
    del settings["video"], settings["avec"]
    rows = [tables.no_rows(PREDICTED_TRACES).to_pandas()]
    (folder / "model").mkdir()
    for system, target, auxiliary in _trainings(parts["train"]):
        model = TraceModel(system, target, auxiliary, **settings)
        model.checkpoints = folder.parent / CHECKPOINTS / f"fold-{fold}"
        model.fit(parts["train"], parts["validation"])
        model.save(folder / "model" / f"{system}-{target}")
        keys = {"fold": fold, "model": system, "modality": target}
        rows.append(predicted_rows(model, parts["test"]).assign(**keys))
    table = pd.concat(rows) if len(rows) > 1 else rows[0]
    tables.write_table(folder / "predicted_traces.parquet", table, PREDICTED_TRACES)


def read_parts(
    fold: int, kinds: dict[str, str], window: float, avec: Path | None
) -> tuple[dict[str, list[Recording]], float]:
    """Read the recordings of each part of a fold, and the labels' step in s."""
    folds = tables.read_table("data/folds.parquet")
    part = folds[folds["fold"] == fold].set_index("clip_id")["part"]
    traces = tables.read_table("data/traces.parquet")
    clips = tables.read_table("data/clips.parquet", ["clip_id", "duration"])
    recordings, step = read_recordings(
        traces[traces["clip_id"].isin(part.index)],
        clips.set_index("clip_id")["duration"],
        kinds,
        window,
        avec,
    )
    return {name: [r for r in recordings if part[r.clip_id] == name] for name in PARTS}, step


def predicted_rows(model: TraceModel, test: Sequence[Recording]) -> pd.DataFrame:
    """Predict the recordings that have the target modality; the others get no row."""
    known = [recording for recording in test if model.target in recording.features]
    frames = [
        pd.DataFrame(
            {
                "clip_id": recording.clip_id,
                "frame": np.arange(len(raw)),
                **{dimension: refined[:, k] for k, dimension in enumerate(DIMENSIONS)},
                **{f"{dimension}_raw": raw[:, k] for k, dimension in enumerate(DIMENSIONS)},
            }
        )
        for recording, (raw, refined) in zip(known, model.predict(known), strict=True)
    ]
    return pd.concat(frames) if frames else tables.no_rows(PREDICTED_TRACES).to_pandas()


def _trainings(train: Sequence[Recording]) -> list[tuple[str, str, str | None]]:
    """List system, target and auxiliary modality, as far as there are recordings of them."""
    there = [m for m in ("audio", "video") if any(m in r.features for r in train)]
    pairs = [(m, next((other for other in there if other != m), None)) for m in there]
    return [
        (system, target, auxiliary)
        for target, auxiliary in pairs
        for system in SYSTEMS
        if auxiliary or system == "emobed_classic"
    ]
