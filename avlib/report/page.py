"""A page of tables and pictures, written as Markdown and as one HTML file that needs no network.

The page is plain data, so that a new analysis is one more `Section`. Every text in it counts as
data: names of clips come from file names, and are escaped in both formats.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from avlib.report.chart import standalone
from avlib.report.html_page import html_page
from avlib.runtime.tables import atomic_path

if TYPE_CHECKING:
    from avlib.report.headline import Headline
    from avlib.report.looks import Look


@dataclass(frozen=True)
class Table:
    """Rows of texts under a header.

    Parameters
    ----------
    columns
        Header.
    align
        One letter a column: l (text) or r (numbers). The last letter also stands for all columns
        that follow it.
    folded
        In HTML, show the rows only when the reader opens them under this line.
    model
        The one model that the rows are about; a report moves them into that model's part.
    shaded
        In HTML, cells that begin with a number are the darker the larger it is, of 0 to 100.
    sortable
        In HTML, the reader can sort the rows by each column, and look for words in them.
    """

    columns: Sequence[str]
    align: str
    rows: Sequence[Sequence[str]]
    folded: str = ""
    model: str = ""
    shaded: bool = False
    sortable: bool = False

    def __post_init__(self) -> None:
        whole = self.align.ljust(len(self.columns), self.align[-1])
        object.__setattr__(self, "align", whole)  # the usual way to complete a frozen value
        widths = {len(self.columns), len(self.align), *map(len, self.rows)}
        if len(widths) > 1:
            raise ValueError(f"table {self.columns}: rows and header differ in length: {widths}")


def filled(*tables: Table) -> list[Table]:
    """Return the tables that have rows."""
    return [table for table in tables if table.rows]


@dataclass(frozen=True)
class Picture:
    """An SVG of `figure.figure`; `name` is its file's, `alt` says what it shows to the blind.

    `model` is the one model that it is about, as of `Table`.
    """

    name: str
    svg: str
    alt: str
    model: str = ""

    @property
    def file(self) -> tuple[str, bytes]:
        """Name and content of its file."""
        return f"{self.name}.svg", standalone(self.svg).encode()

    @property
    def html(self) -> Markup:
        """The picture in its natural size, or as wide as the page."""
        return Markup(f'<div class="panels">{self.svg}</div>')


@dataclass(frozen=True)
class Drawing:
    """A chart of `chart.rows_chart` in two widths; `name`, `alt` and `model` as of `Picture`."""

    name: str
    wide: str
    narrow: str
    alt: str
    model: str = ""

    @property
    def file(self) -> tuple[str, bytes]:
        """Name and content of its file."""
        return f"{self.name}.svg", standalone(self.wide).encode()

    @property
    def html(self) -> Markup:
        """Both widths, of which the page shows one."""
        return Markup(f'<div class="wide">{self.wide}</div><div class="narrow">{self.narrow}</div>')


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs, tables, pictures and a block of code, in this order.

    In HTML it is shown where it is `opened`, else when the reader opens it; `html` stands before
    the tables, of which Markdown has nothing else.
    """

    title: str
    text: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture | Drawing] = ()
    code: str = ""
    opened: bool = False
    html: str = ""  # or Markup, which is not escaped

    @property
    def anchor(self) -> str:
        """Name to link to."""
        return re.sub(r"\W+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class ModelPart:
    """What a report says of one model alone.

    Attributes
    ----------
    model, line : str
        Its name, and what it is.
    score : str
        Its accuracy in words.
    pieces : sequence of Section
        Tables and pictures of the model, under the titles of the sections that made them.
    """

    model: str
    line: str
    score: str
    pieces: Sequence[Section]

    @property
    def anchor(self) -> str:
        """Name to link to."""
        return f"model-{self.model}"


@dataclass(frozen=True)
class Page:
    """A titled list of sections.

    Attributes
    ----------
    banner : str
        A warning above them.
    about : str
        Below the title: of what and by what the page was made.
    headline : Headline or None
        What the page says first.
    models : sequence of ModelPart
        Shown after the opened sections' first.
    looks : mapping of str to Look
        In HTML, cells that name one of these models show its mark.
    files : mapping of str to str
        Tables to take along, by the names of their files.
    """

    title: str
    sections: Sequence[Section]
    banner: str = ""
    about: str = ""
    headline: "Headline | None" = None
    models: Sequence[ModelPart] = ()
    looks: Mapping[str, "Look"] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def pictures(self) -> list[Picture | Drawing]:
        """All of them, as they come."""
        pieces = [piece for part in self.models for piece in part.pieces]
        first: list[Picture | Drawing] = []
        if self.headline and self.headline.drawing:
            first.append(self.headline.drawing)
        return first + [p for section in (*self.sections, *pieces) for p in section.pictures]


def write_page(folder: Path | str, page: Page) -> None:
    """Write ``report.md``, ``report.html``, its `files`, and the pictures that Markdown shows."""
    folder = Path(folder)
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    for picture in page.pictures:
        name, content = picture.file
        (folder / "pictures" / name).write_bytes(content)
    texts = {"report.md": markdown(page), "report.html": html_page(page), **page.files}
    for name, text in texts.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def markdown(page: Page) -> str:
    """Return a page as Markdown; it shows pictures from a folder ``pictures`` beside it."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = markdown_text
    return environment.get_template("report.md.jinja").render(page=page)


def markdown_text(text: str) -> str:
    """Escape what Markdown, or HTML inside it, would read as markup."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"([\\`*|\[\]])", r"\\\1", text)
    # An underscore inside a word is no markup, and names are full of them.
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)
