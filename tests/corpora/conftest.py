import builders
import pytest


@pytest.fixture
def ravdess_folder(tmp_path):
    """Two actors, audio and video, one performance each of two emotions."""
    folder = tmp_path / "ravdess"
    for actor in ("01", "02"):
        for emotion in ("01", "05"):
            builders.ravdess_file(folder, f"01-01-{emotion}-01-02-01-{actor}")
    return folder


@pytest.fixture
def crema_d_folder(tmp_path):
    """Two actors, two clips each, with the authors' tables."""
    folder = tmp_path / "crema_d"
    names = ["1001_DFA_ANG_XX", "1001_IEO_HAP_LO", "1002_DFA_SAD_XX", "1002_IEO_FEA_HI"]
    for name in names:
        builders.crema_d_clip(folder, name)
    builders.crema_d_tables(
        folder,
        people=[("1001", 51, "Male"), ("1002", 21, "Female")],
        votes=[
            (names[0], "A", "A:D", "A"),
            (names[1], "N", "H", "H"),
            (names[2], "N:S", "S", "S"),
        ],
    )
    return folder
