"""The command line as the documents promise it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from avlib.cli.main import app

PAGES = [Path("README.md"), *Path("docs").glob("*.md")]
PROMISED = {
    command
    for page in PAGES
    for command in re.findall(r"python -m avlib ([a-z]+)", page.read_text(encoding="utf-8"))
}


def test_documents_promise_the_known_commands():
    assert {"compare", "corpora", "results", "sweep"} <= PROMISED


@pytest.mark.parametrize("command", sorted(PROMISED))
def test_every_command_of_the_documents_exists_and_says_what_it_does(command):
    commands = get_command(app).commands
    assert command in commands
    assert commands[command].get_short_help_str()


@pytest.mark.parametrize("arguments", [["--help"], ["weights", "list"]])
def test_output_that_cannot_be_written_is_one_line(arguments):
    with Path("/dev/full").open("w") as full:  # a disk without room, of the kernel's
        ended = subprocess.run(
            [sys.executable, "-m", "avlib", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: what is printed: cannot be written, the disk")
    assert len(ended.stderr.splitlines()) == 1
