import numpy as np
import pytest
from scipy.signal import lfilter

from avlib.runtime.errors import MediaError
from avlib.speech.preprocess import check_signal, pre_emphasis


@pytest.mark.parametrize("coefficient", [0.0, 0.97, 1.0])
def test_pre_emphasis_is_the_first_order_filter(coefficient):
    signal = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    before = signal.copy()
    emphasised = pre_emphasis(signal, coefficient)
    np.testing.assert_allclose(emphasised, lfilter([1, -coefficient], [1], signal), atol=1e-5)
    assert emphasised.dtype == np.float32
    np.testing.assert_array_equal(signal, before)


def test_pre_emphasis_of_nothing_is_nothing():
    assert pre_emphasis(np.empty(0, dtype=np.float32)).shape == (0,)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_broken_samples_are_counted_and_located(value):
    signal = np.zeros(100, dtype=np.float32)
    signal[[7, 9]] = value
    with pytest.raises(MediaError, match=r"2 of 100 .* sample 7"):
        check_signal(signal)


@pytest.mark.parametrize("signal", [np.zeros((2, 10), dtype=np.float32), np.zeros(10, np.int16)])
def test_stereo_and_integers_are_refused(signal):
    with pytest.raises(ValueError, match="mono signal of floats"):
        check_signal(signal)
