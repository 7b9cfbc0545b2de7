"""Encoders of sound against transformers itself, run plainly on the whole input."""

import itertools
import shutil
from functools import cache

import numpy as np
import pytest
import soxr
import torch
from encoders import TINY, changed, described_by, saved
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from avlib.descriptors import encoder_audio, encoder_folder, encoder_sound
from avlib.descriptors.audio_clip import audio_rows
from avlib.descriptors.encoder_audio import pieces
from avlib.runtime.errors import ParamsError, WeightsError
from avlib.runtime.memo import clip_key
from avlib.runtime.tables import clip_refs, write_table
from avlib.speech.pcm import from_pcm, to_pcm
from avlib.speech.tables import SPEECH
from avlib.weights.encoders import to_safetensors

pytestmark = pytest.mark.usefixtures("no_network")

RATE = 16000
WAVES = {
    **TINY,
    "intermediate_size": 32,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}
WHISPER = {
    "d_model": 16, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 32,
    "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 32,
    "num_mel_bins": 20, "max_source_positions": 50, "vocab_size": 9, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 3,
}  # fmt: skip
NAMES = ["wav2vec2", "hubert", "wavlm", "whisper", "ast"]


@cache
def models():
    """By name: class, settings and preprocessor. Transformers takes seconds to load."""
    import transformers as t

    return {
        "wav2vec2": (
            t.Wav2Vec2ForCTC,  # a head that the encoder does without
            t.Wav2Vec2Config(**WAVES, feat_extract_norm="layer", vocab_size=5),
            t.Wav2Vec2FeatureExtractor(do_normalize=True),
        ),
        "hubert": (t.HubertModel, t.HubertConfig(**WAVES), t.Wav2Vec2FeatureExtractor()),
        "wavlm": (
            t.WavLMModel,
            t.WavLMConfig(**WAVES, do_stable_layer_norm=True, feat_extract_norm="layer"),
            t.Wav2Vec2FeatureExtractor(do_normalize=False),
        ),
        "whisper": (
            t.WhisperForConditionalGeneration,
            t.WhisperConfig(**WHISPER),
            t.WhisperFeatureExtractor(feature_size=20, chunk_length=1, dither=0.1),
        ),
        "ast": (
            t.ASTForAudioClassification,
            t.ASTConfig(**TINY, intermediate_size=32, max_length=112, num_mel_bins=32),
            t.ASTFeatureExtractor(max_length=112, num_mel_bins=32, mean=-3.0, std=2.0),
        ),
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {name: saved(root / name, *parts) for name, parts in models().items()}


@pytest.fixture
def folder(folders, tmp_path):
    """A copy of wav2vec 2.0 to change."""
    return shutil.copytree(folders["wav2vec2"], tmp_path / "model")


def noise(seconds, seed=0):
    values = np.random.default_rng(seed).normal(scale=0.1, size=round(seconds * RATE))
    return from_pcm(to_pcm(values))


def plainly(name, folder, signal):
    """All that transformers gives for sound of one window: last, and the hidden states."""
    kind, _, preprocessor = models()[name]
    network = kind.from_pretrained(folder).eval()
    network = getattr(network, network.base_model_prefix, network)  # without its head
    network = network.encoder if name == "whisper" else network
    extractor = type(preprocessor).from_pretrained(folder)
    extractor.dither = 0.0
    heard = extractor(signal, sampling_rate=RATE, return_tensors="pt")
    with torch.no_grad():
        output = network(next(iter(heard.values())), output_hidden_states=True)
    found = [state[0] for state in (output.last_hidden_state, *output.hidden_states)]
    if name == "ast":  # tokens after two of the class: for each band of frequency all times
        bands, times = (32 - 16) // 10 + 1, (112 - 16) // 10 + 1
        at = [[2 + band * times + time for band in range(bands)] for time in range(times)]
        found = [torch.stack([state[rows].mean(0) for rows in at]) for state in found]
    return [state.numpy() for state in found]


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_those_of_transformers_and_layers_are_told_apart(name, folders):
    signal = noise(0.9)
    last, *states = plainly(name, folders[name], signal)
    assert len(states) == 3
    n = {"ast": 8, "whisper": 45}.get(name, (14400 - 400) // 320 + 1)
    expected = {"last": last, "mean": np.mean(states, axis=0), 0: states[0], 1: states[1]}
    expected[1.0, 0.0, 3.0] = 0.25 * states[0] + 0.75 * states[2]
    for layer, values in expected.items():
        times, found = described_by("audio", folders[name], layer).describe(signal, RATE)
        assert (found.dtype, found.shape) == (np.float32, (n, 16))
        np.testing.assert_allclose(found, values[:n], atol=1e-4)
        assert len(times) == n
    assert min(np.abs(a - b).max() for a, b in itertools.pairwise(states)) > 0.01


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [0, 1, 399, 5000, 2 * RATE + 77])
def test_rows_lie_in_the_sound_at_the_models_rate(name, n, folders):
    descriptor = described_by("audio", folders[name])
    signal = noise(3)[:n]
    times, values = descriptor.describe(signal, RATE)
    assert len(times) == len(values) >= 1
    assert np.isfinite(values).all()
    assert descriptor.rate == (10 if name == "ast" else 50)
    np.testing.assert_allclose(np.diff(times), 1 / descriptor.rate)
    assert times[0] == pytest.approx({"ast": 0.0875, "whisper": 0.0}.get(name, 0.0125))
    if n > RATE:
        assert n / RATE - 0.2 < times[-1] < n / RATE
    assert values.tobytes() == descriptor.describe(signal, RATE)[1].tobytes()


@given(st.integers(1, 500), st.integers(15, 60))
def test_pieces_cover_every_row_once_and_know_both_its_sides(n, most):
    cut = pieces(n, most)
    assert [row for *_, used in cut for row in range(used.start, used.stop)] == list(range(n))
    for begin, end, used in cut:
        assert 0 < end - begin <= most
        assert used.start - begin == round(most / 15) or begin == 0
        assert end - used.stop == round(most / 15) or end == n
    assert len(cut) == 1 or n > most


def test_pieces_equal_the_whole_where_surroundings_are_local(folders, monkeypatch):
    signal = noise(3.3)
    # Layer 0 knows the convolutions' samples, and two rows before and after.
    _, *states = plainly("wav2vec2", folders["wav2vec2"], signal)
    monkeypatch.setattr(encoder_sound, "PIECE", 1)
    encoder_audio._loaded.cache_clear()
    heard = []
    rows = encoder_sound.Waves.rows
    monkeypatch.setattr(
        encoder_sound.Waves, "rows", lambda self, x: heard.append(len(x)) or rows(self, x)
    )
    _, values = described_by("audio", folders["wav2vec2"], 0).describe(signal, RATE)
    encoder_audio._loaded.cache_clear()
    np.testing.assert_allclose(values, states[0], atol=1e-4)
    assert len(heard) == 4
    assert max(heard) <= RATE


@pytest.mark.parametrize(
    ("name", "step", "beyond", "most"), [("whisper", 320, 160, 50), ("ast", 1600, 2800, 10)]
)
def test_windows_of_fixed_length_are_heard_one_after_the_other(name, step, beyond, most, folders):
    signal = noise(2.5)
    _, values = described_by("audio", folders[name]).describe(signal, RATE)
    cut = pieces(len(values), most)
    assert len(cut) > 2
    for begin, end, used in cut:
        stop = len(signal) if end == len(values) else (end - 1) * step + beyond
        window = plainly(name, folders[name], signal[begin * step : stop])[0]
        expected = window[used.start - begin : used.stop - begin]
        np.testing.assert_allclose(values[used], expected, atol=1e-4)


def test_sound_is_brought_to_the_rate_of_the_model(folder):
    changed(folder, "preprocessor_config.json", sampling_rate=8000)
    descriptor = described_by("audio", folder)
    signal = noise(1)
    times, values = descriptor.describe(signal, RATE)
    assert descriptor.rate == 25
    assert len(times) == (8000 - 400) // 320 + 1
    half = soxr.resample(signal, RATE, 8000)
    changed(folder, "preprocessor_config.json", sampling_rate=16000)
    expected = plainly("wav2vec2", folder, half)[0]
    np.testing.assert_allclose(values, expected, atol=1e-4)


def test_the_stage_describes_a_clip(folders, tmp_path):
    signal = noise(0.5)
    clip = {"clip_id": ["a"], "sample_rate": [RATE], "pcm": [to_pcm(signal)], "intervals": [[]]}
    write_table(tmp_path / "speech.parquet", clip, SPEECH)
    descriptor = described_by("audio", folders["hubert"])
    rows = audio_rows(clip_refs(tmp_path / "speech.parquet")[0], descriptor)
    assert rows.status == "ok"
    expected = plainly("hubert", folders["hubert"], signal)[0]
    np.testing.assert_allclose(rows.columns["descriptor"], expected, atol=1e-4)


def test_a_clips_key_is_of_the_models_files_and_of_nothing_else(folder, tmp_path):
    def key(folder):
        return clip_key("audio_features", "a", "0", described_by("audio", folder), "code")

    before = key(folder)
    (folder / "README.md").write_text("words")
    (folder / "pytorch_model.bin").write_bytes(b"what is not read")
    assert key(shutil.copytree(folder, tmp_path / "elsewhere")) == before
    changed(folder, "preprocessor_config.json", do_normalize=False)
    after = key(folder)
    assert after != before
    tensors = load_file(folder / "model.safetensors")
    tensors["wav2vec2.encoder.layer_norm.bias"] += 1
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    assert key(folder) not in (before, after)


def test_a_converted_pickle_gives_the_same_rows(folders, folder):
    tensors = load_file(folder / "model.safetensors")
    old = {"parametrizations.weight.original0": "weight_g"}  # how torch named them before 2.1
    old["parametrizations.weight.original1"] = "weight_v"
    for new, name in old.items():
        place = "wav2vec2.encoder.pos_conv_embed.conv."
        tensors[place + name] = tensors.pop(place + new)
    torch.save(tensors, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    to_safetensors(folder / "pytorch_model.bin")
    signal = noise(0.3)
    expected = described_by("audio", folders["wav2vec2"]).describe(signal, RATE)[1]
    found = described_by("audio", folder).describe(signal, RATE)[1]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def without(name):
    return lambda folder: (folder / name).unlink()


def as_pickle(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (shutil.rmtree, ["config.json is missing", "there is no such folder", "audio.model"]),
        (without("config.json"), ["config.json is missing (found model.saf", "hf download"]),
        (without("preprocessor_config.json"), ["preprocessor_config.json is missing"]),
        (lambda f: (f / "config.json").write_text("{"), ["config.json is no JSON"]),
        (lambda f: (f / "config.json").write_text("[]"), ["config.json holds list"]),
        (
            lambda f: changed(f, "config.json", auto_map={"AutoModel": "modeling.Model"}),
            ["config.json asks for code of its own (auto_map)", "nothing of it was run"],
        ),
        (
            lambda f: changed(f, "preprocessor_config.json", sampling_rate="fast"),
            ['preprocessor_config.json: sampling_rate is "fast"', "expected numbers"],
        ),
        (
            lambda f: changed(f, "preprocessor_config.json", image_mean=[0.5, True, 0.5]),
            ["image_mean is [0.5, true, 0.5]"],
        ),
        (
            lambda f: changed(f, "preprocessor_config.json", size={"height": [224]}),
            ['size is {"height": [224]}'],
        ),
        (
            lambda f: changed(f, "preprocessor_config.json", auto_map={}),
            ["preprocessor_config.json asks for code of its own"],
        ),
        (
            lambda f: changed(f, "config.json", model_type="vit"),
            ["model_type is 'vit'; expected one of wav2vec2, hubert, wavlm, whisper, audio-spec"],
        ),
        (lambda f: changed(f, "config.json", model_type=None), ["model_type is None"]),
        (as_pickle, ["no weights in safetensors", "pytorch_model.bin", "weights convert"]),
    ],
)
def test_what_is_no_encoder_is_refused_before_any_clip(spoil, said, folder):
    spoil(folder)
    with pytest.raises(WeightsError) as caught:
        described_by("audio", folder)
    check_line(caught.value, folder, said)


def lacks_a_tensor(folder):
    tensors = load_file(folder / "model.safetensors")
    del tensors["wav2vec2.encoder.layer_norm.bias"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def is_cut(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lacks_a_tensor, ["encoder.layer_norm.bias is missing", "get all of its files again"]),
        (
            lambda f: changed(f, "config.json", intermediate_size=40),
            [".weight is (", ", expected (", "and ", "other weights than its config.json says"],
        ),
        (is_cut, ["cannot be loaded as an encoder"]),
        (lambda f: changed(f, "config.json", hidden_size="much"), ["cannot be loaded as an enco"]),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_one_line(spoil, said, folder):
    spoil(folder)
    with pytest.raises(WeightsError) as caught:
        described_by("audio", folder).describe(noise(0.1), RATE)
    check_line(caught.value, folder, said)


@pytest.mark.parametrize(
    ("name", "value"), [("whisper", {"chunk_length": 2}), ("ast", {"max_length": 100})]
)
def test_another_window_than_the_networks_is_refused(name, value, folders, tmp_path):
    folder = shutil.copytree(folders[name], tmp_path / "model")
    changed(folder, "preprocessor_config.json", **value)
    with pytest.raises(WeightsError) as caught:
        described_by("audio", folder).describe(noise(0.1), RATE)
    check_line(caught.value, folder, ["preprocessor_config.json", "from one model"])


def test_a_layer_that_is_not_there_is_refused(folders):
    with pytest.raises(ParamsError, match=r"audio\.model_layer is 3, .* the layers 0 to 2; set it"):
        described_by("audio", folders["hubert"], 3).describe(noise(0.1), RATE)
    with pytest.raises(ParamsError, match=r"audio\.model_layer has 2 weights, .* 3 layers"):
        described_by("audio", folders["hubert"], (1.0, 1.0)).describe(noise(0.1), RATE)


def test_without_the_extra_one_line_says_how_to_get_it(folders, monkeypatch):
    monkeypatch.setattr(encoder_folder, "find_spec", lambda name: None)
    with pytest.raises(ParamsError, match=r"pip install -e '\.\[encoders\]'"):
        described_by("audio", folders["hubert"])
    viewed = {"descriptor": "is10", "views": ["huggingface.frames"], "model": "x"}
    with pytest.raises(ParamsError, match="encoders"):
        encoder_folder.encoder_digest("audio", viewed)
    assert encoder_folder.encoder_digest("audio", viewed | {"views": []}) == {}


def check_line(error, folder, said):
    message = str(error)
    assert "\n" not in message
    assert str(folder) in message
    for words in said:
        assert words in message
