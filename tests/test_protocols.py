import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from avlib.protocols import SUBJECT_INDEPENDENT, check_folds, left_by_partition, make_folds
from avlib.runtime.digests import name_digest
from avlib.runtime.errors import DataError, LeakError, ParamsError

EMOTIONS = ("anger", "disgust", "fear", "happiness")


def corpus(subjects=8, takes=2, emotions=EMOTIONS):
    """Every subject plays every emotion ``takes`` times."""
    keys = itertools.product(range(subjects), emotions, range(takes))
    rows = [(f"s{s:02d}_{e}_{t}", f"s{s:02d}", e) for s, e, t in keys]
    clips = pd.DataFrame(rows, columns=["clip_id", "subject", "emotion"])
    return clips.assign(sha256=clips["clip_id"].map(name_digest))


def folds_of(clips, protocol="subject_kfold", k=4, validation=0.2, seed=0):
    return make_folds(clips, protocol=protocol, k=k, validation=validation, seed=seed)


def joined(clips, folds):
    return folds.merge(clips, on="clip_id")


@st.composite
def ragged_corpora(draw):
    """A few subjects with any number of clips of each emotion, some of them unlabelled."""
    subjects = draw(st.integers(3, 9))
    counts = draw(
        st.lists(
            st.lists(st.integers(0, 4), min_size=4, max_size=4),
            min_size=subjects,
            max_size=subjects,
        )
    )
    rows = [
        (f"s{s}_{e}_{t}", f"s{s}", emotion)
        for s, row in enumerate(counts)
        for e, (emotion, n) in enumerate(zip((*EMOTIONS[:3], None), row, strict=True))
        for t in range(n)
    ]
    clips = pd.DataFrame(rows, columns=["clip_id", "subject", "emotion"])
    return clips.assign(sha256=clips["clip_id"].map(name_digest))


@pytest.mark.parametrize("protocol", ["subject_kfold", "stratified_kfold", "loso", "logso"])
@settings(max_examples=10, deadline=None)
@given(clips=ragged_corpora(), k=st.integers(2, 4), seed=st.integers(0, 5))
def test_any_corpus_gives_sound_folds_or_a_clear_error(protocol, clips, k, seed):
    try:
        folds = folds_of(clips, protocol, k=k, seed=seed)
    except (ParamsError, DataError) as error:
        assert "expected" in str(error) or "nothing to make folds of" in str(error)  # noqa: PT017 - or folds
        return
    labelled = clips.dropna(subset=["emotion"])
    check_folds(folds, clips, protocol)
    assert sorted(folds.loc[folds["part"] == "test", "clip_id"]) == sorted(labelled["clip_id"])
    table = joined(clips, folds)
    for _, fold in table.groupby("fold"):
        assert sorted(fold["clip_id"]) == sorted(labelled["clip_id"])
        parts = dict(iter(fold.groupby("part")))
        assert set(parts) == {"train", "validation", "test"}
        assert set(parts["train"]["emotion"]) == set(labelled["emotion"])
        assert not set(parts["train"]["subject"]) & set(parts["validation"]["subject"])
        if SUBJECT_INDEPENDENT[protocol]:
            training = set(parts["train"]["subject"]) | set(parts["validation"]["subject"])
            assert not training & set(parts["test"]["subject"])


@given(clips=ragged_corpora(), seed=st.integers(0, 3))
@settings(max_examples=8, deadline=None)
def test_folds_depend_on_the_seed_and_not_on_the_order_of_rows(clips, seed):
    assume(clips["subject"].nunique() >= 3)
    shuffled = clips.sample(frac=1, random_state=seed)
    try:
        folds = folds_of(clips, k=3, seed=seed)
    except (ParamsError, DataError):
        return
    pd.testing.assert_frame_equal(folds, folds_of(shuffled, k=3, seed=seed))


def test_another_seed_draws_other_folds():
    clips = corpus()
    assert not folds_of(clips, seed=0).equals(folds_of(clips, seed=1))


