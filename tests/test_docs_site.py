"""The site of docs/ can be made, no link in it is broken, and it can be read on a phone."""

import re
import subprocess
import sys

import pytest
from browser import CHROMIUM, Browser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_is_made_and_no_link_in_it_is_broken(site):
    page = (site / "index.html").read_text(encoding="utf-8")
    assert 'href="results.html"' in page
    assert "http" not in page.split("</head>")[0].replace("http-equiv", "")


def test_no_list_is_taken_for_a_paragraph(site):
    """Where no blank line stands before a list, GitHub shows one and the site does not."""
    for page in site.glob("*.html"):
        for paragraph in re.findall(r"<p>(.*?)</p>", page.read_text(encoding="utf-8"), re.DOTALL):
            found = re.search(r"^\s*([-*]|\d+\.) .*", paragraph, re.MULTILINE)
            assert found is None, f"{page.name}: {found[0]}"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_no_page_is_wider_than_a_phone(site):
    wide = """[...document.querySelectorAll('div[role="main"] *')].filter((e) => {
      const box = e.closest("table, pre") ?? e;
      return box.getBoundingClientRect().right > innerWidth;
    }).map((e) => e.outerHTML.slice(0, 80))"""
    with Browser(400, 800, False) as browser:
        for page in sorted(site.glob("*.html")):
            browser.open(page)
            assert browser.run("document.documentElement.scrollWidth <= innerWidth"), page.name
            assert browser.run(wide) == [], page.name
