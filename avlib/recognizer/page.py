"""The page of one recording: it plays beside what is said of it over time.

A page is one file that needs nothing else.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from PIL import Image

from avlib.media import probe
from avlib.recognizer import chart
from avlib.recognizer.playable import playable
from avlib.recognizer.recognizer import Recognised, Recognizer, printable
from avlib.recognizer.traces import PICTURES, Traces
from avlib.report import offline_page

_FOLDER = Path(__file__).parent
_STRETCHED = 120  # moments from which the chart can be drawn wider than the window


def page(
    path: Path | str, recognizer: Recognizer, found: Recognised, every: float, window: float
) -> str:
    """Return the page of a recording as HTML.

    Parameters
    ----------
    path
        The recording.
    recognizer, found
        The model, and what it says.
    every, window
        s, as of `Recognizer.recognise`.
    """
    traces = found.traces
    reasons = list(dict.fromkeys(said.reason for said in found.moments))
    moments = {
        "every": every,
        "duration": traces.duration,
        "emotions": recognizer.emotions,
        # Per mille: a recording of hours has a hundred thousand of them.
        "said": [_per_mille(said.probabilities) for said in found.moments],
        "reasons": reasons,
        "reason": [reasons.index(said.reason) for said in found.moments],
    }
    few, step = chart.thinned(found)
    n = len(recognizer.emotions)
    drawn = {
        "step": step,
        "lines": chart.lines(few, step * every, n),
        "all_lines": chart.lines(found, every, n) if step > 1 else [],
        "unsaid": chart.spans(chart.unsaid(found, every), traces.duration),
        "unseen": chart.spans(traces.unseen(), traces.duration),
        "voiced": chart.spans(traces.voiced, traces.duration),
        "envelope": chart.envelope(traces),
    }
    return _rendered(
        "page.html.jinja",
        script=_text("page.js"),
        name=Path(printable(path)).name,
        model=recognizer.name,
        whole=recognizer.row(found.whole),
        mille=_per_mille(found.whole.probabilities),
        moments=moments,
        window=window,
        played=playable(path, probe(path), recognizer.channels),
        traces=traces,
        drawn=drawn,
        faces=_faces(traces),
        stretched=len(found.moments) > _STRETCHED,
    )


def index(rows: Sequence[dict[str, Any]], pages: Sequence[str | None]) -> str:
    """Return the page that lists the pages of several recordings.

    Parameters
    ----------
    rows
        Of each recording, as of `Recognizer.predict`.
    pages
        Name of each one's page; None of one that could not be read.
    """
    return _rendered("index.html.jinja", script=Markup(), rows=zip(rows, pages, strict=True))


def _per_mille(probabilities: Any) -> list[int] | None:
    return None if probabilities is None else (1000 * probabilities).round().astype(int).tolist()


def _faces(traces: Traces) -> list[str]:
    """Return the address of the face in each part of the recording; "" where there is none."""
    found = [""] * PICTURES
    for time, face in traces.faces:
        file = io.BytesIO()
        Image.fromarray(face).save(file, "jpeg", quality=80)
        picture = offline_page.data_address(file.getvalue(), "image/jpeg")
        found[int(time / traces.duration * PICTURES)] = picture
    return found


def _rendered(template: str, script: Markup, **values: Any) -> str:
    style = _text("page.css")
    policy = offline_page.policy(script, style)
    environment = offline_page.environment(_FOLDER)
    return environment.get_template(template).render(
        script=script, style=style, policy=policy, **values
    )


def _text(name: str) -> Markup:
    return Markup((_FOLDER / name).read_text(encoding="utf-8"))
