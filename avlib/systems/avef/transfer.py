"""Networks of another corpus in ``data/weights/avef``, and that they meet none of its people."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from avlib.runtime import paths, tables
from avlib.runtime.errors import DataError, LeakError, WeightsError
from avlib.systems.avef.weights import TRANSFER

FACTS = "facts.json"


def carry(source: Path, target: Path = TRANSFER) -> dict[str, Any]:
    """Copy a trained model's networks, and note who taught them.

    Parameters
    ----------
    source : Path
        A fold of ``data/models/avef`` or ``avef_raw``, or what stage ``final`` made of one. The
        tables ``clips`` and ``folds`` must still be those that it learned from.
    target : Path
        Where to; networks there are replaced.

    Returns
    -------
    dict
        What is written as ``facts.json``: source, corpora, and subjects, each of which is named
        after its corpus.

    Raises
    ------
    DataError
        There is no such model, or it is not of these tables.
    """
    folder = source / "model" if (source / "model").is_dir() else source
    settings = folder / "settings.json"
    if not settings.is_file():
        raise DataError(f"no networks in {source}; expected a fold such as data/models/avef/fold-0")
    arguments = json.loads(settings.read_text())["arguments"]
    used = arguments["modalities"]
    names = [*used, *(["joint"] if len(used) == 2 else [])]
    learned = _learned(source.name)
    corpora, subjects = set(learned["corpus"].astype(str)), people(learned)
    # Networks that began with others' know their teachers, too.
    if arguments["weights"] == "transfer":
        before = read_facts(target)
        corpora |= set(before["corpora"])
        subjects |= set(before["subjects"])
    facts = {
        "source": source.as_posix(),
        "system": arguments["system"],
        "corpora": sorted(corpora),
        "subjects": sorted(subjects),
    }
    target.mkdir(parents=True, exist_ok=True)
    (target / FACTS).unlink(missing_ok=True)  # never beside networks that it is not of
    for old in target.glob("*.safetensors"):
        old.unlink()
    for name in names:
        shutil.copyfile(folder / f"{name}.safetensors", target / f"{name}.safetensors")
    (target / FACTS).write_text(json.dumps(facts, indent=2) + "\n")
    return facts


def require_strangers(target: Path = TRANSFER) -> None:
    """Check that nobody in table ``clips`` taught the networks to begin with.

    Raises
    ------
    LeakError
        Somebody did.
    WeightsError
        It is not known who did.
    """
    known = set(read_facts(target)["subjects"])
    if met := sorted(known & people(tables.read_table(paths.CLIPS, ["corpus", "subject"]))):
        more = f" and {len(met) - 3} more" if len(met) > 3 else ""
        raise LeakError(
            f"avef.weights is transfer, and the networks in {target} learned from"
            f" {', '.join(met[:3])}{more}, who are in this corpus, too; carry networks of other"
            " people, or set avef.weights: none"
        )


def read_facts(target: Path = TRANSFER) -> Mapping[str, Any]:
    """Return what `carry` noted; WeightsError where it noted nothing."""
    file = target / FACTS
    if not file.is_file():
        raise WeightsError(
            f"{file} is missing: avef.weights is transfer, and nothing tells whom its networks"
            " learned from; copy them with scripts/avef_transfer.py, or set avef.weights: none"
        )
    return json.loads(file.read_text())


def people(rows: pd.DataFrame) -> set[str]:
    """Name the subjects of clips after their corpus, whether it is joined with others or not."""
    corpus = rows["corpus"].astype(str)
    names = zip(corpus, rows["subject"].astype(str), strict=True)
    return {f"{of}-{subject.removeprefix(f'{of}-')}" for of, subject in names}


def _learned(name: str) -> pd.DataFrame:
    """Return the clips that a fold learned from, or, of a model of all clips, all of them."""
    clips = tables.read_table(paths.CLIPS, ["clip_id", "corpus", "subject"])
    folds = tables.read_table(paths.FOLDS)
    if fold := re.fullmatch(r"fold-(\d+)", name):
        folds = folds[(folds["fold"] == int(fold[1])) & (folds["part"] != "test")]
    if folds.empty:
        raise DataError(f"{paths.FOLDS} has no {name}; the tables must be those it learned from")
    return clips[clips["clip_id"].isin(folds["clip_id"])]
