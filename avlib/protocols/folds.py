"""Folds of a corpus by each protocol."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from avlib.protocols.given import (
    awaited_clips,
    listed_clips,
    official_parts,
    require_corpora,
)
from avlib.protocols.kinds import ACROSS_CORPORA, SUBJECT_INDEPENDENT
from avlib.protocols.labelled import class_counts, labelled_clips, recordings_of
from avlib.protocols.validation import validation_recordings, validation_subjects
from avlib.runtime.errors import ParamsError


def make_folds(
    clips: pd.DataFrame,
    *,
    protocol: str,
    k: int,
    validation: float,
    seed: int,
    validation_by: str = "subjects",
    published: Sequence[Collection[str]] = (),
    train: Collection[str] = (),
    test: Collection[str] = (),
) -> pd.DataFrame:
    """Divide the labelled clips into folds.

    Every labelled clip is in the test part of exactly one fold (``official``, ``published`` and
    ``cross_corpus`` have rules of their own, see `avlib.protocols`). A clip is labelled if it has
    an emotion; in a corpus without emotions, if it has arousal or valence. The result does not
    depend on the order of the rows.

    Parameters
    ----------
    clips
        Columns clip_id, subject, emotion, sha256; arousal and valence where there is no emotion;
        partition under ``official``; corpus under the two that cross corpora.
    protocol
        A key of ``SUBJECT_INDEPENDENT``.
    k
        Number of folds; ``subject_kfold``, ``stratified_kfold`` and ``logso`` use it, the others
        know theirs.
    validation
        Share of the training subjects that is held out for selection, in (0, 1); at least one
        subject is, and at least one remains. By clips, the share of each emotion's clips.
    seed
        Seed of the draw.
    validation_by
        "subjects"; or, under ``stratified_kfold``, "clips".
    published
        The subjects that each fold tests, under ``published``.
    train, test
        The corpora to learn from and those to test, under ``cross_corpus``; under ``official`` the
        parts of the authors' partition, where they are not to be taken as they are.

    Returns
    -------
    DataFrame
        Columns clip_id, fold (int32, from 0), part ("train", "validation" or "test").

    Raises
    ------
    ParamsError
        There are more folds than subjects (or recordings), or clips are to be held out where
        subjects must not be shared.
    DataError
        No labelled clips, a clip without a subject, an emotion that a fold would test without
        training it, too few subjects, no usable ``partition``, subjects of fewer than two of the
        published folds, one corpus where several are crossed, or an unknown one.
    """
    if validation_by == "clips" and SUBJECT_INDEPENDENT[protocol]:
        raise ParamsError(
            f"protocol.validation_by is clips under {protocol}, which keeps subjects apart; "
            "expected subjects: clips can be held out under stratified_kfold"
        )
    labelled = labelled_clips(clips)
    if protocol == "official" and not test:
        labelled = pd.concat([labelled, awaited_clips(clips)])
    labelled = labelled.sort_values("clip_id", kind="stable").reset_index(drop=True)
    if protocol == "official":
        labelled, part = official_parts(labelled, train, test)
        return _fold_table(labelled, part, validation, seed, fold=0)
    if protocol in ACROSS_CORPORA:
        require_corpora(labelled, protocol, {*train, *test})
    if protocol == "cross_corpus":
        labelled = labelled[labelled["corpus"].isin([*train, *test])].reset_index(drop=True)
        part = np.where(labelled["corpus"].isin(list(test)), "test", "train").astype(object)
        return _fold_table(labelled, part, validation, seed, fold=0)
    if protocol == "published":
        labelled, tested_in = listed_clips(labelled, published)
    elif protocol == "leave_one_corpus_out":
        tested_in, _ = pd.factorize(labelled["corpus"], sort=True)
    else:
        tested_in = _test_folds(labelled, protocol, k, np.random.default_rng(seed))
    folds = []
    for fold in range(tested_in.max() + 1):
        part = np.where(tested_in == fold, "test", "train").astype(object)
        folds.append(_fold_table(labelled, part, validation, seed, fold, validation_by))
    return pd.concat(folds, ignore_index=True)


def _test_folds(
    labelled: pd.DataFrame, protocol: str, k: int, rng: np.random.Generator
) -> np.ndarray:
    """Fold that tests each clip, (n_clips,)."""
    if protocol == "stratified_kfold":
        unit, names = recordings_of(labelled)
        noun = "recordings"
    else:
        unit, names = pd.factorize(labelled["subject"], sort=True)
        noun = "subjects"
    if protocol == "loso":
        k = len(names)
    if k > len(names) or len(names) < 2:
        raise ParamsError(
            f"protocol.k is {k}, but the corpus has {len(names)} labelled {noun}; "
            f"expected at least 2 and at most as many folds as {noun}"
        )
    if protocol == "loso":
        return unit
    counts = np.ones((len(names), 1)) if protocol == "logso" else class_counts(labelled, unit)
    return _spread(counts, k, rng)[unit]


def _spread(counts: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Put units into k folds so that each class is spread as evenly as whole units allow.

    Greedy, the largest units first and equal ones in random order: a unit goes where it adds least
    to the sum, over folds and classes, of the squared share of the class that the fold holds.
    No fold stays empty.

    Parameters
    ----------
    counts
        Clips of each class in each unit, (n_units, n_classes), n_units >= k.

    Returns
    -------
    ndarray
        Fold of each unit, (n_units,).
    """
    share = counts / counts.sum(axis=0)
    order = rng.permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    held = np.zeros((k, counts.shape[1]))
    clips = np.zeros(k)
    fold = np.empty(len(counts), dtype=np.int64)
    for unit in order:
        # Rounded, so that ties are ties whatever the order of summation was.
        added = np.round((held * share[unit]).sum(axis=1), 12)
        best = np.lexsort((clips, added))[0]
        fold[unit] = best
        held[best] += share[unit]
        clips[best] += counts[unit].sum()
    return fold


def _fold_table(
    labelled: pd.DataFrame,
    part: np.ndarray,
    share: float,
    seed: int,
    fold: int,
    by: str = "subjects",
) -> pd.DataFrame:
    """Return a fold; where it has no validation part yet, that is taken out of the training one."""
    if "validation" not in part:
        draw = validation_recordings if by == "clips" else validation_subjects
        part[draw(labelled, part, share, seed, fold)] = "validation"
    table = pd.DataFrame({"clip_id": labelled["clip_id"], "fold": fold, "part": part})
    return table.astype({"clip_id": str, "fold": np.int32, "part": str})
