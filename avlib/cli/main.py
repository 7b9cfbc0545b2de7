"""``python -m avlib``: what the pipeline's stages do not do; a file a command."""

import atexit
import gc
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from avlib.cli import (
    compare,
    corpora,
    estimate,
    export,
    predict,
    results,
    search,
    sweep,
    timings,
    weights,
)
from avlib.runtime.errors import AvlibError
from avlib.runtime.files import refusal


class _Interruptible(TyperGroup):
    """Commands that Ctrl-C ends with one line and exit status 130, as it ends the stages."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Interruptible,
    help="Audio-visual emotion recognition. The pipeline itself is run with `dvc repro`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _command in (
    estimate.estimate,
    predict.predict,
    export.export,
    results.results,
    compare.compare,
    sweep.sweep,
    search.search,
    timings.timings,
):
    app.command()(_command)
app.add_typer(corpora.app, name="corpora")
app.add_typer(weights.app, name="weights")


def main() -> None:
    """Run the command line; an error that the user can act on becomes one line."""
    atexit.register(gc.freeze)  # as in `avlib.runtime.stage`
    try:
        try:
            app()
        finally:
            if sys.stdout:  # None where it is closed
                sys.stdout.flush()
    except AvlibError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if (said := refusal(error, "what is printed")) is None:
            raise
        print(f"error: {said}", file=sys.stderr)
        # What is still to be printed would be tried again at the end, and fail in a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
