"""What the gating paradigm says of a recording while it goes on, gate by gate."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from avlib.media import probe
from avlib.recognizer.describe import Describer
from avlib.recognizer.observe import spans
from avlib.recognizer.recognizer import Recognizer, Said
from avlib.runtime.errors import ParamsError
from avlib.systems.common.sequences import SequenceClips

if TYPE_CHECKING:
    from avlib.systems.gating.model import GatingModel


def follow(recognizer: Recognizer, path: Path | str) -> Iterator[tuple[float, Said]]:
    """Say what a recording shows after each of its windows, from nothing but what came before.

    A long recording is read a minute at a time; the windows start anew there, what has been seen
    and heard stays.

    Yields
    ------
    time : float
        Until when the recording has been presented, s.
    said : Said
        "used" is what the window has.

    Raises
    ------
    MediaError
        It is no recording.
    ParamsError
        The model has no gates that follow each other.
    """
    model, maker = _gating(recognizer)
    from avlib.systems.gating.stream import GatingStreamer, windows_of

    streamer = GatingStreamer(model)
    info = probe(path)
    settings = recognizer.settings
    for span in spans(Path(path), info, recognizer.modalities, 0.0, settings, maker.rate):
        clip = maker.clips(span, [span.own])
        assert isinstance(clip, SequenceClips)
        for end, sound, chips in windows_of(model, clip):
            given = {"audio": sound, "video": chips}
            used = tuple(m for m in recognizer.modalities if given[m] is not None)
            if used or streamer.presented:
                said = Said(streamer.present(sound, chips), used)
            else:
                said = Said(None, (), "nothing seen or heard yet")
            yield min(span.start + end, info.duration), said


def _gating(recognizer: Recognizer) -> tuple["GatingModel", Describer]:
    from avlib.systems.gating.model import GatingModel

    (model, maker), *others = recognizer.parts
    if others or not isinstance(model, GatingModel) or model.network_.apex:
        raise ParamsError(
            f"model {recognizer.name} does not decide window by window; expected gating or"
            " gating_lstm: keep one, and name it as --model"
        )
    if model.described:
        raise ParamsError(
            f"model {recognizer.name} reads descriptors of {' and '.join(model.described)}, which"
            " are made of whole recordings; --live wants one that sees and hears itself"
            " (gating.audio: soundnet, gating.video: i3d)"
        )
    return model, maker
