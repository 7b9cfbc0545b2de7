"""Each way in which a table of folds can leak, or be no division of its clips, stops the run."""

import itertools

import numpy as np
import pandas as pd
import pytest

from avlib.protocols import FOLDS, check_folds, checked_folds, drawn_from, make_folds
from avlib.runtime.digests import name_digest
from avlib.runtime.errors import DataError, LeakError
from avlib.runtime.tables import no_rows, read_table, write_table

EMOTIONS = ("anger", "fear", "happiness")
KFOLD, SHARED = "subject_kfold", "stratified_kfold"


@pytest.fixture(scope="module")
def clips():
    """Six subjects play three emotions, two takes each; sound and pictures are files apart."""
    keys = itertools.product(range(6), EMOTIONS, range(2))
    rows = [(f"s{s}_{emotion}_{take}", f"s{s}", emotion) for s, emotion, take in keys]
    table = pd.DataFrame(rows, columns=["clip_id", "subject", "emotion"])
    for column in ("sha256", "video_sha256", "audio_sha256"):
        table[column] = (column + table["clip_id"]).map(name_digest)
    return table


@pytest.fixture(scope="module")
def folds_by(clips):
    return {
        protocol: make_folds(clips, protocol=protocol, k=3, validation=0.25, seed=0)
        for protocol in (KFOLD, SHARED)
    }


def of_part(folds, part, fold=1):
    """Return the row of a clip of a part."""
    return folds.index[(folds["part"] == part) & (folds["fold"] == fold)][0]


def moved(part, to):
    """Put a clip of one part into another."""

    def plant(folds, clips):
        folds.loc[of_part(folds, part), "part"] = to

    return plant


def doubled(part, to):
    """Have a clip of one part in another too."""

    def plant(folds, clips):
        folds.loc[len(folds)] = {**folds.loc[of_part(folds, part)], "part": to}

    return plant


def shared(column, part, other):
    """Give a clip of one part what a clip of another has."""

    def plant(folds, clips):
        one, two = (folds.loc[of_part(folds, p), "clip_id"] for p in (part, other))
        value = clips.loc[clips["clip_id"] == two, column].item()
        clips.loc[clips["clip_id"] == one, column] = value

    return plant


def setting(column, value):
    """Write something into a row of the clips that are divided."""

    def plant(folds, clips):
        clips.loc[clips["clip_id"] == "s2_fear_1", column] = value

    return plant


def upper_case(folds, clips):
    clips["sha256"] = clips["sha256"].str.upper()


def renamed(spelling):
    """Spell a subject's name in another way in some of the clips, and draw folds of that."""

    def plant(folds, clips):
        clips.loc[clips["clip_id"].isin(["s2_fear_1", "s2_anger_0"]), "subject"] = spelling

    return plant


def fold_number(value):
    def plant(folds, clips):
        folds["fold"] = folds["fold"].astype(float)
        folds.loc[of_part(folds, "test"), "fold"] = value

    return plant


def without(part):
    def plant(folds, clips):
        return folds[(folds["part"] != part) | (folds["fold"] != 1)]

    return plant


def left_out_of_all(folds, clips):
    return folds[folds["clip_id"] != "s2_fear_1"]


def left_out_of_one(folds, clips):
    return folds.drop(index=of_part(folds, "train"))


def repeated(folds, clips):
    folds.loc[len(folds)] = folds.loc[of_part(folds, "train")]


def listed_twice(folds, clips):
    clips.loc[len(clips)] = clips.loc[3]


def shuffled_parts(folds, clips):
    folds["part"] = np.random.default_rng(0).permutation(folds["part"])


