"""``python -m avlib estimate``: what training the deep systems will take on this machine."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

    from avlib.systems.common.estimate import Corpus


def estimate(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Systems, such as avef; else all that are on."),
    ] = None,
    clips: Annotated[
        int | None, typer.Option(help="Number of clips, of a corpus that is not here.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Mean length of its clips, in s.")] = None,
    folds: Annotated[int, typer.Option(help="Number of its folds.")] = 10,
    emotions: Annotated[int, typer.Option(help="Number of its emotions.")] = 6,
) -> None:
    """Say hours, memory and disk of the deep systems, from a few clips of noise.

    For your corpus it wants `dvc repro folds`; --clips and --seconds speak of one that is not here.
    """
    from avlib.params import Params, load
    from avlib.registry import SYSTEMS, system
    from avlib.runtime.errors import ParamsError
    from avlib.systems.common.estimate import Corpus, require_room, stage_cost

    params = load(tuple(Params.model_fields))
    deep = [name for name in SYSTEMS if system(name).deep]
    if unknown := set(names or []) - set(deep):
        raise ParamsError(f"{', '.join(sorted(unknown))}: expected some of {', '.join(deep)}")
    if (clips is None) != (seconds is None):
        raise ParamsError("--clips and --seconds: expected both, or neither for your corpus")
    if clips is None or seconds is None:
        corpus, table = _divided(params)
        able = [name for name in deep if not system(name).cannot_learn(table)]
    else:
        learned = clips * (folds - 1) / folds
        held_out = learned * params.protocol.validation
        modalities = tuple(params.modalities)
        corpus = Corpus(clips, seconds, folds, learned - held_out, held_out, emotions, modalities)
        able = [name for name in deep if name != "traces"]  # nobody knows how many they would be
    chosen = names or [name for name in able if system(name).wanted(params)]
    if not chosen:
        typer.echo("No deep system is on; name one, as in `python -m avlib estimate avef`")
    needed = {}
    for name in chosen:
        found = system(name)
        models = found.wanted(params) or found.offered(params)
        recipe = found.recipe(found.costliest(models), params)
        cost = stage_cost(found, recipe, corpus, len(models) * corpus.folds)
        if cost is not None:
            typer.echo(f"{', '.join(models)}: {cost}")
            needed[name] = cost.disk
    for name, size in needed.items():  # after all has been said
        require_room(name, size)


def _divided(params: Any) -> "tuple[Corpus, pd.DataFrame]":
    """Return what the pipeline knows of its corpus, and table `clips` of what it learns from."""
    from avlib.runtime import paths, tables
    from avlib.runtime.errors import DataError
    from avlib.systems.common.estimate import Corpus

    for path in (paths.CLIPS, paths.FOLDS):
        if not path.is_file():
            raise DataError(
                f"{path} is missing; run `dvc repro folds` first, or describe a corpus with"
                " --clips and --seconds"
            )
    clips, folds = tables.read_table(paths.CLIPS), tables.read_table(paths.FOLDS)
    used = clips[clips["clip_id"].isin(folds["clip_id"])]
    return Corpus.of_tables(clips, folds, params.modalities), used
