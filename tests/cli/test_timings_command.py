import json
import re

from typer.testing import CliRunner

from avlib.cli.main import app
from avlib.runtime.timings import FOLDER


def test_stages_and_what_they_took_add_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FOLDER.mkdir(parents=True)
    work = [{"label": "faces", "count": 36, "unit": "clips", "seconds": 80.0}]
    for stage, ended, seconds, did in (
        ("faces", "2026-01-31T12:01:30+00:00", 90.0, work),
        ("clips", "2026-01-31T12:00:00+00:00", 30.0, []),
    ):
        record = {"stage": stage, "ended": ended, "seconds": seconds, "work": did}
        (FOLDER / f"{stage}.json").write_text(json.dumps(record))
    said = CliRunner().invoke(app, ["timings"], catch_exceptions=False).stdout
    rows = [re.split(r" *\| *", line.strip(" "))[1:-1] for line in said.splitlines()[2:]]
    assert rows == [
        ["clips", "2026-01-31 12:00:00", "", "30 s", "25%"],
        ["faces", "2026-01-31 12:01:30", "faces 1 min 20 s for 36 clips", "1 min 30 s", "75%"],
        ["all", "", "", "2 min 0 s", ""],
    ]
