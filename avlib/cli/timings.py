"""``python -m avlib timings``: what the stages took."""

import typer

from avlib.runtime.errors import DataError


def timings() -> None:
    """Say what each stage took when it last ran, in that order, and what of it took how long.

    Stages that last ran for another corpus than the latest are named alone.
    """
    from avlib.report.terminal import timings_table
    from avlib.runtime.timings import timings as recorded

    found = recorded()
    if not found:
        raise DataError(
            "no stage was computed on this machine, so there are no times; results that were pulled"
            " have theirs where they were computed. `dvc repro` computes what is out of date,"
            " `dvc repro --single-item --force <stage>` one that is up to date"
        )
    corpus = found[-1].corpus
    shown = [timing for timing in found if timing.corpus == corpus]
    typer.echo(timings_table(shown))
    if others := [timing.stage for timing in found if timing not in shown]:
        typer.echo(
            f"\nLeft out: {', '.join(others)}, which last ran for another corpus than the rest"
        )
