"""Clips that models take for another emotion and are sure of it: to look at and to listen to."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from avlib.report.formats import percent
from avlib.report.html_page import rendered
from avlib.report.page import Section, Table
from avlib.report.report_data import ReportData
from avlib.report.scores import DEFAULT, emotions_of
from avlib.report.words import words_beside

SHOWN = 12  # clips
_WORDS = words_beside(__file__)
Media = Callable[[str, str], str]  # of clip and subject: an address that holds it, or ""


@dataclass
class Mistaken:
    """A clip, and the models that take it for another emotion, the surest first.

    Attributes
    ----------
    clip_id, subject, emotion : str
    said : list of tuple of str, str, float
        Model, emotion that it says, and with what probability.
    face, sound : str
        Addresses that hold them; "" of none.
    """

    clip_id: str
    subject: str
    emotion: str
    said: list[tuple[str, str, float]] = field(default_factory=list)
    face: str = ""
    sound: str = ""


def mistaken(data: ReportData) -> list[Mistaken]:
    """Choose clips: of each model in turn the surest mistake that is not chosen yet.

    In turn, since models are not equally sure of what they say, and one would fill the page alone.
    """
    wrong = _wrong(data)
    by_model = [
        iter(wrong.loc[wrong["model"] == model, "clip_id"].tolist()) for model in data.predictions
    ]
    chosen: dict[str, Mistaken] = {}
    of_clip = data.clips.set_index("clip_id")
    while by_model and len(chosen) < SHOWN:
        for surest in list(by_model):
            clip_id = next((c for c in surest if c not in chosen), None)
            if clip_id is None:
                by_model.remove(surest)
            elif len(chosen) < SHOWN:
                who, emotion = of_clip.loc[clip_id, ["subject", "emotion"]]
                chosen[clip_id] = Mistaken(clip_id, str(who), str(emotion))
    columns = ["clip_id", "model", "predicted", "sure"]
    for clip_id, model, predicted, sure in wrong[columns].itertuples(index=False, name=None):
        if clip_id in chosen:
            chosen[clip_id].said.append((model, predicted, sure))
    return list(chosen.values())


def mistakes_section(data: ReportData, face: Media, sound: Media) -> Section | None:
    """Show `mistaken` clips with face and sound; None where no model is wrong.

    Parameters
    ----------
    data
        Tables of the run.
    face, sound
        See `clip_media`.
    """
    clips = mistaken(data)
    if not clips:
        return None
    for clip in clips:
        clip.face = face(clip.clip_id, clip.subject)
        clip.sound = sound(clip.clip_id, clip.subject)
    models = [m for m in data.predictions if any(m == said[0] for c in clips for said in c.said)]
    emotions = sorted({clip.emotion for clip in clips})
    html = rendered(
        "mistakes.html.jinja", clips=clips, models=models, emotions=emotions, percent=percent
    )
    rows = [
        [c.clip_id, c.emotion, "; ".join(f"{m}: {e} {percent(p)} %" for m, e, p in c.said)]
        for c in clips
    ]
    table = Table(["clip", "is", "is taken for"], "l", rows, "As a table")
    text = _WORDS("mistakes", n=len(clips))
    return Section("Sure and wrong", text, [table], opened=True, html=html)


def _wrong(data: ReportData) -> pd.DataFrame:
    """Rows of mistakes: clip_id, model, predicted and the probability of that, the surest first."""
    found = []
    for model, table in data.predictions.items():
        rows = table[(table["condition"] == DEFAULT) & (table["predicted"] != table["emotion"])]
        emotions = emotions_of(table)
        probabilities = rows[[f"prob_{emotion}" for emotion in emotions]].to_numpy()
        said = pd.Index(emotions).get_indexer(pd.Index(rows["predicted"]))
        sure = probabilities[np.arange(len(rows)), said]
        found.append(rows[["clip_id", "predicted"]].assign(model=model, sure=sure))
    wrong = (
        pd.concat(found)
        if found
        else pd.DataFrame(columns=["clip_id", "predicted", "model", "sure"])
    )
    return wrong.sort_values(["sure", "clip_id"], ascending=[False, True], kind="stable")
