import sys

import numpy as np
import psutil
import pytest

from avlib.runtime.errors import AvlibError
from benchmarks.__main__ import parse
from benchmarks.catalogue import NAMES
from benchmarks.machine import take_turns
from benchmarks.scaling import exponent, memory, run_measured
from benchmarks.table import Table


def test_help_says_what_each_benchmark_measures(capsys):
    with pytest.raises(SystemExit, match="0"):
        parse(["--help"])
    listing = capsys.readouterr().out.partition("benchmarks:\n")[2].splitlines()
    assert [line.split()[0] for line in listing] == list(NAMES)
    assert all(len(line.split()) > 3 for line in listing)


def test_an_unknown_name_or_folder_is_refused_before_anything_runs(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        parse(["fischer"])
    assert "fischer: no such benchmark" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        parse(["--out", str(tmp_path / "missing" / "page.md")])


@pytest.mark.parametrize("power", [0.0, 1.0, 1.7])
def test_exponent_of_a_power_law_is_its_power(power):
    sizes = [50, 200, 800]
    assert exponent(sizes, [3.0 * size**power for size in sizes]) == pytest.approx(power, abs=1e-12)


def test_exponent_is_unknown_when_noise_makes_a_cost_negative():
    assert np.isnan(exponent([50, 200], [-0.1, 2.0]))


def test_memory_counts_what_a_process_holds():
    before = memory(psutil.Process())
    held = np.ones(16_000_000)
    assert memory(psutil.Process()) - before > 0.9 * held.nbytes


def test_a_command_that_fails_says_why(tmp_path):
    with pytest.raises(AvlibError, match="out of clips"):
        run_measured([sys.executable, "-c", "raise SystemExit('out of clips')"], tmp_path, {})


def test_functions_take_turns():
    calls = []
    ticks = iter([0, 5, 0, 1, 0, 3, 0, 2])
    functions = {name: lambda name=name: calls.append(name) for name in "ab"}
    assert take_turns(functions, 2, lambda: next(ticks)) == {"a": 3, "b": 1}
    assert calls == ["a", "b", "a", "b"]


def test_table_without_rows_is_its_reading():
    assert Table("Skipped:", "no device.").markdown() == "**Skipped:** no device.\n"
    written = Table("T.", "R.", ["what", "s"], [["x", "1"]]).markdown()
    assert written == "**T.** R.\n\n| what | s |\n| --- | ---: |\n| x | 1 |\n"
