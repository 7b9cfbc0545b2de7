"""What every registered descriptor keeps to, and how they are chosen."""

import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from scipy.signal import chirp

from avlib import registry
from avlib.descriptors import chips
from avlib.descriptors.audio_clip import audio_rows
from avlib.descriptors.geometry import Geometry, geometric_features
from avlib.descriptors.log_mel import LogMel
from avlib.descriptors.opensmile import IS10
from avlib.descriptors.vgg_face import VGGFace, VGGFaceDescriptor
from avlib.descriptors.video import Faces
from avlib.descriptors.video_clip import video_rows
from avlib.faces.alignment import encode_jpeg
from avlib.runtime.errors import MediaError, ParamsError
from avlib.runtime.memo import code_fingerprint
from avlib.runtime.provenance import result_files, third_party
from avlib.runtime.tables import clip_refs, write_table
from avlib.speech.pcm import to_pcm
from avlib.speech.tables import SPEECH

RATE = 16000
TABLE = {"path": "tables", "clip_column": None, "clip_name": None, "columns": None, "rate": None}
AUDIO = {"level": "frames", "window": 0.5, "hop": 0.25, "table": TABLE}
VIDEO = {"layer": "fc6", "fps": None, "level": "frames", "table": TABLE}
LEVELS = [("is10", "windows"), ("is10", "clip"), ("egemaps", "windows"), ("egemaps", "clip")]
# A table describes nothing itself: test_table.py. Encoders are the user's: test_encoder_*.py.
OTHERS = ("huggingface", "table")
SOUNDS = [
    *((name, "frames") for name in registry.DESCRIPTORS["audio"] if name not in OTHERS),
    *LEVELS,
]
PICTURES = [name for name in registry.DESCRIPTORS["video"] if name not in OTHERS]


@pytest.fixture(scope="module", autouse=True)
def _small_vgg_face():
    """VGG-Face without its published weights, and narrow."""
    torch.manual_seed(0)
    narrow = VGGFace("fc6", width=0.02)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VGGFaceDescriptor, "network", lambda self: narrow)
        patch.setattr(VGGFaceDescriptor, "dim", narrow.fc6.out_features)
        yield
    chips._loaded.cache_clear()


@pytest.fixture(scope="module")
def signal():
    """A second and a bit of a beating sweep with some noise."""
    t = np.arange(int(1.3 * RATE)) / RATE
    sweep = 0.5 * chirp(t, 100, 1.3, 3000) * (1 + np.sin(2 * np.pi * 3 * t)) / 2
    return (sweep + np.random.default_rng(0).normal(scale=0.02, size=t.shape)).astype(np.float32)


def a_face(n, missing=(), fps=25):
    """Landmarks that move a little and noise as pictures; frames `missing` have neither."""
    random = np.random.default_rng(0)
    landmarks = random.uniform(60, 160, (68, 2)) + random.normal(size=(n, 68, 2))
    pictures = random.integers(0, 256, (n, 224, 224, 3), np.uint8)
    landmarks[list(missing)] = np.nan
    jpegs = [None if i in missing else encode_jpeg(chip) for i, chip in enumerate(pictures)]
    return Faces(np.arange(n) / fps, landmarks.astype(np.float32), jpegs)


def of_sound(name, level="frames"):
    return registry.descriptor("audio", AUDIO | {"descriptor": name, "level": level})


def of_faces(name, fps=None):
    return registry.descriptor("video", VIDEO | {"descriptor": name, "fps": fps})


def check_rows(descriptor, times, values, duration):
    """Check what `describe` returned against what the descriptor declares."""
    assert values.shape == (len(times), descriptor.dim)
    assert values.dtype == np.float32
    assert times.dtype == np.float64
    assert np.isfinite(values).all()
    assert (np.diff(times) > 0).all()
    assert len(times) == 0 or 0 <= times[0] <= times[-1] <= duration
    if descriptor.rate:
        np.testing.assert_allclose(np.diff(times), 1 / descriptor.rate, atol=1e-6)


