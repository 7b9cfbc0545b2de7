"""Make the README's pictures.

    python scripts/readme_picture.py

writes docs/results.svg: the accuracy of each model with its interval over people, as on top of a
report, from the first table of docs/results.md (which scripts/results_on_people.py makes).

    python -m avlib predict data/raw/demo/S01/S01_happiness_1.mp4 --every 0.25 --out said
    python scripts/readme_picture.py said/pictures/S01_happiness_1.png

writes docs/predict.png, that picture made small: what the model in the box says of a generated
person, after `make demo` has drawn the demo corpus.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from PIL import Image

from avlib import registry
from avlib.report.chart import Row, Scale, rows_chart, standalone
from avlib.report.looks import looks
from avlib.runtime.tables import atomic_path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "results.svg"
SMALL = ROOT / "docs" / "predict.png"
WIDTH, COLOURS = 900, 64  # of the small picture


def main() -> None:
    """Write one of the pictures."""
    if sys.argv[1:]:
        small(Path(sys.argv[1]))
        return
    svg = picture((ROOT / "docs" / "results.md").read_text(encoding="utf-8"))
    with atomic_path(OUT) as temporary:
        temporary.write_text(svg, encoding="utf-8")


def picture(page: str) -> str:
    """Return the chart of the first table of scores on a page of results on people."""
    people, chance = re.findall(r"of (\d+) people, \d+ emotions \(chance ([\d.]+) %\)", page)[0]
    table = page[page.index("| model | accuracy (%) |") :].split("\n\n")[0].splitlines()[2:]
    groups = looks((model, system.group) for model, system in registry.models().items())
    rows = []
    for line in table:
        model, accuracy, bounds = (cell.strip() for cell in line.split("|")[1:4])
        low, high = map(float, bounds.split(" to "))
        rows.append(Row(model, groups[model], float(accuracy), low, high, said=accuracy))
    rows.sort(key=lambda row: -(row.value or 0))
    blocks: dict[str, list[Row]] = {}
    for row in rows:
        blocks.setdefault(row.look.group, []).append(row)
    axis = f"accuracy (%) and its 95 % interval over {people} people"
    alt = "; ".join(f"{row.name} {row.said} ({row.low} to {row.high})" for row in rows)
    scale = Scale(0, 100, range(0, 101, 20), float(chance), "chance", axis)
    return standalone(rows_chart(blocks, scale, alt, width=720, names=175))


def small(file: Path) -> None:
    """Write a picture of `python -m avlib predict` at most `WIDTH` pixels wide, in few colours."""
    image = Image.open(file).convert("RGB")
    image.thumbnail((WIDTH, WIDTH * 2), Image.Resampling.LANCZOS)
    with atomic_path(SMALL) as temporary:
        image.quantize(COLOURS).save(temporary, "png", optimize=True)


if __name__ == "__main__":
    main()
