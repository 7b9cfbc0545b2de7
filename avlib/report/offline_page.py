"""Pages of HTML that need no network, and whose policy allows none.

Names of clips and models are data, which the templates escape. The only script and style that run
are those of the page, told by their digests: what a name could smuggle in never runs.
"""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def environment(folder: Path) -> Environment:
    """Return the templates of a folder; whatever is no `Markup` is escaped."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def policy(script: str, style: str) -> str:
    """Return the content policy of a page with this script and this style and what it holds."""
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)};"
        " img-src data:; media-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def data_address(content: bytes, kind: str) -> str:
    """Return the address of what a page holds, by its MIME type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
