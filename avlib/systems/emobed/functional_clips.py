"""Clips as sequences of functionals of their frame descriptors, one sequence per modality."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from avlib.protocols import AUXILIARY
from avlib.runtime import paths, tables
from avlib.runtime.errors import DataError
from avlib.runtime.memo import stamp
from avlib.systems.common.fold_clips import in_parts, label_columns
from avlib.systems.common.functionals import moments, sliding_functionals
from avlib.systems.common.model import Clips, showing
from avlib.systems.common.pieces import Piece, unlabelled

_NOTHING = np.zeros((0, 0), np.float32)  # the sequence of a clip that lacks the modality


@dataclass(frozen=True)
class FunctionalClips(Clips):
    """Clips with a sequence of functionals per modality.

    Attributes
    ----------
    sequences : dict of str to object array of shape (n,)
        "audio", "video"; of float32 arrays of shape (n_steps, 2 d), without a window (1, d);
        without steps where the clip lacks the modality.
    """

    sequences: dict[str, np.ndarray]


@dataclass(frozen=True)
class FrameFunctionals:
    """A `Source`: means and standard deviations of frame descriptors over a sliding window.

    One clip's frames are in memory at a time; what stays, for the next fold too, is a vector per
    step and modality.

    Attributes
    ----------
    window : float, optional
        s. None makes one vector of a clip, the mean of all its rows: of what a network says of each
        frame, or of the one row that functionals of a whole clip are. These are EmoBed's features
        for OMG-Emotion (section 4.1.2).
    step : float
        s.
    auxiliary : str, optional
        The modality that clips show which only help to train. All others then show the other one.
    """

    window: float | None
    step: float
    auxiliary: str | None = None

    def inputs(self) -> list[Path]:
        """Return the parts of both tables of frame descriptors."""
        return sorted(p for table in paths.DESCRIPTORS.values() for p in table.glob("*.parquet"))

    def read(
        self, labelled: pd.DataFrame, emotions: list[str], inputs: Sequence[Path]
    ) -> dict[str, FunctionalClips]:
        """Describe the clips of a fold; see `Source`.

        Raises
        ------
        DataError
            There is an auxiliary modality, and no clip that only helps to train has it, or no
            training clip has the other one.
        """
        ids = labelled["clip_id"]
        sequences = {m: self._described(table, ids) for m, table in paths.DESCRIPTORS.items()}
        every = _clips(label_columns(labelled, emotions), sequences)
        parts = in_parts(every, labelled["part"])
        if self.auxiliary is None:
            return parts
        (target,) = set(paths.DESCRIPTORS) - {self.auxiliary}
        helping = every.select((labelled["part"] == AUXILIARY).to_numpy())
        _require(parts["train"], target, "training")
        _require(helping, self.auxiliary, "auxiliary")
        shown = {name: showing(clips, target) for name, clips in parts.items()}
        return shown | {AUXILIARY: showing(helping, self.auxiliary)}

    def of_pieces(self, pieces: Sequence[Piece]) -> FunctionalClips:
        """Describe pieces of recordings, as clips without labels."""
        return _clips(
            unlabelled(len(pieces)),
            {
                m: [
                    clip_functionals(*p.described[m], self.window, self.step)
                    if m in p.described and len(p.described[m][0])
                    else _NOTHING
                    for p in pieces
                ]
                for m in paths.DESCRIPTORS
            },
        )

    def _described(self, table: Path, clip_ids: Iterable[str]) -> list[np.ndarray]:
        parts = sorted(table.absolute().glob("*.parquet"))
        stamps = tuple((part.name, *stamp(part)) for part in parts)
        known = _functionals(table.absolute(), stamps, self.window, self.step)
        return [known.get(clip_id, _NOTHING) for clip_id in clip_ids]


def _require(clips: FunctionalClips, modality: str, part: str) -> None:
    if not clips.has((modality,)).any():
        raise DataError(
            f"emobed.auxiliary: none of the {len(clips)} {part} clips has {modality}; expected the"
            " modality that helps of its corpus, and the other one of the others: see data/status"
        )


def _clips(
    labels: dict[str, np.ndarray], sequences: Mapping[str, Sequence[np.ndarray]]
) -> FunctionalClips:
    present = {m: np.array([len(s) > 0 for s in of], bool) for m, of in sequences.items()}
    held = {m: np.fromiter(of, object, len(of)) for m, of in sequences.items()}
    return FunctionalClips(**labels, present=present, sequences=held)


@functools.lru_cache(maxsize=len(paths.DESCRIPTORS))
def _functionals(
    table: Path, _stamps: tuple[tuple[str | int, ...], ...], window: float | None, step: float
) -> dict[str, np.ndarray]:
    """Describe a table's clips that have frames, once for all folds and systems of a worker."""
    return {
        clip_id: clip_functionals(
            rows["time"].to_numpy(), tables.vectors(rows["descriptor"]), window, step
        )
        for clip_id, rows in tables.iter_clips(table, ["time", "descriptor"])
        if rows.num_rows
    }


def clip_functionals(
    times: np.ndarray, values: np.ndarray, window: float | None, step: float
) -> np.ndarray:
    """Describe a clip at moments from 0 to the one nearest to its last frame.

    A frame that is not finite is left out, and so is a moment whose window holds no frame (a face
    that is lost for longer): the sequence is shorter then.

    Parameters
    ----------
    times : float array of shape (n_frames,)
        s, increasing.
    values : float array of shape (n_frames, d)
    window : float or None
        s. None: one step, the mean over all frames.
    step : float
        s.

    Returns
    -------
    float32 array of shape (n_steps, 2 d), or without a window (1, d)
        Without steps where no frame is finite.
    """
    valid = np.isfinite(values).all(axis=1)
    times, values = times[valid], values[valid]
    if window is None and len(values):
        return values.mean(axis=0, keepdims=True, dtype=float).astype(np.float32)
    if window is None:
        return values.astype(np.float32)
    last = float(times[-1]) if len(times) else 0.0
    found, counted = sliding_functionals(values, times, moments(last + step / 2, step), window)
    return found[counted > 0].astype(np.float32)
