"""``python -m avlib estimate``: what training the deep systems will take on this machine."""

from typing import Annotated

import typer


def estimate(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Systems, such as avef; else all that are on."),
    ] = None,
    clips: Annotated[int | None, typer.Option(help="Of a corpus that is not here.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Of such a clip.")] = None,
    folds: Annotated[int, typer.Option(help="Of such a corpus.")] = 10,
    emotions: Annotated[int, typer.Option(help="Likewise.")] = 6,
) -> None:
    """Say hours, memory and disk of the deep systems, from a few clips of noise.

    For your corpus it wants `dvc repro folds`; --clips and --seconds speak of one that is not here.
    """
    from avlib.params import Params, load
    from avlib.protocols import checked_folds
    from avlib.registry import SYSTEMS, system
    from avlib.runtime import paths, tables
    from avlib.runtime.errors import ParamsError
    from avlib.systems.common.estimate import Corpus, require_room, stage_cost

    params = load(tuple(Params.model_fields))
    deep = [name for name in SYSTEMS if system(name).deep]
    if unknown := set(names or []) - set(deep):
        raise ParamsError(f"{', '.join(sorted(unknown))}: expected some of {', '.join(deep)}")
    if clips is None or seconds is None:
        table = tables.read_table(paths.CLIPS)
        divided = checked_folds(params.protocol.name, params.protocol.validation_by)
        corpus = Corpus.of_tables(table, divided, params.modalities)
    else:
        learned = clips * (folds - 1) / folds
        held_out = learned * params.protocol.validation
        modalities = tuple(params.modalities)
        corpus = Corpus(clips, seconds, folds, learned - held_out, held_out, emotions, modalities)
    for name in names or [name for name in deep if system(name).wanted(params)]:
        found = system(name)
        models = found.wanted(params) or list(found.models)
        recipe = found.recipe(found.costliest(models), params)
        cost = stage_cost(found, recipe, corpus, len(models) * corpus.folds)
        typer.echo(f"{', '.join(models)}: {cost}")
        require_room(name, cost.disk)
