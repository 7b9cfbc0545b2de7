import itertools

import pytest

from avlib.corpora.published_folds import published_folds, remarks
from avlib.registry import reader


def actors(*numbers):
    return [f"Actor_{number:02}" for number in numbers]


def test_ravdess_is_divided_as_hicmae_did():
    assert published_folds("ravdess", "hicmae") == [
        actors(1, 2, 3, 4),
        actors(5, 6, 7, 8),
        actors(9, 10, 11, 12),
        actors(13, 14, 15, 16),
        actors(17, 18, 19, 20),
        actors(21, 22, 23, 24),
    ]


def test_ravdess_is_divided_as_luna_jimenez_and_others_did():
    assert published_folds("ravdess", "luna_jimenez") == [
        actors(2, 5, 14, 15, 16),
        actors(3, 6, 7, 13, 18),
        actors(10, 11, 12, 19, 20),
        actors(8, 17, 21, 23, 24),
        actors(1, 4, 9, 22),
    ]


def test_crema_d_is_divided_as_hicmae_did():
    bounds = [(1001, 1018), (1019, 1036), (1037, 1054), (1055, 1072), (1073, 1091)]
    expected = [[str(actor) for actor in range(first, last + 1)] for first, last in bounds]
    assert published_folds("crema_d", "hicmae") == expected


@pytest.mark.parametrize(
    ("corpus", "name"),
    [("ravdess", "hicmae"), ("ravdess", "luna_jimenez"), ("crema_d", "hicmae")],
)
def test_a_list_names_every_subject_of_its_corpus_once(corpus, name):
    listed = list(itertools.chain(*published_folds(corpus, name)))
    assert len(listed) == len(set(listed)) == reader(corpus).n_subjects


def test_nothing_is_remarked_where_all_subjects_are_here():
    assert remarks("theirs", [["a", "b"], ["c"]], ["c", "a", "b", "a"]) == []


def test_folds_that_are_used_and_subjects_that_no_fold_names_are_remarked():
    said = remarks("theirs", [["a", "b"], ["c"], ["d"]], ["a", "d", "z", "y", "z"])
    assert said == [
        "2 of the 4 subjects of the published list theirs are here: "
        "2 of its 3 folds are used (1, 3)",
        "left out, since the published list theirs names them in no fold: 2 subjects (y, z)",
    ]
