"""What `pip install .` takes along."""

import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_whatever_is_no_code_below_avlib_is_package_data():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["avlib"]
    taken = {file for pattern in patterns for file in (ROOT / "avlib").glob(pattern)}
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "avlib"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    there = {ROOT / name for name in listed.stdout.splitlines() if not name.endswith(".py")}
    assert there
    assert there <= taken, f"not in package-data of pyproject.toml: {sorted(there - taken)}"