PLANTED = {
    "a tested clip trains": (moved("test", "train"), KFOLD, "subject s. stand in"),
    "a tested clip trains too": (doubled("test", "train"), SHARED, "clip s._"),
    "a tested clip selects too": (doubled("test", "validation"), SHARED, "clip s._"),
    "a training clip selects too": (doubled("train", "validation"), SHARED, "clip s._"),
    "a validation subject trains": (moved("validation", "train"), KFOLD, "subject s. stand in"),
    "a training clip is tested": (moved("train", "test"), KFOLD, "subject s. stand in"),
    "a recording is copied": (shared("sha256", "train", "test"), KFOLD, "the same recording"),
    "a recording is copied to select": (
        shared("sha256", "validation", "test"), SHARED, "the same recording",
    ),
    "a video has another sound": (shared("video_sha256", "train", "test"), KFOLD, "video file"),
    "a sound has another video": (shared("audio_sha256", "train", "test"), KFOLD, "sound file"),
    "a video to select by trains": (
        shared("video_sha256", "train", "validation"), KFOLD, "same video file",
    ),
    "upper case": (upper_case, KFOLD, "lower case"),
    "no digest": (setting("sha256", None), KFOLD, "s2_fear_1 has sha256"),
    "half a digest": (setting("sha256", "0123abcd"), KFOLD, "s2_fear_1 has sha256 '0123abcd'"),
    "a name in capitals": (renamed("S2"), KFOLD, "'S2' and 's2'"),
    "a name with a space": (renamed("s2 "), KFOLD, "'s2 ' and 's2'"),
    "a fractional fold": (fold_number(0.5), KFOLD, "in fold 0.5"),
    "no fold": (fold_number(np.nan), KFOLD, "in fold nan"),
    "no validation part": (without("validation"), KFOLD, "fold 1 has no validation clips"),
    "no test part": (without("test"), KFOLD, "fold 1 has no test clips"),
    "a clip is nowhere": (left_out_of_all, KFOLD, "s2_fear_1 .* 0 of 3 folds"),
    "a clip is not in one fold": (left_out_of_one, KFOLD, "2 of 3 folds"),
    "a clip is twice in a part": (repeated, KFOLD, "twice; expected one row a clip"),
    "a clip is listed twice": (listed_twice, KFOLD, "holds s0_fear_1 twice"),
    "parts are shuffled": (shuffled_parts, KFOLD, "stand in"),
}  # fmt: skip


@pytest.mark.parametrize("leak", PLANTED)
def test_a_planted_leak_stops_the_run_in_one_line(clips, folds_by, leak):
    plant, protocol, said = PLANTED[leak]
    folds, clips = folds_by[protocol].copy(), clips.copy()
    check_folds(folds, clips, protocol)
    planted = plant(folds, clips)
    folds = folds if planted is None else planted
    with pytest.raises((LeakError, DataError), match=said) as stopped:
        check_folds(folds, clips, protocol)
    assert "\n" not in str(stopped.value)


@pytest.mark.parametrize("medium", ["sound", "pictures"])
@pytest.mark.parametrize(("part", "other"), [("train", "test"), ("validation", "test"),
                                             ("train", "validation")])  # fmt: skip
def test_copies_in_other_bytes_on_both_sides_are_named_with_what_to_do(
    clips, folds_by, medium, part, other
):
    folds = folds_by[KFOLD]
    one, two = (folds.loc[of_part(folds, p), "clip_id"] for p in (part, other))
    copies = pd.DataFrame({"clip_id": [one, two], "medium": medium, "same_as": min(one, two)})
    with pytest.raises(LeakError) as stopped:
        check_folds(folds, clips, KFOLD, copies=copies)
    said = str(stopped.value)
    assert f"clips {one} and {two} have the same {medium}, in other bytes" in said
    assert said.endswith("remove one of the two from the corpus")


def test_copies_on_one_side_stop_nothing(clips, folds_by):
    of_one = clips.loc[clips["subject"] == "s3", "clip_id"].iloc[:2]
    copies = pd.DataFrame({"clip_id": of_one, "medium": "sound", "same_as": of_one.iloc[0]})
    check_folds(folds_by[KFOLD], clips, KFOLD, copies=copies)


@pytest.fixture
def stored(clips, folds_by, tmp_path, monkeypatch, schemas):
    """A folder as the stages leave it; call it with what the clips are said to be afterwards."""
    monkeypatch.chdir(tmp_path)

    def store(now=clips, facts=None):
        write_table("data/copies.parquet", no_rows(schemas["copies"]), schemas["copies"])
        unknown = dict.fromkeys(set(schemas["clips"].columns) - set(clips)) | {"corpus": "c"}
        write_table("data/clips.parquet", clips.assign(**unknown), schemas["clips"])
        if facts is None:
            facts = {"drawn_from": drawn_from(read_table("data/clips.parquet"))}
        write_table("data/clips.parquet", now.assign(**unknown), schemas["clips"])
        write_table("data/folds.parquet", folds_by[KFOLD], FOLDS, facts)

    return store


def test_folds_are_read_where_nothing_changed(stored, folds_by):
    stored()
    assert len(checked_folds(KFOLD, "subjects")) == len(folds_by[KFOLD])


def test_folds_of_other_labels_are_refused(stored, clips):
    shuffled = np.random.default_rng(1).permutation(clips["emotion"])
    stored(clips.assign(emotion=shuffled))
    with pytest.raises(DataError, match=r"a label, a subject or a recording changed.*dvc repro"):
        checked_folds(KFOLD, "subjects")


def test_folds_that_no_stage_wrote_are_refused(stored):
    stored(facts={})
    with pytest.raises(DataError, match="written by hand"):
        checked_folds(KFOLD, "subjects")
