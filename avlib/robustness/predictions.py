"""What a trained model predicts for test clips with noise in their sound or a covered face."""

import dataclasses
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avlib.descriptors.descriptor import Descriptor
from avlib.descriptors.table import Table
from avlib.registry import models, vector_models
from avlib.robustness.tables import CORRUPTED
from avlib.robustness.tasks import noisy_tasks, occluded_tasks
from avlib.robustness.vectors import CLEAN, Corruption, noisy_rows, occluded_rows
from avlib.runtime import paths, tables
from avlib.runtime.errors import DataError
from avlib.runtime.parallel import Failure, map_clips
from avlib.runtime.per_clip import ClipTask, run_per_clip
from avlib.systems.common.fold_clips import FisherVectors, read_fold
from avlib.systems.common.model import Model, VectorClips

# What VLFeat and torch may differ by; anything more is another encoder or other descriptors.
SAME_VECTOR = 1e-3


def corrupted_predictions(
    model: str,
    folds: pd.DataFrame,
    subjects: Mapping[str, str],
    settings: Mapping[str, Any],
    descriptors: Mapping[str, Sequence[Descriptor]],
) -> pd.DataFrame:
    """Predict every test clip clean, in white noise, in babble and with a covered face.

    Vectors of corrupted clips do not depend on the model and are remembered from one model to the
    next. Where sound is corrupted, faces are clean, and the other way round.

    Parameters
    ----------
    model
        Name of a trained model; see `require_readable`.
    folds
        Table ``folds``.
    subjects
        By clip_id.
    settings
        ``snr``, ``occlusion`` and ``seed`` of section ``robustness``; ``backend`` of section
        ``fisher``; ``max_failed_fraction``.
    descriptors
        By modality, what the clips were described with: a descriptor a view.

    Returns
    -------
    DataFrame
        Table ``robustness``; clean clips stand under corruption ``clean``. A clip that cannot be
        corrupted has no row where it should have been.

    Raises
    ------
    DataError
        The model is not trained, or learned from a user's table; a fold has too few voices for a
        babble; or clean clips come out with other vectors than in ``data/fisher``.
    """
    trained = {fold: load_saved(model, fold) for fold in sorted(folds["fold"].unique().tolist())}
    used = {m for system in trained.values() if system for m in system.modalities}
    for modality in sorted(used):
        if any(isinstance(descriptor, Table) for descriptor in descriptors[modality]):
            raise DataError(
                f"{model} learned from a table of {modality} descriptors, which cannot be"
                f" corrupted; choose another {modality}.descriptor, or take {model} out of"
                " robustness.models"
            )
    folder = (paths.MEMO / "corrupted" / model).absolute()
    shutil.rmtree(folder, ignore_errors=True)  # of a killed run
    seed = settings["seed"]
    corrupted: dict[str, tuple[Callable, Callable[[], list[ClipTask]], Sequence[float]]] = {
        "audio": (noisy_rows, lambda: noisy_tasks(folds, subjects, seed), settings["snr"]),
        "video": (occluded_rows, lambda: occluded_tasks(folds, subjects), settings["occlusion"]),
    }
    try:
        for modality in sorted(used):
            function, tasks, levels = corrupted[modality]
            views = tuple(descriptors[modality])
            run_per_clip(
                f"robustness_{modality}",
                function,
                tasks(),
                out=folder / modality,
                status=folder / f"{modality}_status.parquet",
                schema=CORRUPTED,
                params=Corruption(levels, seed, views, settings["backend"]),
                code=[type(descriptor) for descriptor in views],
                max_failed_fraction=settings["max_failed_fraction"],
            )
        todo = [(model, fold, str(folder)) for fold, system in trained.items() if system]
        found = []
        for index, rows in map_clips(
            predict_fold, todo, label=f"robustness of {model}", unit="folds"
        ):
            if isinstance(rows, Failure):
                raise DataError(f"robustness of {model}, fold {todo[index][1]}: {rows.reason}")
            found.append(rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def require_readable(name: str) -> None:
    """Raise DataError where there is no such model, or none that can be read back."""
    if name not in vector_models():
        raise DataError(
            f"{name} is no model that can be tried on corrupted clips; expected one of"
            f" {', '.join(vector_models())}: fix robustness.models in params.yaml"
        )


def load_saved(name: str, fold: int) -> Model | None:
    """Read the model of a fold; None where the fold's clips did not have what it needs.

    Raises
    ------
    DataError
        It is not trained.
    """
    folder = paths.MODELS / name / f"fold-{fold}"
    if folder.is_dir() and not any(folder.iterdir()):
        return None
    return models()[name].model_class().load(folder)


def predict_fold(task: tuple[str, int, str]) -> pd.DataFrame:
    """Predict the test clips of a fold under every corruption (in a worker).

    Parameters
    ----------
    task
        Model; fold; folder of the tables `corrupted`, one per modality.
    """
    name, fold, folder = task
    model = load_saved(name, fold)
    assert model is not None, "only trained folds are given"
    emotions, parts = read_fold(FisherVectors(), fold, [])
    test = parts["test"]
    vectors = {m: read_vectors(Path(folder) / m, test.clip_id) for m in model.modalities}
    for modality, by_corruption in vectors.items():
        _check_clean(by_corruption[CLEAN], test, modality)
    found = []
    for corruption, level in dict.fromkeys(key for v in vectors.values() for key in v):
        changed = {m: v[corruption, level] for m, v in vectors.items() if (corruption, level) in v}
        clips = replaced(test, changed)
        clips = clips.select(model.scorable(clips, model.modalities))
        rows = model.rows(clips, emotions, model.modalities)["predictions"]
        found.append(rows.assign(fold=fold, model=name, corruption=corruption, level=level))
    return pd.concat(found, ignore_index=True)


def read_vectors(folder: Path, clip_ids: np.ndarray) -> dict[tuple[str, float], np.ndarray]:
    """Read the vectors of some clips.

    Parameters
    ----------
    folder
        Table `corrupted`.
    clip_ids : str array of shape (n,)

    Returns
    -------
    dict
        By corruption and level: float32 array of shape (n, d); NaN in the rows of clips without.
    """
    place = {clip_id: row for row, clip_id in enumerate(clip_ids.tolist())}
    found: dict[tuple[str, float], np.ndarray] = {}
    for ref in tables.clip_refs(folder):
        if ref.clip_id in place:
            rows = tables.read_clip(ref.path, ref.row_group)
            values = tables.vectors(rows["vector"])
            keys = zip(rows["corruption"].to_pylist(), rows["level"].to_pylist(), strict=True)
            for key, vector in zip(keys, values, strict=True):
                if key not in found:
                    found[key] = np.full((len(place), len(vector)), np.nan, np.float32)
                found[key][place[ref.clip_id]] = vector
    return found


def replaced(clips: VectorClips, vectors: Mapping[str, np.ndarray]) -> VectorClips:
    """Give clips other vectors, and leave out those for which there is none.

    Parameters
    ----------
    clips
        The clips; what lacks a modality goes on lacking it.
    vectors
        By modality: array of shape (n, d); a row of NaN where a clip could not be corrupted.
    """
    kept = np.ones(len(clips), bool)
    for modality, values in vectors.items():
        kept &= ~clips.present[modality] | np.isfinite(values).all(axis=1)
    return dataclasses.replace(clips, features={**clips.features, **vectors}).select(kept)


def _check_clean(values: np.ndarray, clips: VectorClips, modality: str) -> None:
    """Stop when the clean clips' vectors are not those that the model was trained and tested on."""
    known = clips.present[modality] & np.isfinite(values).all(axis=1)
    apart = np.abs(values[known] - clips.features[modality][known]).max(axis=1)
    if (apart > SAME_VECTOR).any():
        worst = int(apart.argmax())
        raise DataError(
            f"the {modality} vector of clip {clips.clip_id[known][worst]}, left clean, differs by"
            f" {apart[worst]:.2g} from the one in data/fisher; expected the same: run `dvc repro`,"
            " so that speech, faces and encoders are of one run"
        )
