"""Speeds of this project as ratios: against a named peer, or a limit of the machine, in one run.

``python -m benchmarks --help`` lists them. Each module ``bench_<name>`` has a function
``tables() -> list[Table]``, and the first line of its text says what it measures.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # of the checkout
