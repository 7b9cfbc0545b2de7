"""The report as one HTML file: it needs no network, and its policy allows none.

Names of clips and models are data, which the templates escape. The only script and style that run
are those of the page, told by their digests.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from avlib.report.chart import MARKS

if TYPE_CHECKING:
    from avlib.report.page import Page

_FOLDER = Path(__file__).parent / "html"
_KINDS = {".csv": "text/csv", ".json": "application/json"}


def html_page(page: "Page") -> str:
    """Return a page as HTML that holds all it shows."""
    style = Markup(_text("chart.css") + _text("page.css"))
    script = Markup(_text("page.js"))
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)};"
        " img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
    )
    return rendered(
        "report.html.jinja", page=page, style=style, script=script, policy=policy, marks=MARKS
    )


def rendered(template: str, **values: Any) -> Markup:
    """Render one of the templates of HTML; whatever is no `Markup` is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": _cell, "shade": _shade, "address": _address}
    return Markup(environment.get_template(template).render(**values))


@pass_context
def _cell(context: Context, text: str) -> Markup:
    """Show a cell: the name of a model with its mark, any other long name breakable."""
    look = context["page"].looks.get(text)
    if look is None:
        return Markup(re.sub(r"([_/])(?=\w)", r"\1<wbr>", str(Markup.escape(text))))
    mark = '<svg class="sign g{}" viewBox="-7 -7 14 14"><use href="#mark{}"/></svg>&nbsp;{}'
    return Markup(mark).format(look.colour, look.mark, text)


def _shade(text: str) -> str:
    """Return the class of a cell that begins with a number of 0 to 100; "" of any other."""
    number = re.match(r"\d+(\.\d+)?", text)
    return f" s{min(round(float(number[0]) / 10), 10)}" if number else ""


def _address(text: str, name: str) -> str:
    """Return an address that holds a file to take along."""
    content = base64.b64encode(text.encode()).decode()
    return f"data:{_KINDS[Path(name).suffix]};base64,{content}"


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
