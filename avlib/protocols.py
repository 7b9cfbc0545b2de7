"""Evaluation protocols: which clips train, select and test in each fold, and the leak check.

``subject_kfold``
    k folds of whole subjects, emotions spread as evenly as whole subjects allow.
``stratified_kfold``
    k folds of clips balanced by emotion; a subject may be on both sides.
``loso``, ``logso``
    One subject, or one of k equally large groups of subjects, is tested at a time.
``official``
    The corpus authors' own partition, read from the clips' column ``partition``; one fold. Where
    the authors keep the labels of their test part, their validation part is tested, as papers do,
    and another validation part is taken out of the training clips. Clips of a tested subject are
    left out of training and validation (one YouTube video lends clips to two parts of OMG-Emotion).
``published``
    Folds whose tested subjects others named (`avlib.corpora.published_folds`). A fold tests those
    of its subjects who are here, and there is none for a fold of whom nobody is. Clips of subjects
    whom no fold names are left out: trained on, they would give what the others did not have.
``cross_corpus``
    Some members of a joined corpus train, others are tested, the rest is left out. It is one fold,
    however many are tested: what is learned does not depend on who is tested, and the report scores
    each tested corpus by itself.
``leave_one_corpus_out``
    One member of a joined corpus is tested at a time, all others train.

The five papers publish no subject lists, so folds are drawn from a seed. Whatever the protocol, the
validation part consists of whole subjects that were taken out of the training clips, because
anything that is selected must be selected on people whom the model has not heard or seen. Only
``stratified_kfold``, which tests people whom the model knows, may select on them too: then the
part is clips of each emotion (MERML section 5.3 trains on all subjects, and names no validation).
"""

import re
import unicodedata
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from avlib.runtime import paths, tables
from avlib.runtime.digests import name_digest
from avlib.runtime.errors import DataError, LeakError, ParamsError
from avlib.runtime.tables.schema import INT, TEXT, Schema

FOLDS = Schema("folds", ("clip_id", "fold"), {"clip_id": TEXT, "fold": INT, "part": TEXT})

PARTS = ("train", "validation", "test")
# Clips of a tested speaker that give his mean away and are neither learned from nor scored.
ENROLMENT = "enrolment"
# Protocols under which no corpus is on both sides.
ACROSS_CORPORA = ("cross_corpus", "leave_one_corpus_out")
SUBJECT_INDEPENDENT = {
    protocol: protocol != "stratified_kfold"
    for protocol in (
        *("subject_kfold", "stratified_kfold", "loso", "logso", "official", "published"),
        *ACROSS_CORPORA,
    )
}

# What table `copies` says of clips, by column of what is checked.
COPIED = ("sound", "pictures")
# What two clips have in common that share a value of a column.
SAME = {
    "sha256": "are the same recording",
    "video_sha256": "are of the same video file",
    "audio_sha256": "are of the same sound file",
    "sound": "have the same sound, in other bytes,",
    "pictures": "have the same pictures, in other bytes,",
}


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
    ``cross_corpus`` have rules of their own, see above). A clip is labelled if it has an
    emotion; in a corpus without emotions, if it has arousal or valence. The result does not depend
    on the order of the rows.

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
        The corpora to learn from and those to test, under ``cross_corpus``.

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
    labelled = _labelled(clips).sort_values("clip_id", kind="stable").reset_index(drop=True)
    if protocol == "official":
        return _official_folds(labelled, validation, seed)
    if protocol in ACROSS_CORPORA:
        _require_corpora(labelled, protocol, {*train, *test})
    if protocol == "cross_corpus":
        labelled = labelled[labelled["corpus"].isin([*train, *test])].reset_index(drop=True)
        part = np.where(labelled["corpus"].isin(list(test)), "test", "train").astype(object)
        return _fold_table(labelled, part, validation, seed, fold=0)
    if protocol == "published":
        labelled, tested_in = _listed(labelled, published)
    elif protocol == "leave_one_corpus_out":
        tested_in, _ = pd.factorize(labelled["corpus"], sort=True)
    else:
        tested_in = _test_folds(labelled, protocol, k, np.random.default_rng(seed))
    folds = []
    for fold in range(tested_in.max() + 1):
        part = np.where(tested_in == fold, "test", "train").astype(object)
        folds.append(_fold_table(labelled, part, validation, seed, fold, validation_by))
    return pd.concat(folds, ignore_index=True)