@pytest.mark.parametrize(("subjects", "k"), [(12, 4), (24, 10), (10, 10)])
def test_equal_subjects_are_spread_evenly(subjects, k):
    table = joined(corpus(subjects), folds_of(corpus(subjects), k=k))
    tested = table[table["part"] == "test"].groupby("fold")["subject"].nunique()
    assert len(tested) == k
    assert tested.max() - tested.min() <= 1


def test_unequal_subjects_are_spread_at_least_as_evenly_as_scikit_learn_does():
    rng = np.random.default_rng(3)
    full = corpus(40, takes=10)
    clips = full[rng.random(len(full)) < 0.4].reset_index(drop=True)
    ours = joined(clips, folds_of(clips, k=5)).query("part == 'test'")
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    theirs = np.zeros(len(clips), dtype=int)
    for fold, (_, test) in enumerate(splitter.split(clips, clips["emotion"], clips["subject"])):
        theirs[test] = fold

    def unevenness(counts):
        return (counts.std() / counts.mean()).mean()

    our_counts = ours.groupby(["fold", "emotion"]).size().unstack(fill_value=0)
    their_counts = clips.groupby([theirs, "emotion"]).size().unstack(fill_value=0)
    assert unevenness(our_counts) <= 1.1 * unevenness(their_counts)


def test_stratified_folds_hold_each_emotion_equally_often():
    clips = corpus(5, takes=3)
    table = joined(clips, folds_of(clips, "stratified_kfold", k=10)).query("part == 'test'")
    counts = table.groupby(["fold", "emotion"]).size().unstack(fill_value=0)
    assert (counts.max() - counts.min()).max() <= 1


def by_clips(clips, protocol="stratified_kfold", validation=0.25):
    settings = {"k": 4, "validation": validation, "seed": 0, "validation_by": "clips"}
    return make_folds(clips, protocol=protocol, **settings)


def test_where_subjects_are_shared_clips_of_each_emotion_may_be_held_out():
    clips = corpus(8, takes=2)  # 16 clips of an emotion: 4 tested, 3 held out, 9 trained on
    folds = by_clips(clips)
    check_folds(folds, clips, "stratified_kfold", "clips")
    counts = joined(clips, folds).groupby(["fold", "part", "emotion"]).size().unstack("part")
    assert (counts[["test", "validation", "train"]] == [4, 3, 9]).all(axis=None)
    train, held_out = (
        set(joined(clips, folds).query("part == @part")["subject"])
        for part in ("train", "validation")
    )
    assert len(train & held_out) > 1
    with pytest.raises(LeakError, match="stand in train and in validation"):
        check_folds(folds, clips, "stratified_kfold")


@pytest.mark.parametrize("protocol", [p for p, apart in SUBJECT_INDEPENDENT.items() if apart])
def test_no_protocol_that_keeps_subjects_apart_holds_out_clips(protocol):
    clips = corpus(8).assign(corpus="c")
    with pytest.raises(ParamsError, match=f"validation_by is clips under {protocol}"):
        by_clips(clips, protocol)
    folds = folds_of(clips)
    row = folds[(folds["fold"] == 0) & (folds["part"] == "train")].index[0]
    folds.loc[row, "part"] = "validation"
    check_folds(folds, clips, "stratified_kfold", "clips")
    if protocol != "official":
        with pytest.raises(LeakError, match="stand in train and in validation"):
            check_folds(folds, clips, protocol, "clips")


def test_copies_of_a_recording_are_held_out_together():
    clips = corpus(6, takes=4)
    clips["sha256"] = (clips["emotion"] + clips["subject"].str[-1]).map(name_digest)
    folds = by_clips(clips)
    check_folds(folds, clips, "stratified_kfold", "clips")
    assert (joined(clips, folds).groupby(["fold", "sha256"])["part"].nunique() == 1).all()
    row = folds[(folds["fold"] == 0) & (folds["part"] == "validation")].index[0]
    folds.loc[row, "part"] = "train"
    with pytest.raises(LeakError, match="are the same recording"):
        check_folds(folds, clips, "stratified_kfold", "clips")


