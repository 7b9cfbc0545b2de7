"""``params.yaml`` as checked types: what all sections share, and how the file is read.

The types of the sections stand beside the code that uses them, and `avlib.params` puts them
together. The whole file is validated whenever a stage starts, so that a typing slip anywhere is an
error before anything is computed; a stage is then handed only the sections that it names, which are
the ones that its entry in ``dvc.yaml`` lists (a test compares the two). It may name one key of a
section, as ``section.key``.
"""

import json
import logging
import math
import os
import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.constructor import DuplicateKeyError

from avlib.runtime.errors import ParamsError

Positive = Annotated[float, Field(gt=0)]
_Item = TypeVar("_Item")
_LARGEST = 2**31 - 1  # no setting needs more; generators of random numbers and sizes take no more
# What pydantic's kinds of errors mean to whoever wrote the value, with an example.
_EXPECTED = {
    "int_type": "a whole number, such as 3",
    "float_type": "a number, such as 0.5",
    "finite_number": "a finite number, such as 0.5",
    "bool_type": "true or false",
    "string_type": "a text, such as 'abc'",
    "list_type": "a list, such as [a, b]",
    "dict_type": "names with values, such as {a: b}",
}
# A list to choose from; one value alone may stand without its brackets.
Candidates = Annotated[
    list[_Item],
    BeforeValidator(lambda value: value if isinstance(value, list) else [value]),
    Field(min_length=1),
]


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


def read(schema: type[AnySection], names: Collection[str], path: Path | str) -> AnySection:
    """Read ``params.yaml`` and return the named sections.

    While ``corpus`` is ``demo`` the values under ``demo:`` are laid over the sections of the same
    name; a value that they hide and that changed is said, by the first stage that DVC runs with it.
    Reading a section that was not named raises AttributeError.

    Parameters
    ----------
    schema
        The type of the whole file, without ``demo:``.
    names
        Sections that are returned; of ``section.key`` this key alone.
    path
        The file.

    Raises
    ------
    ParamsError
        The file is missing or not YAML, a key is unknown or missing, or a value is impossible.
    """
    path = Path(path)
    values = read_yaml(path)
    overlay = values.pop("demo", None) or {}
    if not isinstance(overlay, dict):
        raise ParamsError(f"{path}: demo: is {overlay!r}; expected sections to lay over the rest")
    params = validated(schema, values, path, beside=["demo"])
    merged = validated(schema, _lay_over(values, overlay, path), path, prefix="demo: ")
    if values["corpus"] == "demo":
        params = merged
        whole = {name: values[name] for name in names if "." not in name}
        _say_what_is_hidden(whole, overlay, path)
    return schema.model_construct(**dict(_handed_out(params, name) for name in names))


