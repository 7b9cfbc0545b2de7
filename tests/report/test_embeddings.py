import numpy as np
import pandas as pd
import pytest
from sklearn.manifold import trustworthiness

from avlib.fisher.tables import FISHER
from avlib.report import embeddings
from avlib.runtime import tables
from avlib.runtime.tables.schema import fixed_size_list
from avlib.systems.common.tables import EMBEDDINGS


def table(schema, keys, **columns):
    return tables.conform({**keys, **columns}, schema).to_pandas(
        types_mapper=lambda kind: pd.ArrowDtype(kind) if "fixed" in str(kind) else None
    )


def fold(n, learned, raw=None):
    """Tables `fisher` and `embeddings` of one fold of n clips."""
    keys = {"clip_id": [f"c{i:02}" for i in range(n)], "fold": [0] * n}
    raw = raw or {"audio": np.arange(2 * n).reshape(n, 2), "video": np.ones((n, 1))}
    empty = {space: [None] * n for space in ("audio", "video", "joint")}
    fisher = table(FISHER, keys, **{m: as_column(raw.get(m), n) for m in ("audio", "video")})
    spaces = {s: as_column(values, n) for s, values in learned.items()}
    return fisher, table(EMBEDDINGS, {**keys, "model": ["m"] * n}, **{**empty, **spaces})


def as_column(values, n):
    if values is None:
        return [None] * n
    return fixed_size_list(values, mask=np.isnan(np.asarray(values, float)).any(axis=1))


def test_same_clips_stand_in_every_space_in_the_same_order():
    learned = {"audio": np.arange(5.0)[:, None], "video": np.arange(5.0, 10)[:, None]}
    learned["joint"] = np.hstack([learned["audio"], learned["video"]])
    learned["joint"][2] = np.nan  # a clip without one of the modalities
    fisher, embedded = fold(5, learned)
    clip_id, spaces = embeddings.spaces(fisher.iloc[::-1], embedded)
    kept = [int(clip[1:]) for clip in clip_id]
    assert sorted(kept) == [0, 1, 3, 4]
    assert list(spaces) == ["raw", "audio", "video", "joint"]
    np.testing.assert_array_equal(spaces["audio"][:, 0], kept)
    np.testing.assert_array_equal(spaces["joint"][:, 1], np.array(kept) + 5)
    np.testing.assert_array_equal(spaces["raw"], [[2 * i, 2 * i + 1, 1] for i in kept])


def test_model_of_one_modality_is_compared_with_that_modality_raw():
    fisher, embedded = fold(4, {"audio": np.ones((4, 3))})
    _, spaces = embeddings.spaces(fisher, embedded)
    assert {name: values.shape for name, values in spaces.items()} == {
        "raw": (4, 2),
        "audio": (4, 3),
    }


def test_model_with_one_space_for_both_is_compared_with_both_side_by_side():
    fisher, embedded = fold(4, {"joint": np.ones((4, 3))})
    _, spaces = embeddings.spaces(fisher, embedded)
    assert {name: values.shape[1] for name, values in spaces.items()} == {"raw": 3, "joint": 3}


def test_model_that_learned_no_space_has_no_clips():
    fisher, _ = fold(4, {})
    clip_id, _ = embeddings.spaces(fisher, tables.no_rows(EMBEDDINGS).to_pandas())
    assert len(clip_id) == 0


def vote(values, emotions, subjects):
    """Plain loops: the commonest emotion of the five nearest clips of others."""
    right = 0
    for i in range(len(values)):
        others = [j for j in range(len(values)) if subjects[j] != subjects[i]]
        near = sorted(others, key=lambda j: np.linalg.norm(values[i] - values[j]))[:5]
        votes = [emotions[j] for j in near]
        right += max(sorted(set(votes)), key=votes.count) == emotions[i]
    return right / len(values)


def test_neighbours_of_other_subjects_vote():
    rng = np.random.default_rng(0)
    emotions, subjects = np.array(["a", "b", "c"] * 20), np.repeat(["s", "t", "u", "v"], 15)
    values = rng.normal(size=(60, 4)) + 1.2 * np.array([*"abc"] * 20)[:, None].view(np.int32)
    score = embeddings.neighbours_accuracy(values, emotions, subjects)
    assert score == pytest.approx(vote(values, emotions, subjects))
    assert 1 / 3 < score < 1


def test_likeness_of_one_speakers_clips_does_not_count():
    emotions, subjects = np.array(["a", "b"] * 12), np.repeat(["s", "t", "u"], 8)
    own = {(s, e): i for i, (s, e) in enumerate((s, e) for e in "ab" for s in "stu")}
    rng = np.random.default_rng(1)
    values = rng.normal(size=(24, 6)) * 0.01
    for row, pair in enumerate(zip(subjects, emotions, strict=True)):
        values[row, own[pair]] += 1  # a speaker's clips of one emotion coincide, others' are as far
    assert embeddings.neighbours_accuracy(values, emotions, subjects) < 0.8


@pytest.mark.parametrize("subjects", [["s"] * 12, ["s"] * 9 + ["t"] * 3])
def test_too_few_clips_of_others_have_no_neighbourhood(subjects):
    score = embeddings.neighbours_accuracy(np.eye(12), np.array(["a", "b"] * 6), np.array(subjects))
    assert np.isnan(score)


def test_plane_keeps_neighbours_and_is_the_same_on_every_run():
    rng = np.random.default_rng(0)
    values = np.repeat(10 * np.eye(3, 8), 12, axis=0) + rng.normal(size=(36, 8))
    plane = embeddings.tsne(values)
    assert plane.shape == (36, 2)
    assert trustworthiness(values, plane, n_neighbors=5) > 0.85
    np.testing.assert_array_equal(embeddings.tsne(values), plane)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("values", [np.ones((12, 3)), np.arange(12.0)[:, None]])
def test_flat_spaces_have_a_plane_too(values):
    plane = embeddings.tsne(values)
    assert plane.shape == (12, 2)
    assert np.isfinite(plane).all()