def enrol(folds: pd.DataFrame, clips: pd.DataFrame, n: int) -> pd.DataFrame:
    """Take some clips of each tested subject out of the test parts.

    They are drawn by the digests of their names: names may sort by emotion, as RAVDESS's do.

    Parameters
    ----------
    folds
        As of `make_folds`.
    clips
        Columns clip_id, subject.
    n
        Clips of a subject; they come into part ``enrolment``.

    Raises
    ------
    DataError
        A subject would have no clip left to score.
    """
    rows = folds.merge(clips[["clip_id", "subject"]], on="clip_id")
    rows = rows.iloc[rows["clip_id"].map(name_digest).argsort()]
    tested = rows[rows["part"] == "test"]
    place = tested.groupby(["fold", "subject"]).cumcount()
    left = tested[place >= n]
    if gone := set(tested["subject"]) - set(left["subject"]):
        raise DataError(
            f"speakers.enrolled_clips is {n}, but {_some(gone)} have no more clips in a test part;"
            " none would be left to score: enrol fewer"
        )
    key = ["clip_id", "fold"]
    enrolled = pd.MultiIndex.from_frame(tested.loc[place < n, key])
    chosen = pd.MultiIndex.from_frame(folds[key]).isin(enrolled)
    return folds.assign(part=folds["part"].mask(chosen, ENROLMENT))


def checked_folds(protocol: str, validation_by: str) -> pd.DataFrame:
    """Read ``data/folds.parquet`` as every stage that trusts it does: checked.

    Parameters
    ----------
    protocol, validation_by
        As of `check_folds`.

    Raises
    ------
    LeakError, DataError
        As `check_folds`; or the clips are not those that the folds were drawn from, or the file is
        not as stage ``folds`` wrote it.
    """
    folds, clips, copies = (
        tables.read_table(path) for path in (paths.FOLDS, paths.CLIPS, paths.COPIES)
    )
    check_folds(folds, clips, protocol, validation_by, copies)
    if tables.read_facts(paths.FOLDS).get("drawn_from") != drawn_from(clips):
        raise DataError(
            f"{paths.FOLDS} was not drawn from {paths.CLIPS} as it is: since then a label, a"
            " subject or a recording changed, or the file was written by hand; expected what stage"
            " folds writes: run dvc repro folds"
        )
    return folds


def drawn_from(clips: pd.DataFrame) -> str:
    """Return a digest of all that folds are drawn from, whatever the order of the rows."""
    facts = ("arousal", "clip_id", "corpus", "emotion", "partition", "sha256", "subject", "valence")
    columns = [fact for fact in facts if fact in clips]
    return name_digest(clips.sort_values("clip_id")[columns].to_csv(index=False))


