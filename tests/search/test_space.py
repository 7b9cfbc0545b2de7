from pathlib import Path

import optuna
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from avlib.registry import models
from avlib.runtime.errors import ParamsError
from avlib.runtime.params import read_yaml
from avlib.search.space import Values, check, overrides, parse, point


def test_ranges_and_choices_are_read():
    found = parse(["a.b=50..300", "c=0.5..2", "d=0.001..1:log", "e=pca,random", "f=2,true,null"])
    assert found == {
        "a.b": Values(50, 300),
        "c": Values(0.5, 2),
        "d": Values(0.001, 1, log=True),
        "e": Values(choices=("pca", "random")),
        "f": Values(choices=(2, True, None)),
    }
    kinds = [type(values.distribution()) for values in found.values()]
    d = optuna.distributions
    choices = d.CategoricalDistribution
    assert kinds == [*(d.IntDistribution,), *(d.FloatDistribution,) * 2, choices, choices]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("merml.dim", "expected name=low..high"),
        ("merml.dim=", "expected name=low..high"),
        ("merml.dim=300..50", "an empty range"),
        ("merml.dim=5..5", "an empty range"),
        ("merml.dim=1..x", "expected numbers"),
        ("merml.dim=1..5:square", "not :square"),
        ("merml.omega=0.0..1:log", "begins above 0"),
        ("merml.init=[pca],random", r"no plain value"),
    ],
)
def test_what_is_no_space_is_said_in_one_line(text, said):
    with pytest.raises(ParamsError, match=said) as error:
        parse([text])
    assert "\n" not in str(error.value)


def test_a_parameter_comes_once_and_there_is_one():
    with pytest.raises(ParamsError, match="given twice"):
        parse(["merml.dim=1..5", "merml.dim=10..20"])
    with pytest.raises(ParamsError, match="nothing to search"):
        parse([])


@pytest.mark.parametrize(
    ("text", "model", "said"),
    [
        ("merml.dims=1..5", "merml", "did you mean merml.dim?"),
        ("merml.dim=0..5", "merml", "merml.dim is 0: expected greater"),
        ("merml.init=pca,foo", "merml", "merml.init is 'foo': expected"),
        ("gating.epochs=1..5", "gating", "search demo.gating.epochs"),
        ("demo.gating.epochs=1..5", "gating", "while gating.patience is null"),
        ("demo.gating.windows=0..5", "gating", "gating.windows is 0"),
    ],
)
def test_values_that_cannot_be_or_do_nothing_are_refused(text, model, said):
    with pytest.raises(ParamsError, match=said) as error:
        check(parse([text]), models()[model], model)
    assert "\n" not in str(error.value)


def test_what_has_an_effect_is_accepted(tmp_path):
    check(parse(["merml.dim=1..5", "merml.init=pca,random"]), models()["merml"], "merml")
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["gating"]["patience"] = 3
    values["corpus"] = "ravdess"
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    check(parse(["gating.epochs=1..5"]), models()["gating"], "gating", path)
    with pytest.raises(ParamsError, match="no effect while corpus is ravdess"):
        check(parse(["demo.gating.epochs=1..5"]), models()["gating"], "gating", path)


SCALARS = st.one_of(
    st.integers(-1000, 1000), st.floats(1e-6, 1e6), st.booleans(), st.none(), st.just("pca")
)


@given(SCALARS)
def test_what_is_written_for_dvc_reads_back_as_the_point(tmp_path_factory, value):
    """As a key of a YAML file, which is where DVC puts it."""
    proposed = point({"x": value})
    (text,) = overrides(proposed)
    path = tmp_path_factory.mktemp("written") / "params.yaml"
    path.write_text(text.replace("=", ": "))
    assert read_yaml(path) == proposed
    if isinstance(value, float):
        assert proposed["x"] == pytest.approx(value, rel=1e-3)
