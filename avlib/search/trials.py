"""Ask a sampler for settings, run them, tell it their validation scores: one search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from avlib.report.experiments import Experiment
from avlib.report.formats import score
from avlib.runtime.errors import DataError, ParamsError
from avlib.search.space import Values, overrides, point

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

SAMPLERS = ("tpe", "random")
Point = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """Settings that were tried.

    Attributes
    ----------
    point : dict
        Parameters and their values.
    experiment : Experiment, optional
        None where it failed.
    known : bool
        Whether it had been run before.
    """

    point: Point
    experiment: Experiment | None
    known: bool

    def line(self, model: str) -> str:
        """Say the settings and what the model scored on validation."""
        settings = " ".join(overrides(self.point))
        if self.experiment is None:
            return f"{settings}: failed, see above"
        scored = score(self.experiment.scores[model]["validation"])
        return f"{settings}: validation {scored} %{' (known)' if self.known else ''}"


def make_sampler(name: str, seed: int) -> BaseSampler:
    """Return one of Optuna's samplers.

    Raises
    ------
    ParamsError
        It is none of `SAMPLERS`, or Optuna is not installed.
    """
    if name not in SAMPLERS:
        raise ParamsError(f"--sampler is {name}; expected one of {', '.join(SAMPLERS)}")
    try:
        import optuna
    except ImportError:
        raise ParamsError(
            "a search needs Optuna, which is not installed: pip install -c constraints.txt -e"
            " '.[search]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if name == "random":
        return optuna.samplers.RandomSampler(seed)
    return optuna.samplers.TPESampler(seed=seed)


def propose(
    model: str,
    space: Mapping[str, Values],
    sampler: BaseSampler,
    n: int,
    *,
    at_once: int,
    finished: Callable[[], Sequence[Experiment]],
    run: Callable[[Sequence[Point]], None],
) -> Iterator[Trial]:
    """Yield `n` trials, each proposed by what those before it scored on validation.

    A sampler with a seed proposes the same for the same scores. So a search that is begun again
    takes the way that it took before, is told what is finished, and goes on from there.

    Parameters
    ----------
    model
        Whose validation accuracy is to be high.
    space
    sampler
        With a seed.
    n
    at_once
        Trials that are proposed, and run, before their scores are told.
    finished
        Returns the experiments that differ in the space's parameters alone.
    run
        Runs settings; some may fail.

    Raises
    ------
    DataError
        All of the first trials failed, or the model has no validation score in what they left.
    """
    import optuna

    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions = {name: values.distribution() for name, values in space.items()}
    told, before, failed = 0, list(finished()), list[Point]()
    for first in range(0, n, at_once):
        asked = [study.ask(distributions) for _ in range(min(at_once, n - first))]
        points = [point(trial.params) for trial in asked]
        new: list[Point] = []
        for proposed in points:
            if not _of(before, proposed, model) and proposed not in new + failed:
                new.append(proposed)
        if new:
            run(new)
        after = list(finished()) if new else before
        for trial, proposed in zip(asked, points, strict=True):
            experiment = _of(after, proposed, model)
            if experiment is None:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                failed.append(proposed)
            else:
                study.tell(trial, experiment.scores[model]["validation"]["accuracy"])
                told += 1
            yield Trial(proposed, experiment, proposed not in new)
        if not told:
            raise DataError("the first trials failed, see above; nothing tells how to go on")
        before = after


def _of(experiments: Sequence[Experiment], proposed: Point, model: str) -> Experiment | None:
    """Return the last experiment with these settings in which the model has a validation score."""
    found = [e for e in experiments if e.point == proposed]
    judged = [e for e in found if "validation" in e.scores.get(model, {})]
    return judged[-1] if judged else None