@pytest.mark.parametrize(("name", "level"), SOUNDS)
def test_sound_is_described_as_declared(name, level, signal):
    descriptor = of_sound(name, level)
    assert (descriptor.name, descriptor.modality, descriptor.level) == (name, "audio", level)
    times, values = descriptor.describe(signal, RATE)
    check_rows(descriptor, times, values, len(signal) / RATE)
    assert len(times) > 1 or level == "clip"
    assert np.ptp(values) > 0
    again = descriptor.describe(signal, RATE)
    assert values.tobytes() == again[1].tobytes()


@pytest.mark.parametrize(("name", "level"), SOUNDS)
@pytest.mark.parametrize("n", [0, 1, 399, 400])
def test_sound_of_no_length_has_a_row(name, level, n, signal):
    times, values = of_sound(name, level).describe(signal[:n], RATE)
    assert len(times) == len(values) >= 1
    assert np.isfinite(values).all()


@pytest.mark.parametrize(("name", "level"), SOUNDS)
def test_broken_sound_and_other_rates_are_refused(name, level, signal):
    with pytest.raises(ValueError, match="48000 Hz; expected 16000 Hz"):
        of_sound(name, level).describe(signal, 48000)
    broken = signal.copy()
    broken[5] = np.nan
    with pytest.raises(MediaError, match="sample 5"):
        of_sound(name, level).describe(broken, RATE)


@pytest.mark.parametrize("name", PICTURES)
def test_faces_are_described_as_declared(name):
    faces = a_face(6, missing=(0, 3))
    descriptor = of_faces(name)
    assert (descriptor.name, descriptor.modality, descriptor.level) == (name, "video", "frames")
    times, values = descriptor.describe(faces)
    check_rows(descriptor, times, values, faces.times[-1])
    np.testing.assert_array_equal(times, faces.times[[1, 2, 4, 5]])
    assert values.tobytes() == descriptor.describe(faces)[1].tobytes()


