"""From a padded batch of clips to the windows of its gates, on whatever device the batch is."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from avlib.systems.common.sequences import Batch

LOUDEST = 256.0  # SoundNet was trained on samples in [-256, 256]


@dataclass(frozen=True)
class Cut:
    """One modality's windows of a batch, only those that are there.

    Attributes
    ----------
    there : bool Tensor of shape (n, n_gates)
        Which clips have which window in this modality.
    windows : Tensor of shape (there.sum(), ...)
        In the order of `there`'s true elements, row by row.
    """

    there: Tensor
    windows: Tensor

    def spread(self, projected: Tensor) -> Tensor:
        """Put values of the windows in their places, shape (n, n_gates, d); zeros elsewhere."""
        full = projected.new_zeros(*self.there.shape, projected.shape[1])
        full[self.there] = projected
        return full

    def of_clips(self) -> list[Tensor]:
        """Return the windows of each clip that has any."""
        counts = self.there.sum(1)
        return list(self.windows.split(counts[counts > 0].tolist()))


def cut_sound(batch: Batch, starts: Tensor, opened: Tensor, length: float, rate: int) -> Cut:
    """Return the sound of each window.

    As with clips (see `Windows.open`), half of a window must lie before the end of the sound.

    Parameters
    ----------
    batch : Batch
    starts : Tensor of shape (n, n_gates)
        s.
    opened : bool Tensor of shape (n, n_gates)
        Which windows the clips have (see `Windows.open`).
    length : float
        s.
    rate : int
        Of the batch's sound, Hz.

    Returns
    -------
    Cut
        Windows are float32 of shape (m, length * rate) in [-256, 256], zero past a clip's end.
    """
    inside = (starts + length / 2) * rate <= batch.samples[:, None]
    inside[:, 0] = batch.samples > 0
    there = opened & inside
    clip, _ = torch.nonzero(there, as_tuple=True)
    size = round(length * rate)
    padded = functional.pad(batch.sound, (0, size))  # from the last window of the shortest sound on
    first = (starts[there] * rate).round().long().clamp(max=batch.sound.shape[1])
    windows = padded.unfold(1, size, 1)[clip, first]
    return Cut(there, windows.float() * (LOUDEST / 32768))


def loudest_start(batch: Batch, middle: Tensor, length: float, rate: int) -> Tensor:
    """Return where the window with the most sound energy starts, s, shape (n, 1).

    The apex moment of a clip that is heard, and the same one where it is seen. Of equally loud
    windows it is the first; a clip without sound, or shorter than a window, keeps its middle.

    Parameters
    ----------
    batch : Batch
    middle : Tensor of shape (n, 1)
        Where the windows in the middle of the clips start, s.
    length : float
        s.
    rate : int
        Of the batch's sound, Hz.
    """
    size = round(length * rate)
    last = batch.samples - size  # where the last whole window starts, samples
    if not (last > 0).any():
        return middle
    energy = functional.pad(batch.sound.double().square().cumsum(1), (1, 0))
    of_windows = energy[:, size:] - energy[:, :-size]
    inside = torch.arange(of_windows.shape[1], device=last.device) <= last[:, None]
    loudest = of_windows.masked_fill(~inside, -1.0).argmax(1, keepdim=True)
    return torch.where(last[:, None] > 0, (loudest / rate).to(middle), middle)


def cut_chips(batch: Batch, starts: Tensor, opened: Tensor, length: float, fps: float) -> Cut:
    """Return the chips of each window.

    A window has video when at least half of its time inside of the clip shows a face; a chip
    without one repeats the nearest chip of the clip. The paper knows no lost faces.

    Parameters
    ----------
    batch, starts, opened, length
        As for `cut_sound`.
    fps : float
        Of the batch's chips.

    Returns
    -------
    Cut
        Windows are uint8 of shape (m, length * fps, size, size, 3).
    """
    if not batch.seen.shape[1]:
        empty = torch.zeros_like(opened)
        return Cut(empty, batch.chips.new_zeros(0, 1, *batch.chips.shape[2:]))
    frames = torch.arange(round(length * fps), device=starts.device)
    index = (starts * fps).round().long()[..., None] + frames  # (n, n_gates, n_frames)
    n_chips = (batch.durations * fps).round().clamp_min(1).long()  # of each clip
    inside = index < n_chips[:, None, None]
    index = index.clamp_max(batch.seen.shape[1] - 1)
    rows = torch.arange(len(batch), device=index.device)[:, None, None]
    has_face = batch.seen[rows, index] & inside
    there = opened & has_face.any(2) & (2 * has_face.sum(2) >= inside.sum(2))
    clip, _ = torch.nonzero(there, as_tuple=True)
    return Cut(there, batch.chips[clip[:, None], index[there]])
