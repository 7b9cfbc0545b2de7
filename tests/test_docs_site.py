"""The site of docs/ can be made, and no link in it is broken."""

import subprocess
import sys


def test_the_site_is_made_and_no_link_in_it_is_broken(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert 'href="results.html"' in page
    assert "http" not in page.split("</head>")[0].replace("http-equiv", "")
