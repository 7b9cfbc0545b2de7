"""What the README shows is there, and is what its commands make."""

import importlib.util
import re
from pathlib import Path

from avlib.report.significance import LEVEL

README = Path("README.md").read_text(encoding="utf-8")
LARGEST = 60 * 1024  # bytes


def script(name):
    spec = importlib.util.spec_from_file_location(name, f"scripts/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_its_chart_is_the_first_table_of_the_results_on_people():
    page = Path("docs/results.md").read_text(encoding="utf-8")
    svg = script("readme_picture").picture(page)
    assert Path("docs/results.svg").read_text(encoding="utf-8") == svg
    first = page[page.index("| model | accuracy (%) |") :].split("\n\n")[0]
    rows = re.findall(r"^\| (\w+) \| ([\d.]+) \| ([\d.]+) to ([\d.]+) \|", first, re.M)
    assert rows
    said = re.search(r"!\[([^\]]*)\]\(docs/results\.svg\)", README)[1]
    for model, accuracy, low, high in rows:
        assert f">{model}</text>" in svg
        assert f">{accuracy}</text>" in svg
        assert re.search(rf"{model} {accuracy}[ %]+\({low} to {high}\)", said)
    assert f"{100 * LEVEL:g} % interval" in svg


def test_its_scores_of_the_box_are_those_of_the_boxs_card():
    card = Path("docs/box.md").read_text(encoding="utf-8")
    [[uar, low, high]] = re.findall(r"^\| UAR \| ([\d.]+) \| ([\d.]+) to ([\d.]+) \|", card, re.M)
    [elsewhere] = re.findall(r"On EmoDB's .*? UAR ([\d.]+) %", card)
    prose = " ".join(README.split())
    assert f"{uar} % of seven emotions (UAR, 95 % interval {low} to {high})" in prose
    assert f"of another corpus and language {elsewhere} % of six" in prose


def test_its_pictures_and_pages_are_there_and_small():
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", README)
    for target in targets:
        if "://" not in target:
            assert Path(target).exists(), target
    pictures = [Path(t) for t in targets if t.endswith((".svg", ".png"))]
    assert pictures
    assert all(picture.stat().st_size <= LARGEST for picture in pictures)
