import dlib
import numpy as np
import pytest
import skimage.data
import torch
from hypothesis import given
from hypothesis import strategies as st

from avlib.descriptors.dlib_resnet import DlibResNetDescriptor, inner_faces
from avlib.descriptors.vgg_face import VGGFace, VGGFaceDescriptor, preprocess
from avlib.descriptors.video import subsample
from avlib.faces.alignment import extract_chip
from avlib.faces.detection import find_faces, to_grey
from avlib.faces.landmarks import fit_landmarks
from avlib.faces.models import LANDMARKS, RECOGNITION, model_file
from avlib.runtime.errors import WeightsError


def small(narrow, layer="fc6"):
    """Make the descriptor of a network with fewer channels."""

    class Small(VGGFaceDescriptor):
        dim = narrow.fc6.out_features

        def network(self):
            return narrow

    return Small(layer=layer)


@pytest.fixture(scope="module")
def photograph():
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def chip(photograph):
    grey = to_grey(photograph)
    landmarks, _ = fit_landmarks(grey, find_faces(grey)[0].box)
    return extract_chip(photograph, landmarks)[..., :3]


@given(st.lists(st.floats(0.001, 0.2), max_size=60), st.floats(0.5, 60))
def test_subsample_takes_the_first_frame_of_every_slot(steps, fps):
    times = np.concatenate([[0.0], np.cumsum(steps)])
    taken = []
    for index, time in enumerate(times):
        slot = int((time - times[0]) * fps + 1e-6)
        if not taken or slot > taken[-1][1]:
            taken.append((index, slot))
    np.testing.assert_array_equal(subsample(times, fps), [index for index, _ in taken])


@pytest.mark.parametrize("native", [25.0, 30000 / 1001])
@pytest.mark.parametrize("fps", [None, 60.0])
def test_subsample_takes_all_when_asked_for_more_than_there_are(native, fps):
    np.testing.assert_array_equal(subsample(np.arange(90) / native, fps), np.arange(90))


def test_subsample_of_its_own_rate_takes_all_and_of_a_fifth_every_fifth():
    times = np.arange(100) / 25
    np.testing.assert_array_equal(subsample(times, 25), np.arange(100))
    np.testing.assert_array_equal(subsample(times, 5), np.arange(0, 100, 5))
    np.testing.assert_array_equal(subsample(times + 0.3, 5), np.arange(0, 100, 5))


def test_subsample_keeps_the_rate_of_a_clip_whose_own_varies():
    times = np.concatenate([np.arange(0, 2, 1 / 30), np.arange(2, 4, 1 / 12)])
    picked = times[subsample(times, 6)]
    np.testing.assert_array_equal(np.histogram(picked, np.arange(5))[0], [6, 6, 6, 6])


@pytest.mark.parametrize("fps", [0, -1, float("nan")])
def test_subsample_rejects_an_impossible_rate(fps):
    with pytest.raises(ValueError, match="fps is"):
        subsample(np.arange(3.0), fps)


def test_subsample_of_no_frames_is_empty():
    assert len(subsample(np.zeros(0), 5)) == 0


def dlibs_landmarks(photograph):
    """The landmarks of the face as dlib finds them."""
    box = find_faces(to_grey(photograph))[0].box
    predictor = dlib.shape_predictor(str(model_file(LANDMARKS)))
    return predictor(photograph, dlib.rectangle(*(round(v) for v in box)))


def test_descriptor_of_a_chip_is_near_that_of_dlibs_own_alignment(photograph, chip):
    shape = dlibs_landmarks(photograph)
    dlibs_own = dlib.face_recognition_model_v1(str(model_file(RECOGNITION)))
    expected = np.array(dlibs_own.compute_face_descriptor(photograph, shape))
    [value] = DlibResNetDescriptor().describe_chips(chip[None])
    assert np.linalg.norm(value - expected) < 0.3  # dlib calls two faces one person below 0.6


def test_resnet_sees_the_square_that_dlib_would_cut(photograph, chip):
    shape = dlibs_landmarks(photograph)
    expected = dlib.get_face_chip(photograph, shape, 150, 0.25)
    assert np.corrcoef(expected.ravel(), inner_faces(chip[None]).ravel())[0, 1] > 0.9


def test_batch_gives_what_single_chips_give(chip):
    chips = np.stack([chip, chip[:, ::-1]])
    describe = DlibResNetDescriptor().describe_chips
    np.testing.assert_allclose(describe(chips)[1:], describe(chips[1:]), atol=1e-6)


def test_no_chips_give_no_descriptors():
    none = np.zeros((0, 224, 224, 3), np.uint8)
    assert DlibResNetDescriptor().describe_chips(none).shape == (0, 128)
    assert small(VGGFace("fc6", width=0.02)).describe_chips(none).shape == (0, 82)


def test_chips_of_another_size_are_an_error():
    with pytest.raises(ValueError, match=r"expected uint8 of shape \(n, 224, 224, 3\)"):
        DlibResNetDescriptor().describe_chips(np.zeros((1, 150, 150, 3), np.uint8))


@pytest.mark.parametrize("layer", ["fc6", "fc7"])
def test_vgg_face_describes_in_batches_what_the_network_gives(layer):
    torch.manual_seed(0)
    network = VGGFace("fc7", width=0.02)
    descriptor = small(network, layer)
    n = descriptor.batch_cpu + 1
    chips = np.random.default_rng(0).integers(0, 256, (n, 224, 224, 3), np.uint8)
    values = descriptor.describe_chips(chips)
    assert values.shape == (n, descriptor.dim)
    assert values.dtype == np.float32
    with torch.no_grad():
        expected = network.eval()(preprocess(chips), layer=layer).numpy()
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_vgg_face_on_the_gpu_gives_what_the_cpu_gives(monkeypatch):
    torch.manual_seed(0)
    network = VGGFace("fc6", width=0.1)
    chips = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), np.uint8)
    found = {}
    for device in ("cpu", "cuda"):
        monkeypatch.setenv("AVLIB_DEVICE", device)
        found[device] = small(network).describe_chips(chips)
    expected, values = found["cpu"], found["cuda"]
    np.testing.assert_allclose(values, expected, rtol=1e-2, atol=1e-2 * np.abs(expected).max())


def test_vgg_face_without_its_weights_says_which_file_is_missing(tmp_path, monkeypatch, chip):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match=r"vgg_face\.safetensors is missing"):
        VGGFaceDescriptor().describe_chips(chip[None])
