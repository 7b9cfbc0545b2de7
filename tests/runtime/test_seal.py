"""A file's checksum tells of any flipped bit, and a seal stands behind the bytes it is of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avlib.runtime.seal import _BLOCK, checksum, is_intact, own_length, read_sealed, seal


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("seal") / "file"


@given(data=st.binary(min_size=1, max_size=300), bit=st.integers(0))
def test_any_flipped_bit_is_found(file, data, bit):
    file.write_bytes(data)
    whole = checksum(file)
    seal(file)
    assert (own_length(file), read_sealed(file)) == (len(data), data)
    sealed = bytearray(file.read_bytes())
    bit %= 8 * len(sealed)
    sealed[bit // 8] ^= 1 << bit % 8
    file.write_bytes(sealed)
    assert not is_intact(file)
    assert read_sealed(file) is None
    if bit < 8 * len(data):
        assert checksum(file, len(data)) != whole


@pytest.mark.parametrize("size", [_BLOCK - 1, _BLOCK, _BLOCK + 1, 2 * _BLOCK])
def test_every_place_of_every_block_counts(file, size):
    def of(place=None):
        file.write_bytes(
            bytes(size) if place is None else bytes(place) + b"\x80" + bytes(size - place - 1)
        )
        return checksum(file)

    places = {0, 1, size - 9, size - 1, _BLOCK - 2, min(_BLOCK, size - 1)}
    assert of() not in set(map(of, places))


def test_zeros_at_the_end_count_and_a_length_ends_before_them(file):
    file.write_bytes(b"abc")
    short = checksum(file)
    file.write_bytes(b"abc\0\0")
    assert checksum(file) != short == checksum(file, 3)


@pytest.mark.parametrize("kept", [0, 7, 16])
def test_a_file_that_was_cut_short_is_not_intact(file, kept):
    file.write_bytes(b"something")
    seal(file)
    file.write_bytes(file.read_bytes()[:kept])
    assert not is_intact(file)
