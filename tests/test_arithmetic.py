"""Digests of models, by which the arithmetic of two machines is compared."""

import os
import subprocess
import sys


def run(*arguments, seed):
    return subprocess.run(
        [sys.executable, "scripts/arithmetic.py", "svm_concat", *arguments],
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
    )


def test_digests_depend_on_the_models_alone_and_are_compared(tmp_path):
    first = run(seed="1")
    assert first.returncode == 0, first.stderr
    known = tmp_path / "known.txt"
    known.write_text(first.stdout)
    assert run("--against", str(known), seed="2").stdout == first.stdout
    known.write_text("svm_concat 0123456789ab\n")
    other = run("--against", str(known), seed="3")
    assert (other.returncode, other.stdout.split()) == (1, [*first.stdout.split(), "(differs)"])
