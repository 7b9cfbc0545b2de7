import csv
import gzip
import os
from collections import Counter
from pathlib import Path

import builders
import pytest

from avlib.corpora.crema_d import files as crema_d_files
from avlib.corpora.crema_d.files import OfficialFile, official_files, verify
from avlib.runtime.errors import CorpusError

CONTENT = {"1001_DFA_ANG_XX": b"a recording", "1001_DFA_DIS_XX": b"another recording"}


@pytest.fixture
def release(monkeypatch, tmp_path):
    """A release of two wav files, both here."""
    import hashlib

    files = []
    (tmp_path / "AudioWAV").mkdir()
    for stem, content in CONTENT.items():
        path = f"AudioWAV/{stem}.wav"
        files.append(OfficialFile(path, len(content), hashlib.sha256(content).digest()[:8]))
        (tmp_path / path).write_bytes(content)
    monkeypatch.setattr(crema_d_files, "official_files", lambda: files)
    return tmp_path


def state(folder, content, *, hashes):
    path = "AudioWAV/1001_DFA_ANG_XX.wav"
    (folder / path).write_bytes(content)
    states, _ = verify(folder, hashes=hashes)
    assert states["AudioWAV/1001_DFA_DIS_XX.wav"] == "good"
    return states[path]


@pytest.mark.parametrize("hashes", [False, True])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a recording", "good"),
        (b"a rec", "truncated"),
        (b"", "empty"),
        (builders.LFS_POINTER, "pointer"),
        (b"a longer recording", "altered"),
    ],
)
def test_good_files_are_told_from_damaged_ones_by_size(release, content, expected, hashes):
    assert state(release, content, hashes=hashes) == expected


def test_a_file_changed_in_place_takes_a_hash_to_tell(release):
    assert state(release, b"A recording", hashes=False) == "good"
    assert state(release, b"A recording", hashes=True) == "altered"


def test_missing_files_links_to_nowhere_and_strangers_are_told(release):
    first, second = sorted((release / "AudioWAV").iterdir())
    first.unlink()
    second.unlink()
    second.symlink_to(release / "gone.wav")
    (release / "AudioWAV" / "mine.wav").write_bytes(b"")
    states, others = verify(release, hashes=True)
    assert set(states.values()) == {"missing"}
    assert others == ["AudioWAV/mine.wav"]


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(CorpusError, match="no such folder"):
        verify(tmp_path / "crema_d", hashes=False)


def test_the_release_has_every_clip_in_three_folders():
    files = official_files()
    assert len(files) == len({file.path for file in files}) == 22326
    assert Counter(file.path.partition("/")[0] for file in files) == {
        **dict.fromkeys(("VideoFlash", "AudioWAV", "AudioMP3"), 7442)
    }
    emotions = Counter(file.path.split("_")[2] for file in files)
    assert emotions == {**dict.fromkeys(("ANG", "DIS", "FEA", "HAP", "SAD"), 3813), "NEU": 3261}
    assert all(len(file.digest) == 8 and file.size > 0 for file in files)


@pytest.mark.skipif("AVLIB_REAL" not in os.environ, reason="AVLIB_REAL names no real recordings")
def test_the_compact_list_is_the_official_one_and_real_files_are_good():
    folder = Path(os.environ["AVLIB_REAL"]) / "crema_d"
    with gzip.open(folder / "official_sha256.tsv.gz", "rt") as file:
        rows = {row["path"]: row for row in csv.DictReader(file, delimiter="\t")}
    for file in official_files():
        row = rows.pop(file.path)
        assert int(row["bytes"]) == file.size
        assert row["sha256"].startswith(file.digest.hex())
    assert not rows
    states, others = verify(folder, hashes=True)
    assert set(states.values()) == {"good", "missing"}
    assert others == []