def test_an_emotion_of_one_training_clip_is_never_held_out():
    clips = corpus(6)
    rare = clips[clips["emotion"] == "fear"].iloc[[0, 4]]
    clips = pd.concat([clips[clips["emotion"] != "fear"], rare], ignore_index=True)
    table = joined(clips, by_clips(clips, validation=0.9)).query("emotion == 'fear'")
    in_folds_that_test_it = table[table["fold"].isin(table.query("part == 'test'")["fold"])]
    assert set(in_folds_that_test_it["part"]) == {"train", "test"}


def test_emotion_rarer_than_the_folds_is_still_tested_once_a_clip():
    clips = corpus(6)
    rare = clips[clips["emotion"] == "fear"].iloc[[0, 4]]
    clips = pd.concat([clips[clips["emotion"] != "fear"], rare], ignore_index=True)
    folds = folds_of(clips, "stratified_kfold", k=5)
    tested = joined(clips, folds).query("part == 'test' and emotion == 'fear'")
    assert tested["fold"].nunique() == 2


@pytest.mark.parametrize("protocol", ["subject_kfold", "stratified_kfold"])
def test_emotion_that_could_not_be_trained_is_named(protocol):
    clips = corpus(6)
    clips.loc[0, "emotion"] = "surprise"
    with pytest.raises(DataError, match=r"emotion 'surprise' \(s00_anger_0\)"):
        folds_of(clips, protocol)


def test_loso_tests_one_subject_at_a_time_whatever_k_is():
    clips = corpus(5)
    table = joined(clips, folds_of(clips, "loso", k=99)).query("part == 'test'")
    assert (table.groupby("fold")["subject"].nunique() == 1).all()
    assert table["fold"].nunique() == 5


def test_logso_groups_hold_equally_many_subjects_even_if_one_has_most_clips():
    clips = corpus(6)
    many = corpus(1, takes=40).assign(subject="s05")
    many["clip_id"] += "_more"
    table = joined(clips, folds_of(pd.concat([clips, many]), "logso", k=3))
    assert (table.query("part == 'test'").groupby("fold")["subject"].nunique() == 2).all()


@pytest.mark.parametrize(("share", "expected"), [(0.01, 1), (0.34, 2), (0.99, 5)])
def test_validation_holds_out_a_share_of_the_training_subjects(share, expected):
    clips = corpus(8)
    table = joined(clips, folds_of(clips, k=4, validation=share)).query("part == 'validation'")
    assert (table.groupby("fold")["subject"].nunique() == expected).all()


def test_subject_who_alone_holds_an_emotion_is_never_held_out():
    clips = corpus(6)
    sole = clips[clips["subject"].isin(["s00", "s01"]) | (clips["emotion"] != "fear")]
    table = joined(sole, folds_of(sole, k=3, validation=0.8))
    fear_in_training = table.query("part == 'train' and emotion == 'fear'")
    assert fear_in_training["fold"].nunique() == 3


def test_identical_recordings_of_two_subjects_stay_on_one_side_of_stratified_folds():
    clips = corpus(6, takes=4)
    clips["sha256"] = (clips["emotion"] + clips["clip_id"].str[-1]).map(name_digest)
    folds = folds_of(clips, "stratified_kfold", k=3)
    check_folds(folds, clips, "stratified_kfold")
    table = joined(clips, folds).query("part == 'test'")
    assert (table.groupby("sha256")["fold"].nunique() == 1).all()


def test_more_folds_than_subjects_names_both_numbers():
    with pytest.raises(ParamsError, match=r"k is 9, but the corpus has 8 labelled subjects"):
        folds_of(corpus(8), k=9)


def test_two_subjects_are_too_few_to_train_and_select_and_test():
    with pytest.raises(DataError, match=r"fold 0.*held out for validation"):
        folds_of(corpus(2), k=2)


def test_corpus_without_labels_or_names_is_refused():
    clips = corpus()
    with pytest.raises(DataError, match="none of the 64 clips"):
        folds_of(clips.assign(emotion=None))
    with pytest.raises(DataError, match="s00_anger_0 has no subject"):
        folds_of(clips.assign(subject=clips["subject"].where(clips.index > 0)))
    with pytest.raises(DataError, match="s00_anger_0 twice"):
        folds_of(pd.concat([clips, clips.iloc[:1]]))


