"""Stage `clips` describes a recording once, however often it is interrupted."""

import os
import shutil
from pathlib import Path

import builders
import pytest
import yaml

from avlib.corpora.common import describe
from stages import clips

PROJECT = Path(__file__).parents[2]
OUTPUTS = ("clips.parquet", "votes.parquet", "traces.parquet", "status/clips.parquet")
OUTPUTS += ("corpus.json",)


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Six sounds of three subjects, one of them broken; a stage that says what it described."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    values = yaml.safe_load((PROJECT / "params.yaml").read_text())
    chosen = {"corpus": "mine", "max_failed_fraction": 0.5}
    Path("params.yaml").write_text(yaml.safe_dump(values | chosen))
    folder = Path("data/raw/mine")
    rows = ["path,subject,emotion,start,age"]
    for number in range(6):
        name = f"{number}.wav"
        builders.write_media(folder / name, seconds=0.3 + 0.1 * number, sample_rate=16000)
        rows.append(f"{name},s{number % 3},{'joy' if number % 2 else 'fear'},0.1,3{number}.5")
    (folder / "3.wav").write_bytes(b"no recording")
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    described = []
    real = describe.describe

    def run(limit=None):
        """Run as under DVC, which removes outputs; stop in the clip after so many."""
        described.clear()

        def counted(recording, corpus):
            if len(described) == limit:
                raise KeyboardInterrupt
            described.append(recording.audio_path)
            return real(recording, corpus)

        monkeypatch.setattr(describe, "describe", counted)
        for name in OUTPUTS:
            Path("data", name).unlink(missing_ok=True)
        clips.main()
        return list(described), {name: Path("data", name).read_bytes() for name in OUTPUTS}

    return run


def test_an_interrupted_run_goes_on_and_ends_with_the_bytes_of_an_undisturbed_one(stage):
    with pytest.raises(KeyboardInterrupt):
        stage(limit=3)
    rest, resumed = stage()
    assert rest == ["3.wav", "4.wav", "5.wav"]
    shutil.rmtree(".memo")
    everything, calm = stage()
    assert len(everything) == 6
    assert resumed == calm


def test_what_failed_is_tried_again_and_a_changed_file_is_described_again(stage):
    stage()
    described, _ = stage()
    assert described == ["3.wav"]
    builders.write_media(Path("data/raw/mine/4.wav"), seconds=0.2, sample_rate=16000)
    described, _ = stage()
    assert described == ["3.wav", "4.wav"]
    assert len(list(Path(".memo/clips").iterdir())) == 5


def test_a_flipped_bit_in_the_memory_is_found(stage, caplog):
    _, calm = stage()
    place = min(Path(".memo/clips").iterdir())
    facts = place.stat()
    damaged = bytearray(place.read_bytes())
    damaged[-20] ^= 4
    place.write_bytes(damaged)
    os.utime(place, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    described, mended = stage()
    assert len(described) == 2  # and the one that fails
    assert mended == calm
    assert [place.name in line for line in caplog.messages] == [True]
