"""FER2013 as batches: pixels stay on disk, one byte each, and become faces on the device."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
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


def unpack(csv_path: Path, folder: Path, rejected: Counter[str]) -> dict[str, FaceImages]:
    """Write each part's pixels of a ``fer2013.csv`` into `folder`, one pass, one row in memory.

    Parameters
    ----------
    rejected : Counter
        Counts unusable rows by reason.

    Raises
    ------
    CorpusError
        The csv cannot be read, or has no usable Training or PublicTest row.
    """
    emotions: dict[str, list[int]] = {part: [] for part in PARTS.values()}
    with ExitStack() as stack:
        files = {
            part: stack.enter_context((folder / f"{part}.pixels").open("wb")) for part in emotions
        }
        for face in read_faces(csv_path, rejected):
            files[face.part].write(face.pixels.tobytes())
            emotions[face.part].append(face.emotion)
    for usage, part in PARTS.items():
        if part != "test" and not emotions[part]:
            reasons = ", ".join(f"{count} rows: {why}" for why, count in sorted(rejected.items()))
            raise CorpusError(
                f"{csv_path} holds no usable {usage} row ({reasons or 'no such row'}); "
                "expected the whole fer2013.csv"
            )
    return {part: FaceImages(folder / f"{part}.pixels", emotions[part]) for part in emotions}


def batches(images: FaceImages, batch_size: int, sampler: Sampler[int] | None = None) -> DataLoader:
    """Batches of pixels (n, 48, 48) and emotions (n,), in file order without a sampler."""
    return DataLoader(images, batch_size, sampler=sampler, collate_fn=default_convert)


def enlarge(pixels: Tensor) -> Tensor:
    """Grey uint8 (n, 48, 48) to what VGG-Face takes, float32 (n, 3, 224, 224), on their device."""
    grey = pixels.unsqueeze(1).float()
    large = functional.interpolate(grey, (CHIP, CHIP), mode="bilinear", align_corners=False)
    return large - mean_rgb(pixels.device)