def test_corpus_with_dimensions_instead_of_emotions_gets_folds():
    clips = corpus().assign(emotion=None, arousal=0.5, valence=0.1)
    folds = folds_of(clips)
    check_folds(folds, clips, "subject_kfold")
    assert (folds["part"] == "test").sum() == len(clips)


def official(clips):
    number = clips["subject"].str[1:].astype(int)
    part = np.select([number < 5, number < 6], ["train", "validation"], "test")
    return clips.assign(partition=part)


def test_official_partition_is_taken_as_it_is():
    clips = official(corpus())
    folds = folds_of(clips, "official")
    check_folds(folds, clips, "official")
    found = folds.set_index("clip_id")["part"]
    pd.testing.assert_series_equal(
        found, clips.set_index("clip_id")["partition"], check_names=False, check_dtype=False
    )


def test_official_partition_without_validation_gets_one_by_subject():
    clips = official(corpus()).replace({"partition": {"validation": "train"}})
    table = joined(clips, folds_of(clips, "official"))
    assert table.query("part == 'validation'")["subject"].nunique() == 1


def test_a_test_part_whose_labels_are_kept_is_predicted_and_selection_stays_on_validation():
    clips = official(corpus()).assign(emotion=None, arousal=0.1, valence=0.2)
    tested = clips["partition"] == "test"
    kept = clips.assign(arousal=clips["arousal"].mask(tested), valence=np.nan)
    folds = folds_of(kept, "official")
    check_folds(folds, kept, "official")
    assert (joined(kept, folds)["part"] == joined(kept, folds)["partition"]).all()
    assert len(folds) == len(clips)
    one = kept.assign(arousal=kept["arousal"].mask(kept.index == kept.index[tested][0], 0.3))
    assert set(clips["clip_id"]) - set(folds_of(one, "official")["clip_id"])  # as it was


@pytest.mark.parametrize("tested", ["validation", "test"])
def test_the_training_part_alone_may_teach_and_either_other_part_be_tested(tested):
    clips = official(corpus())
    folds = make_folds(
        clips, protocol="official", k=4, validation=0.2, seed=0, train=["train"], test=[tested]
    )
    check_folds(folds, clips, "official")
    table = joined(clips, folds)
    assert set(table.query("part == 'test'")["partition"]) == {tested}
    assert set(table.query("part != 'test'")["partition"]) == {"train"}
    assert len(folds) == clips["partition"].isin(["train", tested]).sum()
    assert table.query("part == 'validation'")["subject"].nunique() == 1
    assert left_by_partition(clips, folds) == ""
    with pytest.raises(DataError, match=r"no labelled clip in 'dev' or 'devel'"):
        make_folds(clips, protocol="official", k=4, validation=0.2, seed=0, train=["train"],
                   test=["dev", "devel"])  # fmt: skip


def test_a_labelled_clip_of_a_used_part_that_stands_in_no_fold_is_still_an_error():
    clips = official(corpus())
    folds = make_folds(
        clips, protocol="official", k=4, validation=0.2, seed=0, train=["train"], test=["test"]
    )
    lost = folds[folds["clip_id"] != folds.loc[folds["part"] == "train", "clip_id"].iloc[0]]
    with pytest.raises(DataError, match="has a label and is in 0 of 1 folds"):
        check_folds(lost, clips, "official")


def test_unusable_official_partitions_are_named():
    clips = official(corpus())
    with pytest.raises(DataError, match="no column 'partition'"):
        folds_of(clips.drop(columns="partition"), "official")
    with pytest.raises(DataError, match="s00_anger_0: partition is 'dev'"):
        folds_of(clips.assign(partition=["dev", *clips["partition"][1:]]), "official")
    with pytest.raises(DataError, match=r"s00_anger_0: partition is empty; .*only help \(emobed"):
        folds_of(clips.assign(partition=[None, *clips["partition"][1:]]), "official")
    with pytest.raises(DataError, match="no labelled clip in 'test'"):
        folds_of(clips[clips["partition"] == "train"], "official")


