"""``python -m avlib compare``: whether two models differ."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from avlib.runtime import paths
from avlib.runtime.errors import DataError


def compare(
    model_a: Annotated[str, typer.Argument(help="A model with predictions, such as merml.")],
    model_b: Annotated[str, typer.Argument(help="The model to compare it with.")],
    data: Annotated[Path, typer.Option(help="Folder of the pipeline's tables.")] = paths.DATA,
) -> None:
    """Test whether two models of the last run differ, on the clips that both scored.

    Prints the difference in accuracy with its bootstrap interval (whole subjects
    resampled), McNemar's exact test over clips, and the corrected t-test over folds.
    The p-values are of this comparison alone; the report corrects them over its
    family of comparisons. Models of different speaker normalisation are refused.
    """
    from avlib.registry import speaker_normalisation
    from avlib.report import comparisons, comparisons_page
    from avlib.report.normalisation import NONE, normalise_of
    from avlib.runtime.tables import read_table

    if model_a == model_b:
        raise DataError(f"{model_a} is to be compared with itself; expected another model")
    folder = data / paths.PREDICTIONS.name
    tables = {}
    for model in (model_a, model_b):
        file = folder / f"{model}.parquet"
        if not file.exists():
            found = ", ".join(sorted(path.stem for path in folder.glob("*.parquet")))
            todo = f"expected one of {found}" if found else "run `dvc repro` first"
            raise DataError(f"{file}: there is no model {model!r} with predictions; {todo}")
        tables[model] = read_table(file)
        if tables[model].empty:
            raise DataError(f"{file}: holds no predictions, as no clip has what {model} needs")
    folds, clips = (read_table(data / path.name) for path in (paths.FOLDS, paths.CLIPS))
    known = speaker_normalisation(normalise_of(data / paths.FISHER_ENCODERS.name, folds))
    kind_a, kind_b = (known.get(model, NONE) for model in (model_a, model_b))
    if kind_a != kind_b:
        raise DataError(
            f"{model_a} and {model_b} are not compared: their speaker normalisation differs"
            f" ({kind_a} and {kind_b}); compare two models of one, or run with"
            " speakers.normalise=none"
        )
    a, b = (comparisons.scored(tables[model], folds) for model in (model_a, model_b))
    compared = replace(comparisons.compare(a, b, folds, clips), normalise=kind_a)
    for line in comparisons_page.summary_lines(compared):
        typer.echo(line)
    typer.echo("One comparison, not corrected for others; report/report.html corrects over all.")
