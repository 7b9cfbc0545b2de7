"""What a search may set: ``merml.dim=50..300``, ``merml.init=pca,random``."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML, YAMLError

from avlib.params import Params, load
from avlib.report.experiments import PARAMS, by_dotted_key
from avlib.runtime.errors import ParamsError
from avlib.runtime.params import read_yaml, validated

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from avlib.systems.common.system import System

_FIGURES = 4  # significant ones of a fraction; more tell no settings apart and fill the tables


@dataclass(frozen=True)
class Values:
    """What one parameter may be: all from `low` to `high`, or one of `choices`.

    Attributes
    ----------
    low, high : int or float
        Ends of a range, of whole numbers where both are; None where there are choices.
    log : bool
        Whether steps in the range are factors.
    choices : tuple
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()

    def ends(self) -> tuple[Any, ...]:
        """Return the values that are to be possible, for all others to be."""
        return self.choices or (self.low, self.high)

    def distribution(self) -> BaseDistribution:
        """Return it as Optuna has it."""
        from optuna import distributions

        if self.choices:
            return distributions.CategoricalDistribution(self.choices)
        assert self.low is not None
        assert self.high is not None
        if isinstance(self.low, int) and isinstance(self.high, int):
            return distributions.IntDistribution(self.low, self.high, log=self.log)
        return distributions.FloatDistribution(self.low, self.high, log=self.log)


def parse(given: Iterable[str]) -> dict[str, Values]:
    """Read ``name=low..high``, ``name=low..high:log`` and ``name=a,b,c``.

    Parameters
    ----------
    given
        One text a parameter. ``1..5`` are whole numbers, ``1.0..5`` are not.

    Raises
    ------
    ParamsError
        A text is not of these forms, a range is empty, or a parameter comes twice.
    """
    space: dict[str, Values] = {}
    for text in given:
        name, equals, spec = text.partition("=")
        if not name or not equals or not spec:
            raise ParamsError(
                f"--param {text}: expected name=low..high or name=a,b,c, such as merml.dim=50..300"
            )
        if name in space:
            raise ParamsError(f"--param {name} is given twice; name all its values in one")
        space[name] = _values(text, spec)
    if not space:
        raise ParamsError("nothing to search: give --param, such as --param merml.dim=50..300")
    return space


def _values(text: str, spec: str) -> Values:
    if ".." not in spec:
        return Values(choices=tuple(dict.fromkeys(_scalar(text, part) for part in spec.split(","))))
    bounds, _, scale = spec.partition(":")
    low, high = (_scalar(text, part) for part in bounds.split("..", 1))
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in (low, high)):
        raise ParamsError(f"--param {text}: expected numbers at both ends of ..")
    if scale not in ("", "log"):
        raise ParamsError(f"--param {text}: after a range may stand :log, not :{scale}")
    if not low < high:
        raise ParamsError(f"--param {text}: an empty range; expected low < high")
    if scale and low <= 0:
        raise ParamsError(f"--param {text}: a range with :log begins above 0")
    return Values(low, high, log=bool(scale))


def _scalar(text: str, part: str) -> Any:
    try:
        value = YAML(typ="safe").load(part)  # as DVC reads what -S sets
    except (YAMLError, ValueError):
        value = []
    if isinstance(value, list | dict):
        raise ParamsError(f"--param {text}: {part!r} is no plain value")
    return value


def check(
    space: Mapping[str, Values], system: System, model: str, path: Path = Path(PARAMS)
) -> None:
    """Check that the parameters exist, have an effect, and can be what the space says.

    Parameters
    ----------
    space
    system, model
        Whose validation scores are to judge; there must be some.
    path
        ``params.yaml``.

    Raises
    ------
    ParamsError
        In one line.
    """
    written = read_yaml(path)
    known = by_dotted_key(written)
    for name, values in space.items():
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.6)
            guess = f"did you mean {near[0]}?" if near else "expected a name such as merml.dim"
            raise ParamsError(f"{path} has no {name}; {guess}")
        if written["corpus"] == "demo" and f"demo.{name}" in known:
            raise ParamsError(
                f"{name} has no effect while corpus is demo, demo.{name} is laid over it:"
                f" search demo.{name}"
            )
        *sections, key = name.split(".")
        if sections[0] == "demo":
            if written["corpus"] != "demo":
                raise ParamsError(f"{name} has no effect while corpus is {written['corpus']}")
            sections = sections[1:]
        for value in values.ends():
            changed = copy.deepcopy({k: v for k, v in written.items() if k != "demo"})
            at = changed
            for section in sections:
                at = at[section]
            at[key] = value
            validated(Params, changed, path)

    own = getattr(load((system.name,), path), system.name, None)
    waits = {f"{system.name}.patience", f"demo.{system.name}.patience"}
    if getattr(own, "patience", 1) is None and not waits & space.keys():
        raise ParamsError(
            f"{model} has no validation score to judge settings by: it learns from the validation"
            f" part too while {system.name}.patience is null; set that in {path}"
        )


def point(proposed: Mapping[str, Any]) -> dict[str, Any]:
    """Return proposed values as they are set: fractions with few digits."""
    return {
        name: float(f"{value:.{_FIGURES}g}") if isinstance(value, float) else value
        for name, value in proposed.items()
    }


def overrides(point: Mapping[str, Any]) -> list[str]:
    """Return values as ``-S`` of ``dvc exp run`` takes them."""
    return [f"{name}={_written(value)}" for name, value in point.items()]


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
