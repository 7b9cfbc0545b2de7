"""The report as one HTML file that needs no network."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from avlib.report import offline_page
from avlib.report.chart import MARKS

if TYPE_CHECKING:
    from avlib.report.page import Page

_FOLDER = Path(__file__).parent / "html"
_KINDS = {".csv": "text/csv", ".json": "application/json"}


def html_page(page: "Page") -> str:
    """Return a page as HTML that holds all it shows."""
    style = Markup(_text("chart.css") + _text("page.css"))
    script = Markup(_text("page.js"))
    policy = offline_page.policy(script, style)
    return rendered(
        "report.html.jinja", page=page, style=style, script=script, policy=policy, marks=MARKS
    )


def rendered(template: str, **values: Any) -> Markup:
    """Render one of the templates of HTML; whatever is no `Markup` is escaped."""
    environment = offline_page.environment(_FOLDER)
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
    return offline_page.data_address(text.encode(), _KINDS[Path(name).suffix])


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