def _handed_out(params: Section, name: str) -> tuple[str, Any]:
    """Return a section's name and the section, with one key alone where that is asked for."""
    section, _, key = name.partition(".")
    found = getattr(params, section)
    return section, type(found).model_construct(**{key: getattr(found, key)}) if key else found


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the keys of a YAML file, read as DVC reads them.

    Raises
    ------
    ParamsError
        The file is missing, not YAML in UTF-8, or holds no keys.
    """
    try:
        # As DVC reads it: 1e-5 is a number.
        values = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(
            f"{path} is missing; run from the project's root, where params.yaml stands"
        ) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ParamsError(f"{path} line {line} is not in UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise ParamsError(
            f"{path} cannot be read ({error.strerror}); expected a file of keys, as Git has it"
            " (git restore)"
        ) from None
    except DuplicateKeyError as error:
        line, key = error.problem_mark.line + 1, str(error.problem).split('"')[1]
        raise ParamsError(f"{path} line {line} has the key {key} again; keep one of them") from None
    except (YAMLError, ValueError, RecursionError) as error:  # the 31st of June, 9 x 5000 times
        where = " ".join(str(error).split())
        raise ParamsError(f"{path} is not valid YAML: {where}; fix that line") from None
    if not isinstance(values, dict):
        raise ParamsError(f"{path} holds {type(values).__name__}; expected sections of keys")
    return values


def _lay_over(values: dict[str, Any], overlay: dict[str, Any], path: Path) -> dict[str, Any]:
    merged = dict(values)
    tracked = {section for section, keys in values.items() if isinstance(keys, dict)}
    if (dvc := path.with_name("dvc.yaml")).is_file():
        tracked &= set(re.findall(r"\bdemo\.(\w+)", dvc.read_text()))
    for section, changes in overlay.items():
        if section not in values:
            raise ParamsError(f"{path}: unknown section demo.{section}{_known(section, tracked)}")
        if section not in tracked:
            raise ParamsError(
                f"{path}: demo.{section} is listed by no stage of dvc.yaml, so a change of it would"
                f" rerun nothing; change {section} itself, or list demo.{section} wherever"
                f" dvc.yaml lists {section}"
            )
        if not isinstance(changes, dict):
            raise ParamsError(
                f"{path}: demo.{section} is {changes!r}; expected keys of {section} to lay over it"
            )
        merged[section] = {**values[section], **changes}
    return merged


def _say_what_is_hidden(values: dict[str, Any], overlay: dict[str, Any], path: Path) -> None:
    """Say which keys were changed since DVC last ran this stage though ``demo:`` hides them.

    The first stage of a run says it, and no other.
    """
    lock, stage = path.with_name("dvc.lock"), os.environ.get("DVC_STAGE")  # DVC sets it
    if not stage or not lock.is_file():
        return
    stages = YAML(typ="safe").load(lock.read_text())["stages"]
    recorded = {name: s.get("params", {}).get(path.name, {}) for name, s in stages.items()}
    before = recorded.pop(stage, {})
    for section in sorted(overlay.keys() & values.keys() & before.keys()):
        for key in sorted(overlay[section].keys() & before[section].keys()):
            now = values[section][key]
            if now == before[section][key]:
                continue
            # DVC records a stage when it ends: one that ran with this value before has said so.
            if any(now == (params.get(section) or {}).get(key) for params in recorded.values()):
                continue
            name = f"{section}.{key}"
            # JSON's null and lists are those that -S takes.
            value, laid = json.dumps(now), json.dumps(overlay[section][key])
            logging.getLogger(__name__).warning(
                f"{name}: {value} has no effect while corpus is demo; demo.{name}: {laid} is laid"
                f" over it (use -S demo.{name}={value})"
            )


def validated(
    schema: type[AnySection],
    values: dict[str, Any],
    path: Path,
    prefix: str = "",
    beside: Collection[str] = (),
) -> AnySection:
    """Return values as checked types.

    Parameters
    ----------
    schema
        What is expected.
    values
        What `path` holds.
    path, prefix
        Where they stand, for errors.
    beside
        Sections that the file may hold besides, which were read apart.

    Raises
    ------
    ParamsError
        A key is unknown or missing, or a value is impossible; in one line.
    """
    for place, number in _numbers(values):
        if _LARGEST < abs(number) < math.inf:
            raise ParamsError(
                f"{path}: {prefix}{place} is {number}: expected a number between"
                f" -{_LARGEST} and {_LARGEST}"
            )
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        # A misspelt key is missing under its right name too: the slip is what helps.
        errors = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    first = errors[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        *section, name = first["loc"]
        known = [*_keys(schema, section), *(() if section else beside)]
        problem = f"unknown key {key}{_known(name, known)}"
    elif first["type"] == "missing":
        if hasattr(_type(schema, first["loc"]), "model_fields"):
            keys = ", ".join(_keys(schema, first["loc"]))
            problem = f"section {key} is missing; add it with the keys {keys}"
        else:
            problem = f"key {key} is missing; add it back"
    elif first["type"] == "model_type":
        keys = ", ".join(_keys(schema, first["loc"]))
        problem = f"{key} is {_shown(first['input'])}; expected a section of the keys {keys}"
    else:
        where = _written(values, first["loc"])
        said = _said([e for e in errors if _written(values, e["loc"]) == where])
        together = first["type"] == "value_error" and isinstance(first["input"], dict)
        problem = f"{where}: {said}" if together else f"{where} is {_shown(first['input'])}: {said}"
    raise ParamsError(f"{path}: {prefix}{problem}")


def _numbers(values: Any, place: str = "") -> Iterator[tuple[str, int | float]]:
    """Yield the numbers of nested sections and lists, each with its place."""
    if isinstance(values, int | float):
        yield place, values
    elif isinstance(values, dict | list):
        for key, value in values.items() if isinstance(values, dict) else enumerate(values):
            yield from _numbers(value, f"{place}.{key}" if place else str(key))


def _said(errors: Iterable[Any]) -> str:
    """Return what was expected instead of a value; of several types, each."""
    said: list[str] = []
    for error in errors:
        if error["type"] in _EXPECTED:
            words = f"expected {_EXPECTED[error['type']]}"
        elif error["type"] in ("too_short", "string_too_short"):
            words = f"expected at least {error['ctx']['min_length']}"
        elif error["type"] == "string_pattern_mismatch":
            words = f"expected small letters, digits and _ alone, as {error['ctx']['pattern']} says"
        else:
            words = (
                error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
            )
        said.append(words.removeprefix("expected ") if said else words)
    return ", or ".join(dict.fromkeys(said))


def _shown(value: Any) -> str:
    """Return a value as it stands in YAML, for a person to find it; texts in quotes."""
    names = {None: "null", True: "true", False: "false"}
    return names[value] if value is None or isinstance(value, bool) else repr(value)


def _written(values: Any, place: Iterable[int | str]) -> str:
    """Return a place as the file has it: without an index into a value that stands alone there.

    Where several types are allowed pydantic names the one that it tried last; that goes too.
    """
    key: list[str] = []
    for part in place:
        known = (
            values
            if isinstance(values, dict)
            else range(len(values) if isinstance(values, list) else 0)
        )
        if part not in known:
            break
        values = values[part]
        key.append(str(part))
    return ".".join(key)


def _type(schema: Any, place: Iterable[int | str]) -> Any:
    """Return the type of a section, also of one that may be null, or of a value."""
    for part in place:
        schema = schema.model_fields[part].annotation
        schema = next((t for t in get_args(schema) if hasattr(t, "model_fields")), schema)
    return schema


def _keys(schema: Any, section: Iterable[int | str]) -> list[str]:
    """Return the keys of a section."""
    return list(_type(schema, section).model_fields)


def _known(name: int | str, keys: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown name: the nearest that there is, and all."""
    keys = sorted(keys)
    near = get_close_matches(str(name), keys, n=1, cutoff=0.65)  # pfs means fps
    guess = f"; did you mean {near[0]}?" if near else ";"
    return f"{guess} known here: {', '.join(keys)}"
