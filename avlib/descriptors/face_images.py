"""FER2013 as batches: pixels stay on disk, one byte each, and become faces on the device."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from scipy.fft import dctn
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Sampler, default_convert

from avlib.corpora.fer2013 import PARTS, SIZE, read_faces
from avlib.descriptors.vgg_face import CHIP, mean_rgb
from avlib.runtime.errors import CorpusError


class FaceImages(Dataset):
    """The faces of one part: pixels memory-mapped from a file, emotions in memory.

    Indexing with a list gives the batch: uint8 pixels (n, 48, 48) and int64 emotions (n,).
    """

    def __init__(self, path: Path, emotions: list[int]):
        self.emotions = torch.tensor(emotions, dtype=torch.int64)
        shape = (len(emotions), SIZE, SIZE)
        # An empty file cannot be mapped.
        self.pixels = np.memmap(path, np.uint8, "r", shape=shape) if emotions else np.empty(shape)

    def __len__(self) -> int:
        return len(self.emotions)

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(self.pixels[indices]), self.emotions[indices]


def unpack(
    fer2013: Path, folder: Path, rejected: Counter[str], seed: int = 0
) -> dict[str, FaceImages]:
    """Write each part's pixels of FER2013 into `folder`, one pass, one face in memory.

    Parameters
    ----------
    fer2013 : Path
        A csv, or a folder of pictures, see `avlib.corpora.fer2013.read_faces`.
    rejected : Counter
        Counts what cannot be used by reason.
    seed : int
        Of the pictures that are held out for validation.

    Raises
    ------
    CorpusError
        It cannot be read, or has nothing usable to train on or to validate with.
    """
    emotions: dict[str, list[int]] = {part: [] for part in PARTS.values()}
    with ExitStack() as stack:
        files = {
            part: stack.enter_context((folder / f"{part}.pixels").open("wb")) for part in emotions
        }
        for face in read_faces(fer2013, rejected, seed):
            files[face.part].write(face.pixels.tobytes())
            emotions[face.part].append(face.emotion)
    for usage, part in PARTS.items():
        if part != "test" and not emotions[part]:
            what = f"{part} picture" if fer2013.is_dir() else f"{usage} row"
            reasons = ", ".join(f"{count}: {why}" for why, count in sorted(rejected.items()))
            raise CorpusError(
                f"{fer2013} holds no usable {what} (rejected: {reasons or 'nothing'}); "
                "expected the whole of FER2013"
            )
    return {part: FaceImages(folder / f"{part}.pixels", emotions[part]) for part in emotions}


def relative_blur(faces: FaceImages, others: FaceImages, most: int = 2000) -> float:
    """Measure how much more blurred some faces are than others of the same kind.

    A Gaussian blur of deviation s divides the power at frequency f by exp((2 pi s f)^2); a line
    through the logarithm of the ratio of both powers against f^2 gives s. Coarse detail alone is
    looked at, 1 to 5 cycles a face: finer one may be noise.

    Parameters
    ----------
    most : int
        Faces of each that are looked at, evenly spread.

    Returns
    -------
    float
        Standard deviation of the Gaussian in pixels; 0 where they are as sharp, or sharper.
    """
    cycles = np.arange(SIZE) / 2
    frequency = np.hypot(cycles[:, None], cycles)
    coarse = (frequency >= 1) & (frequency <= 5)
    powers = [
        np.mean(
            [dctn(face.astype(float)) ** 2 for face in each.pixels[:: -(-len(each) // most)]], 0
        )
        for each in (faces, others)
    ]
    ratio = np.log(powers[0][coarse] / powers[1][coarse])
    slope, _ = np.polyfit((2 * np.pi * frequency[coarse] / SIZE) ** 2, ratio, 1)
    return float(np.sqrt(max(0.0, -slope)))


def batches(images: FaceImages, batch_size: int, sampler: Sampler[int] | None = None) -> DataLoader:
    """Batches of pixels (n, 48, 48) and emotions (n,), in file order without a sampler."""
    return DataLoader(images, batch_size, sampler=sampler, collate_fn=default_convert)


def enlarge(pixels: Tensor) -> Tensor:
    """Grey uint8 (n, 48, 48) to what VGG-Face takes, float32 (n, 3, 224, 224), on their device."""
    grey = pixels.unsqueeze(1).float()
    large = functional.interpolate(grey, (CHIP, CHIP), mode="bilinear", align_corners=False)
    return large - mean_rgb(pixels.device)
