#!/usr/bin/env bash
# Runs tests as other processors would: scripts/other_processors.sh [pytest arguments]
#
# Libraries choose their kernels by the processor's features. So sums are rounded differently from
# machine to machine, and a training follows another path. Here each library is told to use the
# kernels of other processors, one setting after another. A test that fails under one of them
# depends on the last bits of floats or on one lucky training.
#
# Prints a table of the settings, then the tests that failed. The logs of pytest stay in the folder
# $LOGS, by default a new one under /tmp. Exit status 0: everything passed under every setting.
# Without arguments the whole suite runs once per setting, for hours; so name folders or files.
set -u -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
[ -d .venv ] && export PATH=$PWD/.venv/bin:$PATH
LOGS=${LOGS:-$(mktemp -d)}
mkdir -p "$LOGS"

# What this build of NumPy chooses at run time; without it, its baseline remains.
NUMPY=$(python -c 'from numpy._core._multiarray_umath import __cpu_dispatch__ as f; print(*f)')
threads() { echo "OMP_NUM_THREADS=$1;OPENBLAS_NUM_THREADS=$1;MKL_NUM_THREADS=$1"; }
torch_old="ATEN_CPU_CAPABILITY=default;ONEDNN_MAX_CPU_ISA=SSE41;MKL_CBWR=COMPATIBLE"

# Name, then the variables that differ from this processor's own way.
SETTINGS=(
  "as-it-is"
  "torch-without-avx;$torch_old"
  "torch-avx2;ATEN_CPU_CAPABILITY=avx2;ONEDNN_MAX_CPU_ISA=AVX2"
  "openblas-haswell;OPENBLAS_CORETYPE=Haswell"
  "openblas-nehalem;OPENBLAS_CORETYPE=Nehalem"
  "numpy-baseline;NPY_DISABLE_CPU_FEATURES=$NUMPY"
  "one-thread;$(threads 1)"
  "two-threads;$(threads 2)"
  "all-of-the-oldest;$torch_old;OPENBLAS_CORETYPE=Nehalem;NPY_DISABLE_CPU_FEATURES=$NUMPY;$(threads 1)"
)

status=0
for setting in "${SETTINGS[@]}"; do
  IFS=";" read -r -a parts <<<"$setting"
  log=$LOGS/${parts[0]}.log
  env "${parts[@]:1}" python -m pytest -rfE "$@" >"$log" 2>&1 || status=1
  printf "%-18s %s\n" "${parts[0]}" "$(grep -E " in [0-9.]+s" "$log" | tail -n 1)"
done
grep -HE "^(FAILED|ERROR) " "$LOGS"/*.log | sed "s|^$LOGS/||"
echo "logs: $LOGS"
exit $status
