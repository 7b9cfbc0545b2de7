"""Pictures of training clips, changed as another camera or pose would change them.

Everything is drawn once for each clip, from a generator of the CPU, and is alike in all its
pictures.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def augmented_pictures(
    pictures: Tensor, settings: Mapping[str, Any], noise: torch.Generator
) -> Tensor:
    """Mirror, crop, relight and partly cover the pictures of clips.

    Parameters
    ----------
    pictures : float Tensor of shape (n, m, 3, height, width)
        m pictures of each clip, RGB in 0 to 1.
    settings
        ``flip``, the share of clips that are mirrored; ``crop``, the largest share of the side that
        is cut off, and what is left is enlarged; ``light``, by how much brightness and contrast may
        differ; ``erase``, the largest side of a grey block, as a share of the picture's (Zhong et
        al. 2020).
    noise

    Returns
    -------
    Tensor of shape (n, m, 3, height, width)
    """
    moved = _moved(pictures, settings["flip"], settings["crop"], noise)
    return _covered(_relit(moved, settings["light"], noise), settings["erase"], noise)


def _moved(pictures: Tensor, flip: float, crop: float, noise: torch.Generator) -> Tensor:
    n, m, *_ = pictures.shape
    draws = torch.rand(4, n, generator=noise)
    mirrored = torch.where(draws[0] < flip, -1.0, 1.0)
    scale = 1 - crop * draws[1]
    transform = torch.zeros(n, 2, 3)
    transform[:, 0, 0], transform[:, 1, 1] = scale * mirrored, scale
    transform[:, :, 2] = (1 - scale[:, None]) * (2 * draws[2:].T - 1)
    if not flip and not crop:
        return pictures
    transform = transform.to(pictures).repeat_interleave(m, 0)
    flat = pictures.flatten(0, 1)
    grid = functional.affine_grid(transform, list(flat.shape), align_corners=False)
    cut = functional.grid_sample(flat, grid, padding_mode="border", align_corners=False)
    return cut.view_as(pictures)


def _relit(pictures: Tensor, light: float, noise: torch.Generator) -> Tensor:
    draws = light * (2 * torch.rand(2, len(pictures), 1, 1, 1, 1, generator=noise) - 1)
    if not light:
        return pictures
    contrast, brightness = draws.to(pictures)
    middle = pictures.mean((1, 2, 3, 4), keepdim=True)
    return (middle + (1 + contrast) * (pictures - middle) + brightness / 2).clamp(0, 1)


def _covered(pictures: Tensor, erase: float, noise: torch.Generator) -> Tensor:
    n, (height, width) = len(pictures), pictures.shape[3:]
    draws = torch.rand(4, n, 1, generator=noise)
    if not erase:
        return pictures
    stripes = []
    for side, size, place in ((height, draws[0], draws[1]), (width, draws[2], draws[3])):
        length = (erase * size * side).round()
        first = (place * (side - length)).round()
        at = torch.arange(side)
        stripes.append((at >= first) & (at < first + length))
    block = stripes[0][:, :, None] & stripes[1][:, None, :]  # (n, height, width)
    return pictures.masked_fill(block[:, None, None].to(pictures.device), 0.5)
