"""``python -m benchmarks``: run benchmarks, print their tables, write them as a page."""

import argparse
import datetime
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.catalogue import NAMES, purpose, section


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmarks that the command line names."""
    options = parse(arguments)
    page = [heading()]
    os.environ["OMP_NUM_THREADS"] = "1"  # as in the pipeline's workers; VLFeat heeds nothing else
    # Each in a process of its own: neither memory nor settings of one reach the next.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as fresh:
        for name in options.names or NAMES:
            print(f"{name} ...", file=sys.stderr, flush=True)
            begin = time.monotonic()
            page.append(fresh.submit(section, name).result())
            print(f"{name}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
            print(page[-1], flush=True)
    if options.out is not None:
        options.out.write_text("\n".join(page), encoding="utf-8")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; no benchmark is imported for it."""
    listing = "\n".join(f"  {name:8} {purpose(name)}" for name in NAMES)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Run benchmarks on an idle machine, from the project's root.",
        epilog=f"benchmarks:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="which ones, listed below; all of them by default"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write what was run as a page")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in NAMES]:
        parser.error(f"{unknown[0]}: no such benchmark; choose from {', '.join(NAMES)}")
    if options.out is not None and not options.out.parent.is_dir():
        parser.error(f"{options.out}: its folder does not exist")
    return options


def heading() -> str:
    """Return the head of the page: where and when the figures were measured."""
    from benchmarks.machine import describe  # loads torch, which --help does without

    facts = "\n".join(f"- {fact}" for fact in describe())
    return (
        "# Benchmarks\n\n"
        "Written by `python -m benchmarks --out docs/benchmarks.md`. Compare the ratios; the times"
        " are this machine's. The CPU computes in one thread unless a table says otherwise.\n\n"
        f"- {datetime.date.today().isoformat()}\n{facts}\n"
    )


if __name__ == "__main__":
    main()
