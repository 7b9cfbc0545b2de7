import builtins

import pytest

from avlib.report.experiments import Experiment
from avlib.runtime.errors import DataError, ParamsError
from avlib.search.space import parse
from avlib.search.trials import make_sampler, propose

SPACE = parse(["x=0.0..1", "kind=a,b"])


class Lab:
    """Runs settings at once, remembers them, and counts."""

    def __init__(self, fails=lambda point: False):
        self.experiments, self.batches, self.fails = [], [], fails

    def run(self, points):
        self.batches.append(list(points))
        for point in points:
            if not self.fails(point):
                validation = {
                    "accuracy": 1 - abs(point["x"] - 0.3) - (point["kind"] == "b"),
                    "accuracy_std": 0.0,
                }
                scores = {"m": {"validation": validation, "test": {"accuracy": 0.0}}}
                name = f"e{len(self.experiments)}"
                self.experiments.append(Experiment(name, point, scores, {"m": "none"}))

    def search(self, n, at_once=1, sampler="tpe", seed=0):
        return list(
            propose(
                "m",
                SPACE,
                make_sampler(sampler, seed),
                n,
                at_once=at_once,
                finished=lambda: self.experiments,
                run=self.run,
            )
        )

    @property
    def ran(self):
        return sum(map(len, self.batches))


def best(trials):
    return max(t.experiment.scores["m"]["validation"]["accuracy"] for t in trials if t.experiment)


def test_tpe_comes_nearer_to_the_best_than_its_first_trials():
    trials = Lab().search(60)
    assert len(trials) == 60
    assert best(trials) > max(best(trials[:10]), 0.95)
    late = trials[-20:]
    assert sum(trial.point["kind"] == "a" for trial in late) > 12


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("at_once", [1, 4])
def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(sampler, at_once):
    whole = Lab().search(24, at_once, sampler)
    lab = Lab()
    lab.search(16, at_once, sampler)
    assert lab.ran == 16
    resumed = lab.search(24, at_once, sampler)
    assert lab.ran == 24
    assert [trial.point for trial in resumed] == [trial.point for trial in whole]
    assert [trial.known for trial in resumed] == [True] * 16 + [False] * 8


def test_batches_run_together_and_the_last_is_what_is_left():
    lab = Lab()
    lab.search(10, at_once=4, sampler="random")
    assert [len(batch) for batch in lab.batches] == [4, 4, 2]


def test_settings_that_come_twice_run_once():
    lab = Lab()
    space = parse(["x=0.5", "kind=a,b"])
    proposer = make_sampler("random", 0)
    trials = list(
        propose("m", space, proposer, 12, at_once=3, finished=lambda: lab.experiments, run=lab.run)
    )
    assert len(trials) == 12
    assert lab.ran == 2


def test_other_seeds_propose_other_settings():
    assert Lab().search(3)[0].point != Lab().search(3, seed=1)[0].point


def test_a_trial_that_fails_costs_the_others_nothing():
    lab = Lab(fails=lambda point: point["kind"] == "b")
    trials = lab.search(12)
    failed = [trial for trial in trials if trial.experiment is None]
    assert failed
    assert "failed" in failed[0].line("m")
    assert all(t.point["kind"] == "b" for t in failed)
    assert "validation" in next(t for t in trials if t.experiment).line("m")


def test_where_all_of_the_first_trials_fail_the_search_stops():
    lab = Lab(fails=lambda point: True)
    with pytest.raises(DataError, match="first trials failed"):
        lab.search(12, at_once=2)
    assert lab.ran == 2


def test_unknown_samplers_are_listed_and_a_missing_optuna_says_how_to_install_it(monkeypatch):
    with pytest.raises(ParamsError, match="expected one of tpe, random"):
        make_sampler("grid", 0)
    known = builtins.__import__

    def without_optuna(name, *arguments, **keywords):
        if name == "optuna":
            raise ImportError(name)
        return known(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_optuna)
    with pytest.raises(ParamsError, match=r"pip install .*\[search\]"):
        make_sampler("tpe", 0)
