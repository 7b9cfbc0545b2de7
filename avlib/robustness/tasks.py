"""Which clips the robustness curves need corrupted, with what, and for which fold."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from avlib.robustness.vectors import CorruptedClip, seed_of
from avlib.runtime import paths, tables
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import DataError
from avlib.runtime.per_clip import ClipTask
from avlib.speech.noise import TALKERS


def noisy_tasks(folds: pd.DataFrame, subjects: Mapping[str, str], seed: int) -> list[ClipTask]:
    """List the test clips that have sound, each with the clips whose voices babble behind it.

    Those are training clips of the fold that tests the clip, of subjects other than its own: one of
    each of `TALKERS` subjects, or several of each where there are fewer subjects.

    Parameters
    ----------
    folds
        Table ``folds``.
    subjects
        By clip_id.
    seed
        Of the choice.

    Raises
    ------
    DataError
        A fold has fewer clips to choose from than a babble needs.
    """
    refs = {ref.clip_id: ref for ref in tables.clip_refs(paths.SPEECH) if ref.rows}
    status = tables.read_table(paths.status("speech"))
    voiced = set(status.loc[status["status"] == "ok", "clip_id"]) & set(refs)
    tasks = []
    for fold, encoder, tested in _tested(folds, "audio"):
        training = folds.loc[(folds["fold"] == fold) & (folds["part"] == "train"), "clip_id"]
        voices: dict[str, list[str]] = {}
        for clip_id in sorted(voiced & set(training)):
            voices.setdefault(subjects[clip_id], []).append(clip_id)
        for clip_id in tested:
            others = {s: clips for s, clips in voices.items() if s != subjects[clip_id]}
            chosen = [refs[c] for c in _talkers(clip_id, others, seed, fold)]
            tasks.append(_task(refs[clip_id], encoder, subjects[clip_id], chosen))
    return tasks


def _talkers(clip_id: str, others: Mapping[str, list[str]], seed: int, fold: int) -> list[str]:
    """Choose clips in turn from the subjects in a random order, none twice."""
    available = sum(map(len, others.values()))
    if available < TALKERS:
        raise DataError(
            f"fold {fold} has {available} training clips with voices other than that of clip"
            f" {clip_id}; a babble needs {TALKERS}: leave robustness.models empty for this corpus"
        )
    random = np.random.default_rng(seed_of(seed, clip_id, "talkers"))
    order = random.permutation(sorted(others)).tolist()
    chosen: list[str] = []
    turns = {subject: random.permutation(others[subject]).tolist() for subject in order[:TALKERS]}
    while len(chosen) < TALKERS:
        chosen += [clips.pop() for clips in turns.values() if clips]
    return chosen[:TALKERS]


def occluded_tasks(folds: pd.DataFrame, subjects: Mapping[str, str]) -> list[ClipTask]:
    """List the test clips that have a face.

    Parameters
    ----------
    folds
        Table ``folds``.
    subjects
        By clip_id.
    """
    refs = {ref.clip_id: ref for ref in tables.clip_refs(paths.FACES) if ref.rows}
    return [
        _task(refs[clip_id], encoder, subjects[clip_id])
        for _, encoder, tested in _tested(folds, "video")
        for clip_id in tested
    ]


def _task(
    ref: tables.ClipRef,
    encoder: tuple[str, str],
    subject: str,
    talkers: Sequence[tables.ClipRef] = (),
) -> ClipTask:
    clip = CorruptedClip(ref, encoder, subject, talkers)
    digests = [ref.digest, encoder[1], subject, *(talker.digest for talker in talkers)]
    return ClipTask(ref.clip_id, ref.part, " ".join(digests), clip)


def _tested(folds: pd.DataFrame, modality: str) -> Iterator[tuple[int, tuple[str, str], list[str]]]:
    """Yield each fold that has an encoder of the modality, that file and its digest, test clips.

    These are the test clips that have a vector of the modality.
    """
    for fold in sorted(folds["fold"].unique().tolist()):
        file = paths.FISHER_ENCODERS / f"fold-{fold}" / f"{modality}.npz"
        if file.is_file():
            columns = ["clip_id", modality]
            known = tables.read_table(paths.FISHER / f"fold-{fold}.parquet", columns).dropna()
            test = folds.loc[(folds["fold"] == fold) & (folds["part"] == "test"), "clip_id"]
            encoder = (str(file.absolute()), file_digest(file))
            yield fold, encoder, sorted(set(test) & set(known["clip_id"]))
