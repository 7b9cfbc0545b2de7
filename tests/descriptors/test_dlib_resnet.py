import dlib
import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from avlib.descriptors.dlib_resnet import load_dlib_resnet, preprocess
from avlib.faces.models import RECOGNITION, model_file
from avlib.runtime.errors import WeightsError


def test_network_gives_what_dlib_gives():
    faces = np.stack(
        [
            np.array(Image.fromarray(skimage.data.astronaut()[50:210, 150:310]).resize((150, 150))),
            skimage.data.coffee()[:150, :150],
            *np.random.default_rng(0).integers(0, 256, (4, 150, 150, 3), np.uint8),
        ]
    )
    dlibs_own = dlib.face_recognition_model_v1(str(model_file(RECOGNITION)))
    expected = np.array(dlibs_own.compute_face_descriptor(list(faces)))
    with torch.inference_mode():
        values = load_dlib_resnet(model_file(RECOGNITION))(preprocess(faces)).numpy()
    np.testing.assert_allclose(values, expected, atol=1e-5)


def test_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(WeightsError, match=r"resnet\.dat: not there"):
        load_dlib_resnet(tmp_path / "resnet.dat")


@pytest.mark.parametrize("kept", [0, 1000, 20_000_000])
def test_truncated_file_is_one_clear_line(tmp_path, kept):
    path = tmp_path / "resnet.dat"
    path.write_bytes(model_file(RECOGNITION).read_bytes()[:kept])
    with pytest.raises(WeightsError, match="holds no layer of"):
        load_dlib_resnet(path)
