import importlib.util
import json
from pathlib import Path

import pandas as pd
import pytest

from avlib.params import load

spec = importlib.util.spec_from_file_location("gating_table", "scripts/gating_table.py")
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)

ROWS = [{n: getattr(row, n) for n in ("windows", "length", "overlap")} for row in script.TABLE_I]
ROWS += [values for values, _ in script.ABLATIONS.values()]


@pytest.mark.parametrize("corpus", ["demo", "ravdess"])
@pytest.mark.parametrize("values", ROWS, ids=str)
def test_a_row_changes_what_it_names_and_nothing_else(values, corpus, tmp_path):
    before = load(
        ("gating", "modern", "protocol"), _written(script.laid_over({}), corpus, tmp_path)
    )
    after = load(
        ("gating", "modern", "protocol"), _written(script.laid_over(values), corpus, tmp_path)
    )
    assert after.gating.train == ["gating"]
    assert after.gating == before.gating.model_copy(update=values)
    assert (after.modern, after.protocol) == (before.modern, before.protocol)


def _written(params, corpus, folder):
    file = folder / "params.yaml"
    file.write_text(json.dumps(params | {"corpus": corpus}))
    return file


def test_a_row_finds_the_inputs_and_leaves_the_projects_models_alone(tmp_path, monkeypatch):
    params = Path("params.yaml").read_text()
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(params)
    for name in ("speech", "models/gating", "predictions", "gates", "embeddings"):
        Path("data", name).mkdir(parents=True)
    Path("data/models/gating/kept").touch()
    for _ in range(2):  # the second time everything is there
        folder = script.laid_out({"windows": 2, "overlap": 0.0})
        assert [path.name for path in (folder / "data").iterdir()] == ["speech"]
        (folder / "data" / "models").mkdir()
        (folder / ".memo" / "remembered").touch()
        (folder / ".memo" / "decoded" / "a").touch()
    assert Path(".memo/decoded/a").is_file()  # shared by all rows
    assert not Path(".memo/remembered").exists()
    assert Path("data/models/gating/kept").is_file()
    assert folder != script.laid_out({"windows": 4, "overlap": 0.0})


def test_what_was_measured_stands_beside_what_was_published(monkeypatch, capsys):
    clips = pd.DataFrame({"clip_id": ["a", "b"], "subject": ["s", "t"]})
    folds = pd.DataFrame({"clip_id": ["a", "b"], "fold": [0, 1]})
    read = {"clips.parquet": clips, "folds.parquet": folds}
    monkeypatch.setattr(script.tables, "read_table", lambda path: read[path.name])
    monkeypatch.setattr(script.subprocess, "run", lambda *_, **__: None)
    asked = []
    monkeypatch.setattr(
        script, "scored", lambda values: asked.append(values) or [f"m{len(asked)}", "u", "2"]
    )
    script.main()
    lines = capsys.readouterr().out.splitlines()
    assert asked == ROWS
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "| m" in line]
    assert rows[0] == ["2", "1", "0.5", "m1", "u", "2", "64.1", "73.7"]
    assert rows[4] == ["8", "1", "0.5", "m5", "u", "2", "67.7", "–"]
    assert rows[8] == ["each window mined by itself", "m9", "u", "2", rows[8][4]]
    assert "3 points" in rows[8][4]
