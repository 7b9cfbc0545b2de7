"""Settings as DVC's experiments: which stages they concern, running them, what they left."""

import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

from avlib.runtime.errors import DataError, ParamsError

_DVC = [sys.executable, "-m", "dvc"]


@dataclass(frozen=True)
class Plan:
    """What runs in each experiment.

    Attributes
    ----------
    stages : list of str
        In their order; no others.
    copied : list of str
        Paths that they read and that Git ignores, such as weights: DVC copies them on request.
    """

    stages: list[str]
    copied: list[str]


def shown() -> list[dict[str, Any]]:
    """Return what ``dvc exp show`` shows: the workspace, then the commit with its experiments.

    Raises
    ------
    DataError
        DVC said why it cannot.
    """
    done = subprocess.run([*_DVC, "exp", "show", "--json"], stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise DataError("`dvc exp show` failed, see above; run it from the project's root")
    return json.loads(done.stdout)


def plan(names: Collection[str], model: str, train: str) -> Plan:
    """Say which stages parameters concern, up to a model's training; the last is ``evaluate``.

    Parameters
    ----------
    names
        Parameters.
    model
    train
        The stage that trains it.

    Raises
    ------
    ParamsError
        A parameter is read by no stage that the model depends on.
    DataError
        A stage before those is out of date, so that experiments would start from other data.
    """
    import networkx as nx  # loaded with DVC, which takes seconds
    from dvc.repo import Repo

    repo = Repo(".")
    graph = repo.index.graph  # from a stage to those it depends on
    (end,) = (stage for stage in graph if stage.addressing == train)
    behind = {end, *nx.descendants(graph, end)}
    concerned = set()
    for name in names:
        readers = [stage for stage in behind if _reads(stage, name)]
        if not readers:
            raise ParamsError(f"{name} is read by no stage that {model} depends on")
        concerned |= {s for reader in readers for s in (reader, *nx.ancestors(graph, reader))}
    concerned &= behind
    before = sorted(stage.addressing for stage in behind - concerned)
    if changed := repo.status(before) if before else {}:
        raise DataError(
            f"{', '.join(changed)}: out of date, and the search would start from what they left;"
            f" run `dvc repro {train}` first"
        )
    in_order = reversed(list(nx.topological_sort(graph.subgraph(concerned))))
    read = {str(dep) for stage in concerned for dep in stage.deps}
    made = {str(out) for stage in graph for out in stage.outs}
    files = sorted(path for path in read - made if path.startswith("data/"))
    return Plan([*(stage.addressing for stage in in_order), "evaluate"], _ignored(files))


def _reads(stage: Any, name: str) -> bool:
    """Say whether a stage lists a parameter, or a section that holds it."""
    keys = [key for dep in stage.params for key in dep.params]
    return any(name == key or name.startswith(f"{key}.") for key in keys)


def _ignored(paths: Sequence[str]) -> list[str]:
    """Return what lies at some paths and Git ignores."""
    if not paths:
        return []
    asked = ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "--"]
    found = subprocess.run([*asked, *paths], capture_output=True, text=True, check=True)
    return [line.rstrip("/") for line in found.stdout.splitlines()]


def run_all(settings: Sequence[Sequence[str]], plan: Plan) -> None:
    """Run experiments side by side, each in a copy of the project; what they say goes to stderr.

    The workspace and its params.yaml stay as they are. One that fails leaves no experiment.

    Parameters
    ----------
    settings
        Of each: what ``-S`` takes.
    plan
    """
    with ThreadPoolExecutor(len(settings)) as threads:
        for overrides in settings:
            # DVC's lock waits three seconds: the next one asks when this one has had it.
            started = Event()
            threads.submit(_run, overrides, plan, started)
            started.wait()


def _run(overrides: Sequence[str], plan: Plan, started: Event) -> None:
    command = [*_DVC, "exp", "run", "--temp", "--single-item"]
    command += [part for path in plan.copied for part in ("--copy-paths", path)]
    command += [part for text in overrides for part in ("--set-param", text)]
    try:
        with subprocess.Popen(
            [*command, *plan.stages], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                started.set()
                print(f"  {line}", end="", file=sys.stderr, flush=True)
    finally:
        started.set()
