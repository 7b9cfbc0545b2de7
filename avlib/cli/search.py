"""``python -m avlib search``: settings proposed by Optuna, judged by validation scores alone."""

from typing import Annotated

import typer

from avlib.runtime.errors import ParamsError


def search(
    param: Annotated[
        list[str],
        typer.Option(
            help="merml.dim=50..300, gating.learning_rate=0.0001..0.1:log or merml.init=pca,random;"
            " 1..5 are whole numbers, 1.0..5 are not. Repeat it for more."
        ),
    ],
    model: str = typer.Option("", help="Which is judged; default: what a parameter begins with."),
    trials: int = typer.Option(
        20, min=1, help="Settings to try, those of an earlier run included."
    ),
    at_once: int = typer.Option(1, min=1, help="Trials side by side; each loads what it needs."),
    sampler: str = typer.Option("tpe", help="tpe, which learns from earlier trials, or random."),
    seed: int = typer.Option(0, min=0, help="Of what is proposed."),
) -> None:
    """Search for settings whose validation accuracy is high, as DVC's experiments.

    Only the stages that the parameters concern run, in a copy of the project: params.yaml stays as
    it is. Ctrl-C leaves what is done, and the same command on the same commit goes on from there.
    Of the test scores only that of the chosen setting is shown: to choose by test scores is to
    select on the test set.
    """
    from avlib.registry import models
    from avlib.report.experiments import alike
    from avlib.report.sweep import chosen_line, selected
    from avlib.search import experiments, space
    from avlib.search.trials import Trial, make_sampler, propose

    wanted = space.parse(param)
    model = model or param[0].removeprefix("demo.").partition(".")[0]
    if model not in models():
        raise ParamsError(f"--model is {model}; expected one of {', '.join(models())}")
    system, proposer = models()[model], make_sampler(sampler, seed)
    space.check(wanted, system, model)
    plan = experiments.plan(wanted, model, f"train_{system.name}")
    typer.echo(f"{model}: each trial runs {', '.join(plan.stages)}", err=True)
    asked = propose(
        model,
        wanted,
        proposer,
        trials,
        at_once=at_once,
        finished=lambda: alike(experiments.shown(), list(wanted)),
        run=lambda points: experiments.run_all([space.overrides(p) for p in points], plan),
    )
    done: list[Trial] = []
    stopped = False
    try:
        for trial in asked:
            done.append(trial)
            typer.echo(f"trial {len(done)} of {trials}: {trial.line(model)}", err=True)
    except KeyboardInterrupt:
        stopped = True
        typer.echo(
            f"stopped after {len(done)} trials; the same command goes on from there", err=True
        )
    if scored := [trial.experiment for trial in done if trial.experiment]:
        table = selected(scored, list(wanted), model).sort_values("validation", ascending=False)
        typer.echo(table.to_string(index=False, na_rep=""))
        typer.echo(f"\n{chosen_line(table, list(wanted))}")
        name = table.loc[table["test"].notna(), "experiment"].item()
        typer.echo(f"dvc exp apply {name}   # then dvc repro, for the report")
    if stopped:
        raise typer.Exit(130)
