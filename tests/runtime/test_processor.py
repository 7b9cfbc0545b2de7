"""How libraries are held to arithmetic that nearly every processor has."""

import os
import subprocess
import sys

import pytest

from avlib.runtime import processor

FLAGS = "processor\t: 0\nflags\t\t: fpu sse2 {}\nbugs\t\t: none\n"


@pytest.fixture
def environment(monkeypatch):
    """An environment without any of the variables."""
    for name in [*processor.SAME_ARITHMETIC, processor.NUMPY]:
        monkeypatch.delenv(name, raising=False)
    return os.environ


@pytest.fixture
def cpuinfo(tmp_path):
    def write(flags):
        path = tmp_path / "cpuinfo"
        path.write_text(FLAGS.format(flags))
        return path

    return write


def held(environment):
    names = [*processor.SAME_ARITHMETIC, processor.NUMPY]
    return {name for name in names if name in environment}


def test_a_processor_without_avx2_is_left_alone(environment, cpuinfo, tmp_path):
    processor.hold_arithmetic(cpuinfo("avx"))
    processor.hold_arithmetic(tmp_path / "no_such_file")  # not Linux
    assert not held(environment)


def test_wider_instructions_of_numpy_are_hidden_where_there_are_some(environment, cpuinfo):
    processor.hold_arithmetic(cpuinfo("avx avx2 fma"))
    assert held(environment) == set(processor.SAME_ARITHMETIC)
    processor.hold_arithmetic(cpuinfo("avx avx2 fma avx512f"))
    assert processor.NUMPY in held(environment)


def test_what_is_set_already_stays(environment, cpuinfo, monkeypatch):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "ALL")
    processor.hold_arithmetic(cpuinfo("avx2 fma avx512f"))
    assert environment["ONEDNN_MAX_CPU_ISA"] == "ALL"


def test_bfloat16_is_multiplied_where_the_processor_can_and_may(environment, cpuinfo, monkeypatch):
    assert processor.multiplies_bfloat16(cpuinfo("avx2 fma avx512f avx512_bf16"))
    assert not processor.multiplies_bfloat16(cpuinfo("avx2 fma avx512f"))
    monkeypatch.setenv(processor.ONEDNN, "AVX2")
    assert not processor.multiplies_bfloat16(cpuinfo("avx2 fma avx512f avx512_bf16"))


LOADED = """
import stages
import numpy, threadpoolctl, torch
from numpy._core._multiarray_umath import __cpu_features__ as features
print(torch.backends.cpu.get_cpu_capability(), features.get("X86_V4", features["AVX512F"]),
      *{pool["architecture"] for pool in threadpoolctl.threadpool_info()
        if pool["internal_api"] == "openblas"})
"""


@pytest.mark.skipif(
    not {"avx2", "fma"} <= processor.instructions(processor.CPUINFO), reason="this is no AVX2"
)
def test_libraries_that_a_stage_loads_compute_as_they_are_told(environment):
    found = subprocess.check_output([sys.executable, "-c", LOADED], text=True).split()
    assert found == ["AVX2", "False", "Haswell"]
