"""The still parts of a head: skin over a lit relief, hair, and their outlines on the canvas."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from avlib.corpora.demo.canvas import SCALE, SHAPE, U, V, blend, bump, cloud, smooth_step, soft
from avlib.corpora.demo.identity import Traits

EAR_V = 0.22


@dataclass(frozen=True)
class Light:
    """Direction from the face to the key light (right, down, towards the camera) and strengths."""

    direction: tuple[float, float, float]
    key: float
    fill: float


@dataclass(frozen=True)
class Head:
    """Layers on the canvas, planes first, float32, colours 0..1.

    Attributes
    ----------
    skin
        ``(4, h, w)``: shaded skin and the coverage of head, ears and neck.
    back_hair, front_hair
        ``(4, h, w)``: hair behind and before the face with its coverage.
    depth
        ``(h, w)`` distance towards the camera, in units; what turning the head shifts.
    """

    skin: np.ndarray
    back_hair: np.ndarray
    front_hair: np.ndarray
    depth: np.ndarray


def build_head(traits: Traits, light: Light) -> Head:
    """Sculpt, light and colour the head of one subject under one light."""
    rng = np.random.default_rng(traits.texture_seed)
    edge = _outline(traits)
    depth = _relief(traits, edge)
    shade = _shade(depth, light)

    skin = np.empty((4, *SHAPE))
    skin[:3] = _albedo(traits, rng) * shade
    neckline = traits.chin + 0.42 - 0.5 * U**2
    neck = soft(np.minimum(0.62 * traits.width - np.abs(U), neckline - V)) * (V > 0.6)
    neck_shade = 0.72 * (light.key * 0.45 + light.fill)
    face = soft(edge)
    for side in (-1.0, 1.0):
        ear = soft(0.24 - np.hypot((U - side * (traits.width + 0.02)) * 1.9, (V - EAR_V) * 0.85))
        blend(skin, ear * (1.0 - face), traits.skin * 0.85 * neck_shade / 0.72)
        face = np.maximum(face, ear)
    # Colour reaches beyond the neck's edge, or that edge would shine with bare skin.
    below = (1.0 - face) * (V > 0.6)
    blend(skin, below, traits.skin * neck_shade)
    # The chin throws a shadow on the neck: the jaw line stands out, as a detector expects.
    skin[:3] *= 1.0 - 0.3 * below * np.exp(edge * 5.0)
    skin[3] = np.maximum(face, neck)

    back, front = _hair(traits, rng, light)
    return Head(skin.astype(np.float32), back, front, np.maximum(depth, 0.0).astype(np.float32))


def _outline(traits: Traits) -> np.ndarray:
    """Signed distance to the edge of the face, in units, positive inside (approximately)."""
    power = 2.4 + (traits.jaw_shape - 2.4) * smooth_step(V, -0.2, 0.8)
    height = np.where(V < 0, (np.abs(V) / 1.62) ** 2.4, (np.abs(V) / traits.chin) ** 2.1)
    level = (np.abs(U) / traits.width) ** power + height
    slope_v, slope_u = np.gradient(level, 1.0 / SCALE)
    steep = np.hypot(slope_u, slope_v)
    return (1.0 - level) / np.maximum(steep, 0.3)


def _relief(traits: Traits, edge: np.ndarray) -> np.ndarray:
    """Height of the skin towards the camera, in units."""
    falling = np.exp(-2.6 * np.maximum(edge, 0.0))
    z = 0.75 * np.sqrt(1.0 - falling**2)
    length, width = traits.nose_length, traits.nose_width
    along = np.clip(V / length, 0.0, 1.0)
    ridge_width = 0.10 + 0.05 * along
    ridge = smooth_step(V, -0.25, 0.05) * (1.0 - smooth_step(V, length - 0.02, length + 0.09))
    z = z + (0.09 + 0.16 * along) * ridge * np.exp(-((U / ridge_width) ** 2))
    z = z + 0.09 * bump(U, V, (0.0, length - 0.06), (0.13, 0.11))
    mouth = traits.mouth_height
    for side in (-1.0, 1.0):
        z = z + 0.09 * bump(U, V, (side * width * 0.85, length - 0.02), (0.075, 0.075))
        z = z - 0.05 * bump(U, V, (side * 0.47, 0.0), (0.30, 0.15))
        z = z + 0.06 * bump(U, V, (side * 0.5, 0.01), (0.19, 0.12))
        z = z + 0.07 * bump(U, V, (side * 0.62, 0.52), (0.28, 0.24))
        z = z + 0.015 * bump(U, V, (side * 0.48, -traits.brow_height), (0.34, 0.10))
    z = z + 0.09 * bump(U, V, (0.0, mouth), (0.42, 0.26))
    z = z - 0.02 * bump(U, V, (0.0, 0.5 * (length + mouth)), (0.05, 0.12))
    z = z - 0.05 * bump(U, V, (0.0, mouth + 0.25), (0.24, 0.06))
    return z + 0.07 * bump(U, V, (0.0, traits.chin - 0.22), (0.24, 0.14))


def _shade(depth: np.ndarray, light: Light) -> np.ndarray:
    """Lambert shading with a little gloss."""
    slope_v, slope_u = np.gradient(depth, 1.0 / SCALE)
    norm = np.sqrt(slope_u**2 + slope_v**2 + 1.0)
    toward = np.array(light.direction) / np.linalg.norm(light.direction)
    facing = (-slope_u * toward[0] - slope_v * toward[1] + toward[2]) / norm
    facing = np.clip(facing, 0.0, None)
    return light.fill + light.key * facing + 0.10 * light.key * facing**12


def _albedo(traits: Traits, rng: Generator) -> np.ndarray:
    """Colour of the skin: blotches, redder cheeks and nose, the shadow of a beard."""
    colour = np.ones((3, *SHAPE)) * traits.skin[:, None, None]
    grain = 0.035 * cloud(rng, SHAPE, 9) + 0.02 * cloud(rng, SHAPE, 3)
    colour *= 1.0 + grain
    blush = 0.10 * bump(U, V, (0.0, 0.6), (0.18, 0.2))
    for side in (-1.0, 1.0):
        blush = blush + 0.13 * bump(U, V, (side * 0.6, 0.6), (0.3, 0.25))
        colour *= 1.0 - 0.05 * bump(U, V, (side * 0.5, 0.06), (0.3, 0.16))
    colour *= 1.0 - blush * np.array([0.0, 0.9, 0.8])[:, None, None]
    if traits.beard > 0:
        low = smooth_step(V + 0.35 * np.abs(U), 0.95, 1.25)
        stubble = traits.beard * low * (0.75 + 0.25 * cloud(rng, SHAPE, 2))
        blend(colour, stubble, 0.5 * traits.hair + 0.25 * traits.skin)
    length, width = traits.nose_length, traits.nose_width
    for side in (-1.0, 1.0):
        nostril, wing = side * width * 0.5, side * (width + 0.035)
        colour *= 1.0 - 0.75 * bump(U, V, (nostril, length + 0.045), (0.065, 0.032))
        colour *= 1.0 - 0.28 * bump(U, V, (wing, length - 0.01), (0.03, 0.085))
    under = bump(U, V, (0.0, length + 0.085), (width * 0.8, 0.03))
    return colour * (1.0 - 0.18 * under)


def _hair(traits: Traits, rng: Generator, light: Light) -> tuple[np.ndarray, np.ndarray]:
    """Hair behind and before the face."""
    strands = cloud(rng, (SHAPE[0], SHAPE[1] * 3), 6)[:, ::3] + 0.6 * cloud(rng, SHAPE, 14)
    gloss = 0.12 * np.exp(-(((V + 1.25 - 0.3 * U**2) / 0.18) ** 2))
    tint = traits.hair * (light.fill + 0.6 * light.key)
    colour = tint[:, None, None] * (1.0 + 0.3 * strands) + gloss * light.key

    scalp_width, scalp_top = traits.width + 0.13, 1.76
    dome = 1.0 - (np.abs(U) / scalp_width) ** 2.4 - (np.abs(np.minimum(V, 0.0)) / scalp_top) ** 2.4
    dome = dome * 0.55
    rough = 0.03 * cloud(rng, SHAPE, 5)
    drop = {"long": 2.1, "bob": 1.15, "fringe": 0.45, "short": 0.0, "receding": -0.05}
    length = drop[traits.hair_style]
    flare = 0.16 if length > 1.0 else 0.0
    sides = np.where(V > 0, scalp_width + flare * smooth_step(V, 0.0, 1.0) - np.abs(U), dome)
    behind = soft(np.minimum(sides, length - V) + rough)

    if traits.hair_style == "fringe":
        line = -0.84 + 0.10 * np.abs(U) ** 2 + 0.12 * np.sin(9.0 * U + traits.hairline * 9.0) * 0.4
    elif traits.hair_style == "receding":
        line = traits.hairline - 0.28 + 0.55 * np.abs(np.abs(U) - 0.25)
    else:
        line = traits.hairline + 0.30 * np.abs(U + 0.25) ** 1.6
    # Temples: hair comes down beside the face to where the style ends.
    temple = np.abs(U) - (traits.width - 0.10) + 0.04 * np.sin(5.0 * V)
    cover = np.maximum(line - V, np.minimum(temple, min(length, 0.9) - V))
    before = soft(np.minimum(cover, np.where(V > 0, sides, dome)) + rough)

    def layer(mask: np.ndarray, gain: float) -> np.ndarray:
        return np.concatenate([gain * colour, mask[None]]).astype(np.float32)

    return layer(behind, 0.75), layer(before, 1.0)
