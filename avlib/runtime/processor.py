"""The same arithmetic on every processor of the x86-64 kind that has AVX2, whoever made it.

Libraries choose instructions by the processor they find, and each set of instructions rounds in its
own way. Gradient descent amplifies the last bit to other predictions: the demo's plain network
recognised 42.6 % of the clips with AVX-512 and 41.2 % without, from the same bytes. So all of them
are held to AVX2, which nearly every such processor has, but MKL, which takes AVX2 on Intel's
alone: its one way that is the same everywhere is SSE2, and costs torch's matrix products half
their speed. What MKL bases on a processor's approximations even so is avoided: its roots
(`avlib.runtime.same_bits`, fused Adam) and some of its logarithms. Whoever would rather have the
speed sets one of these environment variables himself, such as ``MKL_CBWR=AUTO``: what is set
already stays.
"""

import os
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
ONEDNN = "ONEDNN_MAX_CPU_ISA"
SAME_ARITHMETIC = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own kernels
    ONEDNN: "AVX2",  # its convolutions
    "MKL_CBWR": "COMPATIBLE",  # its matrix products and functions
    "OPENBLAS_CORETYPE": "Haswell",  # NumPy's and SciPy's linear algebra
}
NUMPY = "NPY_DISABLE_CPU_FEATURES"
# Its functions; the last names are those of before 2.4. It passes over what it does not know.
_WIDER = "X86_V4 AVX512_ICL AVX512_SPR AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL"


def hold_arithmetic(cpuinfo: Path = CPUINFO) -> None:
    """Set the environment of libraries that are not loaded yet, where the processor has AVX2."""
    found = instructions(cpuinfo)
    if {"avx2", "fma"} <= found:
        for name, value in SAME_ARITHMETIC.items():
            os.environ.setdefault(name, value)
        if "avx512f" in found:
            os.environ.setdefault(NUMPY, _WIDER)


def multiplies_bfloat16(cpuinfo: Path = CPUINFO) -> bool:
    """Say whether torch's layers use a processor's instructions for bfloat16, which AVX2 lacks."""
    held = os.environ.get(ONEDNN) == SAME_ARITHMETIC[ONEDNN]
    return "avx512_bf16" in instructions(cpuinfo) and not held


def instructions(cpuinfo: Path) -> set[str]:
    """Return the names of a processor's instruction sets, as Linux lists them; else none."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())
