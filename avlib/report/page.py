"""A page of tables and pictures, written as Markdown and as one HTML file that needs no network.

The page is plain data, so that a new analysis is one more `Section`. Every text in it counts as
data: names of clips come from file names, and are escaped in both formats.
"""

import base64
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from avlib.runtime.tables import atomic_path

_CSS_PIXELS_PER_PIXEL = 96 / 150  # pictures are drawn at 150 dots per inch


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
    """

    columns: Sequence[str]
    align: str
    rows: Sequence[Sequence[str]]
    folded: str = ""

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
    """A PNG; `name` is its file's, `alt` says what it shows to who cannot see it."""

    name: str
    png: bytes
    alt: str

    @property
    def data_uri(self) -> str:
        """The picture as an address that holds it."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()

    @property
    def width(self) -> int:
        """Width on a page, in CSS pixels."""
        return round(struct.unpack(">I", self.png[16:20])[0] * _CSS_PIXELS_PER_PIXEL)


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs, tables, pictures and a block of code, in this order."""

    title: str
    text: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    code: str = ""

    @property
    def anchor(self) -> str:
        """Name to link to."""
        return re.sub(r"\W+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Page:
    """A titled list of sections; `banner` is a warning above them."""

    title: str
    sections: Sequence[Section]
    banner: str = ""


def write_page(folder: Path | str, page: Page) -> None:
    """Write ``report.md``, ``report.html`` and ``pictures/*.png`` (which the Markdown shows)."""
    folder = Path(folder)
    for section in page.sections:
        for picture in section.pictures:
            with atomic_path(folder / "pictures" / f"{picture.name}.png") as temporary:
                temporary.write_bytes(picture.png)
    html = _rendered("report.html.jinja", page, autoescape=True)
    for name, text in (("report.md", markdown(page)), ("report.html", html)):
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def markdown(page: Page) -> str:
    """Return a page as Markdown; it shows pictures from a folder ``pictures`` beside it."""
    return _rendered("report.md.jinja", page, autoescape=False)


def _rendered(template: str, page: Page, *, autoescape: bool) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"md": markdown_text, "breakable": _breakable}
    return environment.get_template(template).render(page=page)


def markdown_text(text: str) -> str:
    """Escape what Markdown, or HTML inside it, would read as markup."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"([\\`*|\[\]])", r"\\\1", text)
    # An underscore inside a word is no markup, and names are full of them.
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)


def _breakable(text: str) -> Markup:
    """Let a long name break after its underscores and slashes."""
    return Markup(re.sub(r"([_/])(?=\w)", r"\1<wbr>", str(Markup.escape(text))))