def test_where_the_authors_keep_the_test_labels_their_validation_part_is_tested():
    clips = official(corpus())
    clips["emotion"] = clips["emotion"].where(clips["partition"] != "test")
    folds = folds_of(clips, "official")
    check_folds(folds, clips, "official")
    table = joined(clips, folds)
    assert set(table.query("part == 'test'")["subject"]) == {"s05"}
    assert set(table.query("part != 'test'")["partition"]) == {"train"}
    assert table.query("part == 'validation'")["subject"].nunique() == 1


def test_an_official_partition_that_divides_a_subject_trains_on_nothing_of_who_is_tested():
    clips = official(corpus())
    clips.loc[clips["clip_id"] == "s07_anger_0", "partition"] = "train"
    clips.loc[clips["clip_id"] == "s06_fear_0", "partition"] = "validation"
    folds = folds_of(clips, "official")
    check_folds(folds, clips, "official")
    assert not folds["clip_id"].isin(["s07_anger_0", "s06_fear_0"]).any()
    assert len(folds) == len(clips) - 2
    assert left_by_partition(clips, folds) == (
        "left out of training and validation: 2 clips of s06, s07, who are tested"
    )
    with pytest.raises(DataError, match=r"every training clip .* who is tested \(s00\)"):
        folds_of(clips.assign(subject="s00"), "official")


# Who is tested in each fold; s09 is nowhere here.
LIST = (["s03", "s00"], ["s01", "s09"], ["s09"], ["s02", "s05", "s04"])


def published(clips, folds=LIST, validation=0.2):
    settings = {"k": 99, "validation": validation, "seed": 0}
    return make_folds(clips, protocol="published", published=folds, **settings)


def test_published_folds_test_the_subjects_that_they_name_and_are_left_out_without_any():
    clips = corpus(6)
    folds = published(clips)
    check_folds(folds, clips, "published")
    tested = joined(clips, folds).query("part == 'test'").groupby("fold")["subject"].agg(set)
    assert tested.to_dict() == {0: {"s00", "s03"}, 1: {"s01"}, 2: {"s02", "s04", "s05"}}
    assert (folds["part"] == "test").sum() == len(clips)


def test_validation_subjects_of_published_folds_are_taken_out_of_the_training_ones():
    clips = corpus(6)
    table = joined(clips, published(clips, validation=0.5))
    by_part = table.groupby(["fold", "part"])["subject"].agg(set)
    for fold, (tested, held_out) in enumerate(
        [({"s00", "s03"}, 2), ({"s01"}, 2), ({"s02", "s04", "s05"}, 2)]
    ):
        rest = {f"s{s:02d}" for s in range(6)} - tested
        assert len(by_part[fold, "validation"]) == held_out
        assert by_part[fold, "validation"] | by_part[fold, "train"] == rest
        assert not by_part[fold, "validation"] & by_part[fold, "train"]


def test_subjects_whom_no_published_fold_names_neither_train_nor_are_tested():
    clips = corpus(8)
    assert set(joined(clips, published(clips))["subject"]) == {f"s{s:02d}" for s in range(6)}


def test_a_leak_between_published_folds_is_caught():
    clips = corpus(6)
    folds = published(clips)
    row = folds[(folds["fold"] == 1) & (folds["part"] == "test")].index[0]
    folds.loc[row, "part"] = "train"
    with pytest.raises(LeakError, match="fold 1: subject s01 stand"):
        check_folds(folds, clips, "published")


def test_subjects_of_one_published_fold_alone_are_too_few():
    clips = corpus(6)
    with pytest.raises(DataError, match="subjects of 1 of the 2 published folds; expected two"):
        published(clips, [["s00", "s01", "s02", "s03", "s04", "s05"], ["s09"]])