def check_folds(
    folds: pd.DataFrame,
    clips: pd.DataFrame,
    protocol: str,
    validation_by: str = "subjects",
    copies: pd.DataFrame | None = None,
) -> None:
    """Stop a run whose folds leak.

    A clip, a byte-identical recording, picture or sound under another clip_id, or a copy of one,
    may never stand in the test part and another part of one fold; nor may a subject where the
    protocol is subject-independent. Validation subjects may never be training subjects, except in
    an official partition, which is its authors' to draw, and where clips are held out under
    ``stratified_kfold``.

    Parameters
    ----------
    folds, clips
        The tables; columns video_sha256 and audio_sha256 of clips are looked at where they are.
    protocol, validation_by
        As of `make_folds`.
    copies
        Table ``copies``: clips whose sound or pictures are alike, whatever their bytes.

    Raises
    ------
    LeakError
        Names the fold, and the subjects, clips or corpora on both sides.
    DataError
        The tables are no division of these clips: an unknown clip, part or fold, a recording
        without a digest, a person under two names, a fold that lacks a part, a clip tested in more
        or fewer folds than the protocol says, or a labelled one that is left out.
    """
    _check_tables(folds, clips)
    across = protocol in ACROSS_CORPORA
    streams = clips.columns.intersection(["video_sha256", "audio_sha256"])
    columns = ["clip_id", "subject", "sha256", *streams, *(["corpus"] if across else [])]
    joined = folds.merge(clips[columns], on="clip_id")
    alike = pd.DataFrame(columns=["clip_id", "medium", "same_as"]) if copies is None else copies
    for medium in COPIED:
        same_as = alike[alike["medium"] == medium].set_index("clip_id")["same_as"]
        joined[medium] = joined["clip_id"].map(same_as)
    independent, own_parts = SUBJECT_INDEPENDENT[protocol], protocol != "official"
    by_clips = validation_by == "clips" and not independent
    recordings = [(c, True, independent or by_clips) for c in ("sha256", *streams, *COPIED)]
    for column, from_test, from_validation in (
        ("clip_id", True, True),
        *recordings,
        ("subject", independent, own_parts and not by_clips),
        ("corpus", across, False),
    ):
        if from_test:
            for tested in ("test", ENROLMENT):
                _forbid_on_both_sides(joined, column, ("train", "validation"), tested)
        if from_validation:
            _forbid_on_both_sides(joined, column, ("train",), "validation")
    _check_each_tested_once(folds, protocol)
    _check_nothing_left_out(folds, clips, protocol)


def _has_label(clips: pd.DataFrame) -> pd.Series:
    labels = ["emotion"] if clips["emotion"].notna().any() else ["arousal", "valence"]
    return clips[clips.columns.intersection(labels)].notna().any(axis=1)


def _labelled(clips: pd.DataFrame) -> pd.DataFrame:
    twice = clips.loc[clips["clip_id"].duplicated(), "clip_id"].unique()
    if len(twice):
        raise DataError(f"clips table holds {_some(twice)} twice; each clip_id must be unique")
    labelled = clips[_has_label(clips)]
    if labelled.empty:
        raise DataError(
            f"none of the {len(clips)} clips has an emotion, arousal or valence; "
            "there is nothing to make folds of"
        )
    nameless = labelled.loc[labelled["subject"].isna(), "clip_id"]
    if len(nameless):
        raise DataError(f"{_some(nameless)} has no subject; folds need to know who is recorded")
    return labelled


def _test_folds(
    labelled: pd.DataFrame, protocol: str, k: int, rng: np.random.Generator
) -> np.ndarray:
    """Fold that tests each clip, (n_clips,)."""
    if protocol == "stratified_kfold":
        unit, names = _recordings(labelled)
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
    counts = np.ones((len(names), 1)) if protocol == "logso" else _class_counts(labelled, unit)
    return _spread(counts, k, rng)[unit]


def _recordings(clips: pd.DataFrame) -> tuple[np.ndarray, pd.Index]:
    """Tell recordings apart by number; one whose hash is unknown is one of its own.

    Byte-identical ones are one, so that no copy trains what another tests.
    """
    return pd.factorize(clips["sha256"].fillna(clips["clip_id"]))


