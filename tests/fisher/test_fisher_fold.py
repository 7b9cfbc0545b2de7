"""One fold of the fisher stage: learnt on training clips alone, every clip encoded."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from avlib.descriptors.tables import AUDIO, VIDEO
from avlib.fisher.encoder import FisherEncoder
from avlib.fisher.fold import FisherTask, encode_fold
from avlib.protocols import FOLDS
from avlib.runtime import tables
from avlib.runtime.errors import DataError

SETTINGS = {
    "components": 3, "pca_audio": 4, "pca_video": None, "max_descriptors": 1000, "seed": 0,
    "backend": "torch",
}  # fmt: skip
TASK = FisherTask(0, ("audio", "video"), {"audio": "frames", "video": "frames"}, SETTINGS)
PARTS = {"a": "train", "b": "train", "c": "validation", "d": "test", "e": "test"}


def clip_frames(clip, modality, shift=0.0):
    """Descriptors of a clip: (20, 6) for sound, (10, 5) for pictures."""
    random = np.random.default_rng([ord(clip), len(modality), ord(modality[0])])
    shape = (20, 6) if modality == "audio" else (10, 5)
    return (random.normal(size=shape) + shift).astype(np.float32)


def write_descriptors(folder, modality, clips, shifted=()):
    schema = {"audio": AUDIO, "video": VIDEO}[modality]
    parts = []
    for clip in clips:
        values = clip_frames(clip, modality, 5.0 if clip in shifted else 0.0)
        rows = {
            "clip_id": [clip] * len(values), "frame": np.arange(len(values)),
            "time": np.arange(len(values)) / 10, "descriptor": values,
        }  # fmt: skip
        parts.append((clip, tables.conform(rows, schema)))
    tables.write_part(tables.part_path(folder / "data" / schema.name, "s"), parts, schema)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Five clips, of which e has no pictures."""
    monkeypatch.chdir(tmp_path)
    folds = {"clip_id": list(PARTS), "fold": [0] * 5, "part": list(PARTS.values())}
    tables.write_table(Path("data/folds.parquet"), folds, FOLDS)
    write_descriptors(tmp_path, "audio", "abcde")
    write_descriptors(tmp_path, "video", "abcd")
    return tmp_path


def encoded(folder):
    """Run the fold; vectors by modality, one row per clip."""
    folder.mkdir()
    encode_fold(TASK, folder)
    table = tables.read_table(folder / "fisher.parquet")
    assert table["clip_id"].tolist() == list(PARTS)
    return {m: tables.vectors(table[m]) for m in ("audio", "video")}


def test_vectors_are_those_of_an_encoder_fitted_on_the_training_clips(project):
    vectors = encoded(project / "fold")
    encoder = FisherEncoder(3, 4, max_descriptors=1000, seed=0, backend="torch")
    encoder.fit([clip_frames(c, "audio") for c in "ab"])
    expected = encoder.encode([clip_frames(c, "audio") for c in "abcde"])
    np.testing.assert_allclose(vectors["audio"], expected, atol=1e-6)


def test_a_clip_without_a_modality_has_no_vector_there(project):
    vectors = encoded(project / "fold")
    assert np.isnan(vectors["video"][4]).all()
    assert np.isfinite(vectors["video"][:4]).all()


def test_what_validation_and_test_clips_hold_changes_no_training_vector(project):
    before = encoded(project / "before")
    write_descriptors(project, "audio", "abcde", shifted="cde")
    after = encoded(project / "after")
    assert np.array_equal(before["audio"][:2], after["audio"][:2])
    assert not np.array_equal(before["audio"][2:], after["audio"][2:])


def test_the_table_says_what_encoded_it(project):
    encoded(project / "fold")
    facts = pq.read_metadata(project / "fold/fisher.parquet").metadata
    assert facts[b"avlib.backend_audio"] == facts[b"avlib.backend_video"] == b"torch"


@pytest.mark.parametrize("modality", ["audio", "video"])
def test_whole_clips_are_standardised_by_the_training_clips(project, monkeypatch, modality):
    whole = replace(TASK, levels=TASK.levels | {modality: "clip"})
    monkeypatch.setattr(sys.modules[__name__], "TASK", whole)
    schema = {"audio": AUDIO, "video": VIDEO}[modality]
    values = {c: clip_frames(c, modality)[:1] for c in "abcde"}
    parts = [
        (clip, tables.conform({"clip_id": [clip], "frame": [0], "time": [0.0],
                               "descriptor": values[clip]}, schema))
        for clip in "abcde"
    ]  # fmt: skip
    tables.write_part(tables.part_path(project / "data" / modality, "s"), parts, schema)
    vectors = encoded(project / "fold")[modality]
    np.testing.assert_allclose(vectors[:2].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(vectors[:2].std(axis=0), vectors.shape[1] ** -0.5, atol=1e-5)
    # Like Fisher vectors', so that neither modality drowns the other where both are side by side.
    assert (vectors[:2] ** 2).sum(axis=1).mean() == pytest.approx(1, abs=1e-4)


def test_a_fold_with_nothing_to_learn_from_is_an_error(project):
    for name in ("audio", "video"):
        for part in (project / "data" / name).iterdir():
            part.unlink()
    with pytest.raises(DataError, match="none of the 2 training clips has audio or video"):
        encoded(project / "fold")