def test_leaked_subject_is_caught_and_named():
    clips = corpus()
    folds = folds_of(clips)
    mover = joined(clips, folds).query("fold == 2 and part == 'test'")["clip_id"].iloc[0]
    row = (folds["fold"] == 2) & (folds["clip_id"] == mover)
    folds.loc[row, "part"] = "train"
    with pytest.raises(LeakError, match=f"fold 2: subject {mover[:3]} stand"):
        check_folds(folds, clips, "subject_kfold")


def test_leaked_clip_is_caught_even_where_subjects_may_be_shared():
    clips = corpus()
    folds = folds_of(clips, "stratified_kfold")
    tested = folds.query("fold == 1 and part == 'test'").iloc[:1]
    leak = pd.concat([folds, tested.assign(part="train")])
    with pytest.raises(LeakError, match=f"fold 1: clip {tested['clip_id'].iloc[0]}"):
        check_folds(leak, clips, "stratified_kfold")


def test_leaked_copy_of_a_recording_is_caught():
    clips = corpus()
    folds = folds_of(clips, "stratified_kfold")
    tested = folds.query("fold == 0 and part == 'test'")["clip_id"].iloc[0]
    trained = folds.query("fold == 0 and part == 'train'")["clip_id"].iloc[0]
    hashes = clips["sha256"].where(clips["clip_id"] != trained, name_digest(tested))
    with pytest.raises(LeakError, match=f"{trained} and {tested} are the same recording"):
        check_folds(folds, clips.assign(sha256=hashes), "stratified_kfold")


def test_copies_within_one_subject_do_not_stop_subject_independent_folds():
    clips = corpus()
    clips.loc[1, "sha256"] = clips.loc[0, "sha256"]
    check_folds(folds_of(clips), clips, "subject_kfold")


def test_clips_whose_hash_is_unknown_are_no_copies_of_each_other():
    clips = corpus().assign(sha256=None)
    folds = folds_of(clips, "stratified_kfold", k=5)
    assert folds["fold"].nunique() == 5


def test_validation_subject_who_also_trains_is_caught():
    clips = corpus()
    folds = folds_of(clips, "stratified_kfold")
    row = folds[(folds["fold"] == 0) & (folds["part"] == "validation")].index[0]
    folds.loc[row, "part"] = "train"
    with pytest.raises(LeakError, match="stand in train and in validation"):
        check_folds(folds, clips, "stratified_kfold")


def test_tables_that_are_no_division_of_the_clips_are_refused():
    clips = corpus()
    folds = folds_of(clips)
    with pytest.raises(DataError, match="name s00_anger_0"):
        check_folds(folds, clips.iloc[1:], "subject_kfold")
    with pytest.raises(DataError, match="part dev; expected"):
        check_folds(folds.replace({"part": {"validation": "dev"}}), clips, "subject_kfold")
    with pytest.raises(DataError, match="fold 0 has no train clips"):
        check_folds(folds.query("fold > 0 or part != 'train'"), clips, "subject_kfold")
    with pytest.raises(DataError, match="tested in 0 folds"):
        check_folds(folds.query("fold > 0"), clips, "subject_kfold")