def _listed(
    labelled: pd.DataFrame, published: Sequence[Collection[str]]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Clips of the subjects that a published list names, and the fold that tests each, from 0."""
    fold_of = {subject: fold for fold, tested in enumerate(published) for subject in tested}
    listed = labelled[labelled["subject"].isin(fold_of)].reset_index(drop=True)
    tested_in, used = pd.factorize(listed["subject"].map(fold_of), sort=True)
    if len(used) < 2:
        raise DataError(
            f"the corpus holds subjects of {len(used)} of the {len(published)} published folds; "
            "expected two at least: add subjects, or choose subject_kfold, for example"
        )
    return listed, tested_in


def _require_corpora(labelled: pd.DataFrame, protocol: str, named: Collection[str]) -> None:
    """Refuse one corpus where several are needed, and names that none has."""
    known = labelled["corpus"].unique()
    if len(known) < 2:
        raise DataError(
            f"protocol.name is {protocol}, but all labelled clips are of corpus {_some(known)};"
            " expected several: join them in data/raw/<name>/corpus.yaml (docs/corpora.md) and set"
            " corpus to that name"
        )
    if unknown := set(named) - set(known):
        raise DataError(
            f"protocol.train and test name {_some(unknown)}, of which there is no labelled clip;"
            f" expected some of {_some(known, len(known))}"
        )


def _class_counts(clips: pd.DataFrame, unit: np.ndarray) -> np.ndarray:
    """Clips of each class in each unit, (n_units, n_classes); one class if none has an emotion."""
    emotions = clips["emotion"].fillna("").to_numpy()
    return pd.crosstab(unit, emotions).to_numpy(dtype=float)


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


def _validation_subjects(
    labelled: pd.DataFrame, part: np.ndarray, share: float, seed: int, fold: int
) -> np.ndarray:
    """Rows of the training clips to hold out: whole subjects, training keeping every class."""
    rows = np.flatnonzero(part == "train")
    training = labelled.iloc[rows]
    _check_trainable(labelled[part == "test"], training, fold)
    subject, names = pd.factorize(training["subject"], sort=True)
    wanted = int(np.clip(round(share * len(names)), 1, max(len(names) - 1, 1)))
    rng = np.random.default_rng([seed, fold])
    held_out = _hold_out(_class_counts(training, subject), wanted, rng)
    if not held_out.any():
        raise DataError(
            f"fold {fold}: none of its {len(names)} training subjects ({_some(names)}) can be held "
            "out for validation so that training keeps every emotion; expected at least two "
            "subjects that share their emotions: add subjects, or raise protocol.k"
        )
    return rows[held_out[subject]]


def _validation_recordings(
    labelled: pd.DataFrame, part: np.ndarray, share: float, seed: int, fold: int
) -> np.ndarray:
    """Rows of the training clips to hold out: a share of each emotion's recordings."""
    rows = np.flatnonzero(part == "train")
    training = labelled.iloc[rows]
    _check_trainable(labelled[part == "test"], training, fold)
    recording, names = _recordings(training)
    _, first = np.unique(recording, return_index=True)
    emotions = training["emotion"].fillna("").to_numpy()[first]
    held_out = np.zeros(len(names), dtype=bool)
    rng = np.random.default_rng([seed, fold])
    for emotion in sorted(set(emotions)):
        of_emotion = rng.permutation(np.flatnonzero(emotions == emotion))
        wanted = max(round(share * len(of_emotion)), 1)
        held_out[of_emotion[: min(wanted, len(of_emotion) - 1)]] = True
    if not held_out.any():
        raise DataError(
            f"fold {fold}: none of its {len(names)} training recordings can be held out for "
            "validation so that training keeps every emotion; expected two recordings of one at "
            "least: add recordings"
        )
    return rows[held_out[recording]]


def _check_trainable(test: pd.DataFrame, training: pd.DataFrame, fold: int) -> None:
    untrained = sorted(set(test["emotion"].dropna()) - set(training["emotion"].dropna()))
    if untrained:
        clips = test.loc[test["emotion"] == untrained[0], "clip_id"]
        raise DataError(
            f"fold {fold} would test emotion {untrained[0]!r} ({_some(clips)}) without a clip to "
            "train it on; expected it among the clips that train too: leave this emotion out or "
            "join it with another (labels, in params.yaml or in the corpus.yaml of a joined "
            "corpus), or add clips of it by other subjects"
        )


def _hold_out(counts: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Choose up to ``wanted`` subjects so that the others still have every class.

    Random, but a subject who brings a class that no chosen one has comes first, so that
    selection sees every class where it can.

    Parameters
    ----------
    counts
        Clips of each class by each subject, (n_subjects, n_classes).

    Returns
    -------
    ndarray
        (n_subjects,) bool.
    """
    order = rng.permutation(len(counts))
    chosen = np.zeros(len(counts), dtype=bool)
    for _ in range(wanted):
        rest = counts[~chosen].sum(axis=0)
        candidates = [s for s in order if not chosen[s] and (rest - counts[s] > 0).all()]
        if not candidates:
            break
        missing = counts[chosen].sum(axis=0) == 0
        new_classes = [(counts[s, missing] > 0).sum() for s in candidates]
        chosen[candidates[int(np.argmax(new_classes))]] = True
    return chosen


def _official_folds(labelled: pd.DataFrame, validation: float, seed: int) -> pd.DataFrame:
    if "partition" not in labelled or labelled["partition"].isna().all():
        raise DataError(
            "protocol.name is 'official', but the clips table has no column 'partition'; this "
            "corpus has no partition of its authors': choose subject_kfold, for example"
        )
    wrong = labelled[~labelled["partition"].isin(PARTS)]
    if len(wrong):
        raise DataError(
            f"clip {wrong['clip_id'].iloc[0]}: partition is {wrong['partition'].iloc[0]!r}; "
            f"expected {', '.join(PARTS)}"
        )
    part = labelled["partition"].to_numpy(dtype=object)
    if "test" not in part and "validation" in part:
        part[part == "validation"] = "test"
    for name in ("train", "test"):
        if name not in part:
            raise DataError(f"column 'partition' has no clip in {name!r}; nothing can be measured")
    tested = labelled["subject"].isin(labelled["subject"][part == "test"])
    kept = (part == "test") | ~tested.to_numpy()
    labelled, part = labelled[kept].reset_index(drop=True), part[kept]
    if "train" not in part:
        raise DataError("every training clip is of a subject who is tested; nothing can be learned")
    return _fold_table(labelled, part, validation, seed, fold=0)


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
        draw = _validation_recordings if by == "clips" else _validation_subjects
        part[draw(labelled, part, share, seed, fold)] = "validation"
    table = pd.DataFrame({"clip_id": labelled["clip_id"], "fold": fold, "part": part})
    return table.astype({"clip_id": str, "fold": np.int32, "part": str})


def _check_tables(folds: pd.DataFrame, clips: pd.DataFrame) -> None:
    """Refuse rows that mean nothing, before anything is concluded from them."""
    twice = clips.loc[clips["clip_id"].duplicated(), "clip_id"].unique()
    if len(twice):
        raise DataError(f"clips table holds {_some(twice)} twice; each clip_id must be unique")
    if unknown_clips := set(folds["clip_id"]) - set(clips["clip_id"]):
        raise DataError(
            f"folds name {_some(unknown_clips)}, which the clips table lacks; make the folds anew"
        )
    if unknown_parts := set(folds["part"]) - {*PARTS, ENROLMENT}:
        raise DataError(f"folds hold part {_some(unknown_parts)}; expected {', '.join(PARTS)}")
    number = pd.to_numeric(folds["fold"], errors="coerce")
    odd = folds[(number % 1 != 0) | (number < 0)]
    if len(odd):
        raise DataError(
            f"clip {odd['clip_id'].iloc[0]} is in fold {odd['fold'].iloc[0]}; expected whole"
            " numbers from 0: make the folds anew"
        )
    used = clips[clips["clip_id"].isin(folds["clip_id"])]
    unsure = used[~used["sha256"].astype(object).map(_is_digest)]
    if len(unsure):
        raise DataError(
            f"clip {unsure['clip_id'].iloc[0]} has sha256 {unsure['sha256'].iloc[0]!r}, by which no"
            " copy of it is found; expected 64 hexadecimal digits in lower case: run stage clips"
        )
    _check_names(used)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _check_names(clips: pd.DataFrame) -> None:
    """Refuse two spellings of one name, which folds would take for two people."""
    subjects = pd.Series(clips["subject"].dropna().unique(), dtype=object)
    plain = subjects.map(lambda name: " ".join(unicodedata.normalize("NFKC", name).split()))
    same = subjects[plain.str.casefold().duplicated(keep=False)]
    if len(same):
        spelling = plain[same.index].str.casefold()
        found = same[spelling == spelling.iloc[0]]
        raise DataError(
            f"subjects {' and '.join(sorted(map(repr, found)))} differ in case or spaces alone, and"
            " folds would take one person for several; spell the name in one way in the corpus"
        )


def _forbid_on_both_sides(
    joined: pd.DataFrame, column: str, one_side: tuple[str, ...], other: str
) -> None:
    known = joined.dropna(subset=[column])
    both = set(known.loc[known["part"].isin(one_side), column])
    both &= set(known.loc[known["part"] == other, column])
    known = known[known[column].isin(both)]
    first = known[known["part"].isin(one_side)]
    second = known[known["part"] == other]
    shared = first.merge(second, on=["fold", column], suffixes=("", "_other"))
    if shared.empty:
        return
    fold = shared["fold"].min()
    shared = shared[shared["fold"] == fold]
    if column in SAME:
        found = shared.iloc[0]
        what = f"clips {found['clip_id']} and {found['clip_id_other']} {SAME[column]} and"
        cure = "remove one of the two from the corpus"
    else:
        what = f"{column.removesuffix('_id')} {_some(shared[column].unique())}"
        cure = "keep subjects whole" if column == "subject" else "make the folds anew"
    sides = " or ".join(one_side)
    raise LeakError(f"fold {fold}: {what} stand in {sides} and in {other}; {cure}")


def _check_each_tested_once(folds: pd.DataFrame, protocol: str) -> None:
    sizes = pd.crosstab(folds["fold"], folds["part"]).reindex(columns=PARTS, fill_value=0)
    for part in PARTS:
        empty = sizes.index[sizes[part] == 0]
        if len(empty):
            raise DataError(f"fold {empty[0]} has no {part} clips; make the folds anew")
    repeated = folds.loc[folds.duplicated(["clip_id", "fold"]), "clip_id"].unique()
    if len(repeated):
        raise DataError(f"a fold holds {_some(repeated)} twice; expected one row a clip and fold")
    if protocol in ("official", "cross_corpus"):  # what trains there is never tested
        return
    times = folds["part"].isin(("test", ENROLMENT)).groupby(folds["clip_id"]).sum()
    wrong = times[times != 1]
    if len(wrong):
        raise DataError(
            f"clip {wrong.index[0]} is tested in {wrong.iloc[0]} folds; expected exactly one "
            f"under {protocol}: make the folds anew"
        )


def _check_nothing_left_out(folds: pd.DataFrame, clips: pd.DataFrame, protocol: str) -> None:
    """Every labelled clip is in every fold, but for whom the protocol leaves out (see above)."""
    labelled = clips[_has_label(clips)]
    there = labelled["clip_id"].isin(folds["clip_id"])
    due = pd.Series(True, labelled.index)
    if protocol == "official":
        tested = labelled["clip_id"].isin(folds.loc[folds["part"] == "test", "clip_id"])
        due = ~labelled["subject"].isin(labelled.loc[tested, "subject"]) | tested
    elif protocol in ("published", "cross_corpus"):
        whole = "subject" if protocol == "published" else "corpus"
        due = labelled[whole].isin(labelled.loc[there, whole])
    n_folds = folds["fold"].nunique()
    times = labelled.loc[due, "clip_id"].map(folds["clip_id"].value_counts()).fillna(0).astype(int)
    short = times[times < n_folds]
    if len(short):
        raise DataError(
            f"clip {clips.loc[short.index[0], 'clip_id']} has a label and is in {short.iloc[0]} of"
            f" {n_folds} folds; expected in all: make the folds anew"
        )


def _some(names: "pd.Series | pd.Index | np.ndarray | set[str]", shown: int = 3) -> str:
    """Spell out the first few names and count the rest."""
    ordered = sorted(str(name) for name in names)
    rest = len(ordered) - shown
    return ", ".join(ordered[:shown]) + (f" and {rest} more" if rest > 0 else "")
