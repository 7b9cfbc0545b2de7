"""``params.yaml`` as checked types: what all sections share, and how the file is read.

The types of the sections stand beside the code that uses them, and `avlib.params` puts them
together. The whole file is validated whenever a stage starts, so that a typing slip anywhere is an
error before anything is computed; a stage is then handed only the sections that it names, which are
the ones that its entry in ``dvc.yaml`` lists (a test compares the two).
"""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from avlib.runtime.errors import ParamsError

Positive = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A part of ``params.yaml``: unknown keys are errors, values cannot be changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


AnySection = TypeVar("AnySection", bound=Section)


def all_or_some_of(*systems: str) -> BeforeValidator:
    """Accept true, false, or a list of some systems."""

    def check(value: Any) -> Any:
        if isinstance(value, bool):
            return value
        if not isinstance(value, list) or not all(name in systems for name in value):
            raise ValueError(f"expected true, false or a list of some of {', '.join(systems)}")
        return without_repeats(value)

    return BeforeValidator(check)


def without_repeats(values: list[Any]) -> list[Any]:
    """Refuse a list that names a value twice."""
    if len(set(values)) < len(values):
        raise ValueError("names a value twice")
    return values


def read(
    schema: type[AnySection],
    overlaid: Collection[str],
    names: Collection[str],
    path: Path | str,
) -> AnySection:
    """Read ``params.yaml`` and return the named sections.

    While ``corpus`` is ``demo`` the values under ``demo:`` are laid over the sections of the same
    name. Reading a section that was not named raises AttributeError.

    Parameters
    ----------
    schema
        The type of the whole file, without ``demo:``.
    overlaid
        Sections that ``demo:`` may change.
    names
        Sections that are returned.
    path
        The file.

    Raises
    ------
    ParamsError
        The file is missing or not YAML, a key is unknown or missing, or a value is impossible.
    """
    values = _read(Path(path))
    overlay = values.pop("demo", None) or {}
    if not isinstance(overlay, dict):
        raise ParamsError(f"{path}: demo: is {overlay!r}; expected sections to lay over the rest")
    params = _validate(schema, values, path)
    merged = _validate(schema, _lay_over(values, overlay, overlaid, path), path, prefix="demo: ")
    if values["corpus"] == "demo":
        params = merged
    return schema.model_construct(**{name: getattr(params, name) for name in names})


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise ParamsError(
            f"{path} is missing; run from the project's root, where params.yaml stands"
        ) from None
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise ParamsError(f"{path} is not valid YAML: {where}; fix that line") from None
    if not isinstance(values, dict):
        raise ParamsError(f"{path} holds {type(values).__name__}; expected sections of keys")
    return values


def _lay_over(
    values: dict[str, Any], overlay: dict[str, Any], overlaid: Collection[str], path: Path | str
) -> dict[str, Any]:
    merged = dict(values)
    for section, changes in overlay.items():
        if section in values and section not in overlaid:
            raise ParamsError(
                f"{path}: demo.{section} is not tracked by dvc.yaml, so a change of it would rerun"
                f" nothing; expected {' or '.join(overlaid)}; change {section} itself"
            )
        if not isinstance(changes, dict) or not isinstance(values.get(section), dict):
            raise ParamsError(
                f"{path}: demo.{section} has no section {section}: to lay over; "
                "demo: repeats the names of other sections and the keys to change in them"
            )
        merged[section] = {**values[section], **changes}
    return merged


def _validate(
    schema: type[AnySection], values: dict[str, Any], path: Path | str, prefix: str = ""
) -> AnySection:
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(_known(schema, key.rpartition(".")[0]))
            raise ParamsError(f"{path}: {prefix}unknown key {key}; known here: {known}") from None
        if first["type"] == "missing":
            raise ParamsError(f"{path}: {prefix}key {key} is missing; add it back") from None
        found = first["input"]
        problem = first["msg"].removeprefix("Value error, ")
        raise ParamsError(f"{path}: {prefix}{key} is {found!r}: {problem}") from None


def _known(schema: type[Section], section: str) -> list[str]:
    model: Any = schema
    for part in section.split(".") if section else []:
        model = model.model_fields[part].annotation
    return sorted(model.model_fields)
