"""``python -m avlib timings``: what the stages took."""

import typer

from avlib.runtime.errors import DataError


def timings() -> None:
    """Say what each stage took when it last ran, in that order, and what of it took how long."""
    from avlib.report.terminal import timings_table
    from avlib.runtime.timings import timings as recorded

    found = recorded()
    if not found:
        raise DataError("no stage has run here yet; run `dvc repro` first")
    typer.echo(timings_table(found))