@st.composite
def joined_corpora(draw):
    """Two to four corpora of a few subjects each, with some of the emotions, some without one."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    emotions = [(*EMOTIONS[: rng.integers(2, 5)], None) for _ in range(draw(st.integers(2, 4)))]
    rows = [
        (f"{name}-s{s}_{emotion}_{t}", f"{name}-s{s}", emotion, name)
        for name, shown in zip("abcd", emotions, strict=False)
        for s in range(rng.integers(2, 6))
        for emotion in shown
        for t in range(rng.integers(0, 5))
    ]
    clips = pd.DataFrame(rows, columns=["clip_id", "subject", "emotion", "corpus"])
    return clips.assign(sha256=clips["clip_id"].map(name_digest))


def crossed(clips, train, test, **settings):
    settings = {"k": 99, "validation": 0.3, "seed": 0, **settings}
    return make_folds(clips, protocol="cross_corpus", train=train, test=test, **settings)


@settings(max_examples=10, deadline=None)
@given(clips=joined_corpora(), seed=st.integers(0, 3), data=st.data())
def test_across_corpora_no_corpus_and_nobody_is_on_both_sides_and_each_clip_is_tested_once(
    clips, seed, data
):
    labelled = clips.dropna(subset=["emotion"])
    names = sorted(labelled["corpus"].unique())
    assume(len(names) > 1)
    order = data.draw(st.permutations(names))
    cut = data.draw(st.integers(1, len(names) - 1))
    train, test = order[:cut], order[cut : data.draw(st.integers(cut + 1, len(names)))]
    for protocol, tested in (("cross_corpus", test), ("leave_one_corpus_out", names)):
        try:
            if protocol == "cross_corpus":
                folds = crossed(clips, train, test, seed=seed)
            else:
                folds = folds_of(clips, protocol, validation=0.3, seed=seed)
        except DataError as error:
            assert "expected" in str(error)  # noqa: PT017 - or folds
            continue
        check_folds(folds, clips, protocol)
        table = joined(clips, folds)
        once = sorted(labelled.loc[labelled["corpus"].isin(tested), "clip_id"])
        assert sorted(table.loc[table["part"] == "test", "clip_id"]) == once
        for _, fold in table.groupby("fold"):
            parts = dict(iter(fold.groupby("part")))
            assert set(parts) == {"train", "validation", "test"}
            learned = pd.concat([parts["train"], parts["validation"]])
            for column in ("corpus", "subject", "sha256"):
                assert not set(learned[column]) & set(parts["test"][column])
            assert not set(parts["train"]["subject"]) & set(parts["validation"]["subject"])
            assert set(parts["test"]["emotion"]) <= set(parts["train"]["emotion"])
            wanted = (
                train if protocol == "cross_corpus" else set(names) - set(parts["test"]["corpus"])
            )
            assert set(learned["corpus"]) == set(wanted)
            assert protocol == "cross_corpus" or parts["test"]["corpus"].nunique() == 1


def three_corpora():
    """Three corpora of the same names of subjects, of which b has no fear."""
    clips = pd.concat([corpus(4).assign(corpus=name) for name in "abc"], ignore_index=True)
    for column in ("clip_id", "subject"):
        clips[column] = clips["corpus"] + "-" + clips[column]
    clips["sha256"] = clips["clip_id"].map(name_digest)
    return clips[(clips["corpus"] != "b") | (clips["emotion"] != "fear")]


def test_corpora_of_neither_side_are_left_out_and_all_tested_ones_are_one_fold():
    clips = three_corpora()
    table = joined(clips, crossed(clips, ["a"], ["b"]))
    assert table.groupby("part")["corpus"].agg(set).to_dict() == {
        "train": {"a"},
        "validation": {"a"},
        "test": {"b"},
    }
    table = joined(clips, crossed(clips, ["a"], ["c", "b"]))
    assert table["fold"].unique().tolist() == [0]
    assert set(table.query("part == 'test'")["corpus"]) == {"b", "c"}


def test_an_emotion_that_a_training_corpus_lacks_is_named_with_what_to_do():
    clips = three_corpora()
    with pytest.raises(DataError, match=r"test emotion 'fear'.*labels, in params.yaml or in the"):
        crossed(clips, ["b"], ["a"])


def test_one_corpus_cannot_be_crossed_and_unknown_ones_are_named():
    clips = three_corpora()
    with pytest.raises(DataError, match=r"all labelled clips are of corpus a;.*corpus\.yaml"):
        folds_of(clips[clips["corpus"] == "a"], "leave_one_corpus_out")
    with pytest.raises(DataError, match=r"train and test name d, .*; expected some of a, b, c"):
        crossed(clips, ["a"], ["d"])


def test_a_corpus_on_both_sides_is_caught():
    clips = three_corpora()
    folds = folds_of(clips, "leave_one_corpus_out")
    mover = joined(clips, folds).query("fold == 1 and part == 'test' and subject == 'b-s00'")
    moved = (folds["fold"] == 1) & folds["clip_id"].isin(mover["clip_id"])
    folds.loc[moved, "part"] = "train"
    with pytest.raises(LeakError, match="fold 1: corpus b stand in train or validation and in"):
        check_folds(folds, clips, "leave_one_corpus_out")
