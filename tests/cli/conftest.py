import builders
import pytest


@pytest.fixture
def ravdess_folder(tmp_path):
    return builders.ravdess_of_two(tmp_path / "ravdess")


@pytest.fixture
def crema_d_folder(tmp_path):
    return builders.crema_d_of_two(tmp_path / "crema_d")