@pytest.mark.parametrize("name", PICTURES)
def test_faces_are_described_at_the_rate_that_is_asked_for(name):
    faces = a_face(11)
    every, values = of_faces(name).describe(faces)
    descriptor = of_faces(name, fps=5.0)
    times, fewer = descriptor.describe(faces)
    check_rows(descriptor, times, fewer, faces.times[-1])
    assert len(times) == 3
    # The rows are those of the same frames when all are described.
    np.testing.assert_allclose(fewer, values[np.isin(every, times)], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("faces", [a_face(0), a_face(2, missing=(0, 1))], ids=["none", "missing"])
def test_no_face_gives_no_row(name, faces):
    times, values = of_faces(name).describe(faces)
    assert len(times) == 0
    assert values.shape == (0, of_faces(name).dim)


def source(kind):
    return sys.modules[kind.__module__].__file__


@pytest.mark.parametrize("modality", registry.DESCRIPTORS)
def test_no_other_descriptor_enters_a_fingerprint(modality):
    rows, of = {"audio": (audio_rows, of_sound), "video": (video_rows, of_faces)}[modality]
    every = {source(type(of_sound(name))) for name in registry.DESCRIPTORS["audio"]}
    every |= {source(type(of_faces(name))) for name in registry.DESCRIPTORS["video"]}
    assert len(every) == 10, "openSMILE's two sets are one file"
    for name in registry.DESCRIPTORS[modality]:
        kind = type(of(name))
        files = {str(f) for code in (rows, kind) for f in result_files(Path(source(code)))}
        assert files & every == {source(kind)}


NEW = """
import numpy as np
from avlib.descriptors.audio import AudioDescriptor

class Loudness(AudioDescriptor):
    name = "loudness"
    dim = 1
    rate = None
    level = "clip"

    def describe(self, signal, sample_rate):
        values = np.sqrt(np.mean(self.prepared(signal, sample_rate) ** 2, keepdims=True))
        return np.array([len(signal) / sample_rate / 2]), values[None].astype(np.float32)
"""


def test_a_new_descriptor_is_a_file_and_a_line(signal, tmp_path, monkeypatch):
    (tmp_path / "loudness.py").write_text(NEW)
    monkeypatch.syspath_prepend(tmp_path)
    before = code_fingerprint(audio_rows, IS10)
    monkeypatch.setitem(registry.DESCRIPTORS["audio"], "loudness", "loudness:Loudness")
    clip = {"clip_id": ["a"], "sample_rate": [RATE], "pcm": [to_pcm(signal)], "intervals": [[]]}
    write_table(tmp_path / "speech.parquet", clip, SPEECH)
    descriptor = of_sound("loudness", "clip")
    rows = audio_rows(clip_refs(tmp_path / "speech.parquet")[0], descriptor)
    expected = np.sqrt(np.mean(np.square(signal, dtype=float)))
    np.testing.assert_allclose(rows.columns["descriptor"], [[expected]], rtol=1e-3)
    assert code_fingerprint(audio_rows, IS10) == before
    assert code_fingerprint(audio_rows, type(descriptor)) != before


def test_fingerprint_of_opensmile_holds_its_version():
    files = result_files(Path(source(IS10)))
    assert "opensmile" in third_party(files)


@pytest.mark.parametrize(
    ("modality", "known"),
    [
        ("audio", "egemaps, egemaps_v01a, huggingface, is10, log_mel, table"),
        ("video", "dlib_resnet, expression, geometry, huggingface, table, vgg_face"),
    ],
)
def test_unknown_name_lists_those_of_the_modality(modality, known):
    with pytest.raises(ParamsError, match=rf"{modality}\.descriptor is 'mfcc'; .* one of {known}$"):
        registry.descriptor(modality, {"descriptor": "mfcc"})


def test_level_that_a_descriptor_has_not_is_an_error():
    with pytest.raises(ParamsError, match=r"level is clip, but log_mel .*audio\.level: frames"):
        of_sound("log_mel", "clip")


def test_settings_of_other_descriptors_are_no_part_of_one():
    assert of_sound("log_mel") == registry.descriptor("audio", {"descriptor": "log_mel"})
    one, other = (
        registry.descriptor("video", VIDEO | {"descriptor": "dlib_resnet", "layer": layer})
        for layer in ("fc6", "fc7")
    )
    assert one == other


def test_log_mel_is_librosas(signal):
    times, values = LogMel().describe(signal, RATE)
    # librosa centres a window in its transform, which turns phases and no power.
    mel = librosa.feature.melspectrogram(
        y=np.pad(signal, 56), sr=RATE, n_fft=512, hop_length=160, win_length=400,
        window=np.hamming(400), center=False, n_mels=64, fmin=0, fmax=8000, htk=True, norm=None,
    )  # fmt: skip
    assert len(times) == (len(signal) - 400) // 160 + 1
    np.testing.assert_allclose(values, np.log(mel.T + 0.01)[: len(values)], atol=2e-4)
    np.testing.assert_allclose(times, 0.0125 + 0.01 * np.arange(len(times)))


def test_geometry_is_that_of_the_landmarks_in_frames_with_a_face():
    faces = a_face(8, missing=(2, 5))
    times, values = Geometry().describe(faces)
    expected, there = geometric_features(faces.landmarks)
    assert there.tolist() == [i not in (2, 5) for i in range(8)]
    np.testing.assert_allclose(values, expected[there], rtol=1e-6)
    np.testing.assert_array_equal(times, faces.times[there])


def test_geometry_at_a_lower_rate_is_moved_since_the_videos_frame_before():
    faces = a_face(11)
    steps = slice(98, 196)
    _, values = Geometry(fps=5.0).describe(faces)
    expected, _ = geometric_features(faces.landmarks)
    np.testing.assert_allclose(values[1:, steps], expected[[5, 10], steps], rtol=1e-6)
