import pytest


@pytest.fixture(scope="session")
def reference():
    """The library metric-learn, taught the present name of one argument of scikit-learn's."""
    import metric_learn
    from metric_learn import _util

    def renamed(function):
        def call(*args, force_all_finite=True, **kwargs):
            return function(*args, ensure_all_finite=force_all_finite, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("check_array", "check_X_y"):
            patch.setattr(_util, name, renamed(getattr(_util, name)))
        yield metric_learn
