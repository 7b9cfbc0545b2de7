from typer.testing import CliRunner

from avlib.cli.main import app
from avlib.runtime.errors import ParamsError


def said(*arguments):
    """Return the error that a search begins with."""
    error = CliRunner().invoke(app, ["search", *arguments]).exception
    assert isinstance(error, ParamsError)
    assert "\n" not in str(error)
    return str(error)


def test_the_model_is_what_a_parameter_begins_with_and_has_to_be_one():
    assert "--model is svm; expected one of svm_audio" in said("--param", "svm.c=1.0,2.0")
    unread = said("--param", "merml.dims=1..5", "--model", "svm_audio")
    assert "did you mean merml.dim?" in unread
    assert "search demo.gating.epochs" in said("--param", "gating.epochs=1..5")
    assert "gating has no validation score" in said("--param", "demo.gating.epochs=1..5")
