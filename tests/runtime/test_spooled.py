"""Files without a name lie where the project can be written to."""

from pathlib import Path

import pytest

from avlib.runtime import paths
from avlib.runtime.spooled import nameless_file


@pytest.mark.parametrize("memory", ["/proc", "/nowhere"])  # nobody makes a file in either
def test_where_the_memory_cannot_be_written_to_the_systems_folder_is_used(monkeypatch, memory):
    monkeypatch.setattr(paths, "MEMO", Path(memory))
    with nameless_file() as file:
        assert file.write(b"as ever") == 7
