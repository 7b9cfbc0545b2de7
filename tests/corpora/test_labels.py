import pytest

from avlib.corpora.common import labels
from avlib.registry import CORPORA, reader


def test_binary_labels_are_those_of_table_2_of_avef():
    """Typed from the paper: low arousal, then positive valence; all others high and negative."""
    assert {e for e, level in labels.BINARY_AROUSAL.items() if level == "low"} == {
        "disgust",
        "sadness",
    }
    assert {e for e, sign in labels.BINARY_VALENCE.items() if sign == "positive"} == {
        "happiness",
        "surprise",
    }
    for binary in (labels.BINARY_AROUSAL, labels.BINARY_VALENCE):
        assert tuple(sorted(binary)) == labels.BASIC
        assert len(set(binary.values())) == 2


@pytest.mark.parametrize("word", labels.EMOTIONS)
def test_a_canonical_word_stands_for_itself_however_it_is_written(word):
    assert labels.canonical(word) == word
    assert labels.canonical(f" {word.upper()}. ") == word


def test_what_is_no_emotion_has_no_word():
    assert labels.canonical("sentence 1") is None
    assert labels.canonical("") is None


@pytest.mark.parametrize("name", CORPORA)
def test_every_corpus_speaks_the_common_words(name):
    assert set(reader(name).emotions) <= set(labels.EMOTIONS)
