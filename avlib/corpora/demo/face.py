"""The moving face: displaces the skin, draws folds, eyes, brows and mouth for each frame."""

import numpy as np

from avlib.corpora.demo.canvas import (
    SCALE,
    SHAPE,
    Window,
    bell,
    blend,
    bump,
    plateau,
    sample,
    smooth_step,
    soft,
)
from avlib.corpora.demo.head import Head
from avlib.corpora.demo.identity import Traits

EYE_WIDTH = 0.235
MOVING = Window(-1.3, 1.3, -0.9, 2.28)  # where actions displace the skin
TEETH = np.array([0.93, 0.90, 0.84], dtype=np.float32)
CAVITY = np.array([0.16, 0.04, 0.05], dtype=np.float32)
TONGUE = np.array([0.60, 0.26, 0.25], dtype=np.float32)


class Face:
    """Painter of one subject under one light.

    Parameters
    ----------
    traits
        Who.
    head
        The still layers from ``build_head``.
    shade
        Brightness of painted parts: eyes, teeth, lips.
    """

    def __init__(self, traits: Traits, head: Head, shade: float) -> None:
        self.traits = traits
        # Hair behind the face does not move, and what the jaw covers of it is below the chin.
        self._still = head.skin.copy()
        uncovered = (1.0 - head.skin[3]) * head.back_hair[3]
        self._still[3] += uncovered
        blend(self._still, uncovered / np.maximum(self._still[3], 1e-6), head.back_hair[:3])
        self.shade = shade
        self._pulls = _pulls(traits)
        self._folds = _folds(traits)
        rows = np.flatnonzero(head.front_hair[3].any(axis=1))
        columns = np.flatnonzero(head.front_hair[3].any(axis=0))
        self._hair_place = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        self._front_hair = head.front_hair[:, *self._hair_place]

    def paint(self, act: dict[str, float]) -> np.ndarray:
        """Paint the head on the canvas: ``(4, h, w)`` float32, colours and coverage in 0..1.

        Parameters
        ----------
        act
            What the frame shows, from `Motion.shown`.
        """
        skin = self._displaced_skin(act)
        for place, fold, drivers in self._folds:
            amount = sum(weight * act[name] for name, weight in drivers.items())
            if amount > 0.01:
                skin[(slice(3), *place)] *= 1.0 - min(amount, 1.3) * fold
        for side in (-1.0, 1.0):
            self._paint_eye(skin, side, act)
            self._paint_brow(skin, side, act)
        self._paint_mouth(skin, act)
        hair = self._front_hair
        part = skin[:, *self._hair_place]
        blend(part, hair[3], hair[:3])
        np.maximum(part[3], hair[3], out=part[3])
        return skin

    def _displaced_skin(self, act: dict[str, float]) -> np.ndarray:
        rows, columns = MOVING.place
        y, x = np.mgrid[rows, columns].astype(np.float32)
        down = np.zeros(SHAPE, dtype=np.float32)
        for place, field, drivers in self._pulls:
            amount = sum(weight * act[name] for name, weight in drivers.items())
            down[place] += amount * SCALE * field
        skin = self._still.copy()
        skin[:, *MOVING.place] = sample(self._still, x, y - down[MOVING.place])
        return skin

    def _paint_eye(self, skin: np.ndarray, side: float, act: dict[str, float]) -> None:
        traits = self.traits
        window = Window(side * 0.5 - 0.36, side * 0.5 + 0.36, -0.26, 0.26)
        part = skin[:, *window.place]
        width = EYE_WIDTH * traits.eye_size
        u = (window.u - side * 0.5) * side  # grows towards the temple
        v = window.v + traits.eye_tilt * u / width
        arc = np.clip(1.0 - (u / width) ** 2, 0.0, 1.0)
        narrow = 0.30 * act["lid_tight"] + 0.12 * act["nose_wrinkle"]
        upper = 0.115 * (1.0 + 0.55 * act["lid_raise"] - narrow - 0.1 * act["corner_drop"])
        lower = 0.070 * (1.0 - 0.55 * act["cheek"] - narrow + 0.15 * act["lid_raise"])
        shut = 1.0 - act["blink"]
        top = -max(upper * traits.eye_size * shut, 0.004 - 0.05 * act["blink"]) * arc**0.75
        bottom = max(lower * traits.eye_size, 0.01) * arc**0.9
        inside = np.abs(u) < width
        opening = soft(np.minimum(v - top, bottom - v)) * inside

        white = np.array([0.90, 0.88, 0.86], dtype=np.float32) * self.shade
        roundness = 1.0 - 0.30 * (u / width) ** 2 - 0.35 * np.exp(-np.maximum(v - top, 0.0) / 0.03)
        picture = white[:, None, None] * roundness
        du = window.u - side * 0.5 - act["gaze_right"]
        radius = np.hypot(du, window.v - act["gaze_down"])
        iris = traits.iris[:, None, None] * self.shade * (0.75 + 2.5 * np.minimum(radius, 0.12))
        blend(picture, soft(0.112 - radius), iris)
        blend(picture, soft(0.118 - radius) * soft(radius - 0.102), traits.iris * 0.35)
        blend(picture, soft(0.048 - radius), np.zeros(3))
        spark = np.hypot(du - 0.04, window.v - act["gaze_down"] + 0.045)
        blend(picture, soft(0.022 - spark), np.full(3, 0.95))
        blend(part, opening, picture)

        lash = bell(v - top, 0.022) * soft(width - 0.01 - np.abs(u))
        blend(part, 0.85 * lash, traits.hair * 0.3)
        rim = bell(v - bottom, 0.018) * soft(width - np.abs(u))
        blend(part, 0.35 * rim, traits.skin * 0.45 * self.shade)
        crease = bell(v - top + 0.055, 0.016) * soft(width + 0.02 - np.abs(u))
        blend(part, 0.25 * crease * shut, traits.skin * 0.5 * self.shade)

    def _paint_brow(self, skin: np.ndarray, side: float, act: dict[str, float]) -> None:
        traits = self.traits
        window = Window(side * 0.52 - 0.5, side * 0.52 + 0.5, -0.66, -0.04)
        u = window.u * side - 0.06 * act["brow_lower"] * -1.0
        inner, outer = 0.20, 0.86
        along = np.clip((u - inner) / (outer - inner), 0.0, 1.0)
        arch = traits.brow_arch * np.sin(np.pi * np.clip(along * 0.85 + 0.1, 0, 1))
        lift = 0.11 * act["inner_brow"] * (1.0 - along) ** 1.3
        lift = lift + 0.085 * act["outer_brow"] * np.sin(np.pi * (0.25 + 0.6 * along))
        lift = lift - act["brow_lower"] * (0.085 * (1.0 - along) ** 1.2 + 0.035)
        lift = lift - 0.05 * act["nose_wrinkle"] * (1.0 - 0.6 * along)
        lift = lift - 0.025 * act["cheek"] * along
        middle = -traits.brow_height + 0.06 * along**2.5 - arch - lift
        thick = traits.brow_thickness * (0.75 + 0.5 * along) * (1.0 - smooth_step(along, 0.55, 1.0))
        thick = thick + 0.006
        ends = np.clip(np.minimum(u - inner, outer - u) / 0.06 + 0.5, 0.0, 1.0)
        mask = np.clip((thick - np.abs(window.v - middle)) * SCALE * 0.7 + 0.5, 0.0, 1.0) * ends
        comb = 0.88 + 0.12 * np.sin(70.0 * u + 45.0 * window.v)
        blend(skin[:, *window.place], 0.95 * mask * comb, traits.hair * (0.25 + 0.2 * self.shade))

    def _paint_mouth(self, skin: np.ndarray, act: dict[str, float]) -> None:
        traits = self.traits
        window = Window(-0.78, 0.78, traits.mouth_height - 0.35, traits.mouth_height + 0.62)
        part = skin[:, *window.place]
        smile, drop, stretch = act["corner_pull"], act["corner_drop"], act["lip_stretch"]
        press, rise = act["lip_press"], act["lip_raise"] + 0.6 * act["nose_wrinkle"]
        width = traits.mouth_width * (
            1.0 + 0.30 * smile + 0.24 * stretch - 0.05 * drop - 0.04 * press + act["stretch"]
        )
        s = window.u / width
        arc = np.clip(1.0 - s * s, 0.0, 1.0)
        bend = 0.15 * smile - 0.13 * drop + 0.02 * stretch
        centre = traits.mouth_height - bend * (s * s - 0.45) - 0.05 * act["chin_raise"]
        gap = act["opening"]
        lift = 0.085 * rise
        # Lips: from the outer edge of the upper one to the outer edge of the lower one.
        full = traits.lip_fullness * (1.0 - 0.55 * press) * (1.0 - 0.2 * smile - 0.2 * stretch)
        cupid = 1.0 - 0.22 * bell(s, 0.13) + 0.10 * bell(abs(s) - 0.3, 0.2)
        inner_top = centre - (0.32 * gap + 0.5 * lift) * arc**0.6
        inner_bottom = inner_top + gap * arc**0.6
        upper = inner_top - (0.088 * full * cupid * arc**0.7) - 0.25 * lift * arc
        lower = inner_bottom + 0.115 * full * arc**0.6
        ends = np.abs(s) < 1.0

        lips = soft(np.minimum(window.v - upper, lower - window.v)) * ends
        red = traits.skin * np.array([0.84, 0.52, 0.55], dtype=np.float32) * self.shade
        is_upper = window.v < 0.5 * (inner_top + inner_bottom)
        tone = np.where(is_upper, np.float32(0.84), np.float32(1.06))
        place = (window.v - 0.5 * (inner_bottom + lower)) / (0.03 + 0.2 * (lower - inner_bottom))
        shine = 0.16 * np.exp(-(place**2)) * bell(s, 0.45)
        blend(part, 0.92 * lips, red[:, None, None] * (tone + shine))

        hollow = soft(np.minimum(window.v - inner_top, inner_bottom - window.v)) * ends
        inside = np.ones((3, *hollow.shape), np.float32) * (CAVITY * self.shade)[:, None, None]
        tongue = bell(s, 0.55) * soft((window.v - inner_bottom + 0.35 * gap) * 0.3)
        blend(inside, 0.8 * tongue, TONGUE * self.shade)
        show = 0.11 + 0.02 * smile
        bared = min(1.0, 0.25 + act["lips_part"] + rise + smile)
        gum = inner_top - 0.01 + 0.25 * lift * (1.0 - bared)
        tooth = soft(np.minimum(gum + show * arc**0.3 - window.v, window.v - gum + 0.05))
        ridge = 1.0 - 0.10 * np.cos(window.u * 2.0 * np.pi / 0.085) ** 8
        ridge = ridge - 0.35 * np.minimum(s * s, 1.0)
        teeth = (TEETH * self.shade)[:, None, None] * ridge
        blend(inside, tooth * bared, teeth)
        below = soft(window.v - (inner_bottom - 0.07 * stretch - 0.02))
        blend(inside, below * min(stretch, 1.0) * 0.8, 0.9 * teeth)
        blend(part, hollow, inside)

        # The line between closed lips, and the shadow under the lower one.
        seam = bell(window.v - inner_top, 0.016) * soft(1.03 * width - abs(window.u))
        blend(part, (0.75 * seam).astype(np.float32), CAVITY * 1.6 * self.shade)
        under = bell(window.v - lower - 0.05, 0.04) * arc
        part[:3] *= 1.0 - (0.16 + 0.2 * act["chin_raise"]) * under
        pit = bell(abs(window.u) - width - 0.02, 0.03) * bell(window.v - centre, 0.05)
        part[:3] *= 1.0 - min(0.45, 0.12 + 0.3 * smile + 0.3 * drop + 0.2 * press) * pit


def _pulls(traits: Traits) -> list[tuple[tuple[slice, slice], np.ndarray, dict[str, float]]]:
    """Fields of downward displacement, in units, and the actions that drive them."""
    mouth, nose = traits.mouth_height, traits.nose_length
    fields = []

    def add(window: Window, field: np.ndarray, **drivers: float) -> None:
        whole = np.broadcast_to(field, window.shape)
        fields.append((window.place, np.ascontiguousarray(whole, dtype=np.float32), drivers))

    low = Window(-1.6, 1.6, mouth, 2.25)
    inside = 1.0 - smooth_step(np.abs(low.u), 0.9, 1.2)
    sink = plateau(low.v, mouth + 0.1, traits.chin - 0.1, traits.chin + 0.25, 2.2)
    add(low, sink * inside, opening=0.75)
    tip = Window(-0.6, 0.6, 0.1, 1.0)
    add(tip, bump(tip.u, tip.v, (0.0, nose), (0.30, 0.22)), nose_wrinkle=-0.11, lip_raise=-0.04)
    for side in (-1.0, 1.0):
        cheek = Window(side * 0.66 - 0.5, side * 0.66 + 0.5, 0.15, 1.25)
        apple = bump(cheek.u, cheek.v, (side * 0.62, 0.68), (0.27, 0.26))
        add(cheek, apple, cheek=-0.10, corner_pull=-0.08, lip_raise=-0.05, nose_wrinkle=-0.05)
        brow = Window(side * 0.5 - 0.5, side * 0.5 + 0.5, -0.85, 0.0)
        field = bump(brow.u, brow.v, (side * 0.45, -0.28), (0.36, 0.20))
        add(brow, field, brow_lower=0.06, inner_brow=-0.05, outer_brow=-0.05)
    return fields


def _folds(traits: Traits) -> list[tuple[tuple[slice, slice], np.ndarray, dict[str, float]]]:
    """Darkening masks of lines and furrows, and the actions that deepen them."""
    mouth, nose, width = traits.mouth_height, traits.nose_length, traits.nose_width
    folds = []

    def add(window: Window, mask: np.ndarray, strength: float, **drivers: float) -> None:
        whole = strength * traits.lines * np.broadcast_to(mask, window.shape)
        tinted = whole * np.array([0.85, 1.0, 1.0])[:, None, None]
        folds.append((window.place, tinted.astype(np.float32), drivers))

    brow = Window(-0.9, 0.9, -0.95, 0.45)
    waves = np.zeros(brow.shape)
    for height in (-0.62, -0.74, -0.85):
        line = height + 0.05 * np.cos(2.5 * brow.u)
        waves = waves + bell(brow.v - line, 0.022) * np.exp(-((brow.u / 0.5) ** 4))
    add(brow, waves, 0.24, inner_brow=0.6, outer_brow=0.6)
    frown = np.zeros(brow.shape)
    for side in (-1.0, 1.0):
        lean = side * (0.09 + 0.04 * (brow.v + 0.3))
        frown = frown + bell(brow.u - lean, 0.024) * bell(brow.v + 0.26, 0.17)
    add(brow, frown, 0.5, brow_lower=1.0, nose_wrinkle=0.5)
    root = np.zeros(brow.shape)
    for height in (-0.06, 0.04, 0.14, 0.24):
        line = height - 0.5 * np.abs(brow.u)
        root = root + bell(brow.v - line, 0.018) * np.exp(-((brow.u / 0.17) ** 4))
    add(brow, root, 0.45, nose_wrinkle=1.0)
    for side in (-1.0, 1.0):
        fold = Window(side * 0.5 - 0.5, side * 0.5 + 0.5, nose - 0.2, mouth + 0.4)
        share = np.clip((fold.v - nose + 0.08) / (mouth - nose + 0.12), 0.0, 1.0)
        line = side * (width + 0.06 + 0.32 * share**0.8)
        ends = plateau(fold.v, nose - 0.12, nose, mouth - 0.05, mouth + 0.12)
        crease = bell(fold.u - line, 0.065) * ends
        add(fold, crease, 0.34, corner_pull=0.75, lip_raise=0.7, nose_wrinkle=0.35, cheek=0.3)
        eye = Window(side * 0.66 - 0.5, side * 0.66 + 0.5, -0.25, 0.55)
        bag_line = 0.19 - 0.35 * (eye.u - side * 0.5) ** 2
        bag = bell(eye.v - bag_line, 0.03) * np.exp(-(((eye.u - side * 0.5) / 0.27) ** 4))
        add(eye, bag, 0.36, cheek=0.9, lid_tight=0.35, nose_wrinkle=0.3)
        crow = np.zeros(eye.shape)
        for slope in (-0.5, 0.0, 0.5):
            line = 0.02 + slope * (np.abs(eye.u) - 0.75)
            reach = plateau(np.abs(eye.u), 0.76, 0.82, 0.9, 1.0)
            crow = crow + bell(eye.v - line, 0.018) * reach
        add(eye, crow, 0.36, cheek=1.0)
        drop = Window(side * 0.5 - 0.4, side * 0.5 + 0.4, mouth - 0.05, mouth + 0.55)
        line = side * (traits.mouth_width + 0.02 + 0.25 * (drop.v - mouth))
        fall = bell(drop.u - line, 0.04) * bell(drop.v - (mouth + 0.2), 0.15)
        add(drop, fall, 0.35, corner_drop=1.0)
    chin = Window(-0.5, 0.5, mouth + 0.15, traits.chin + 0.05)
    dimple = bump(chin.u, chin.v, (0.0, traits.chin - 0.22), (0.2, 0.12))
    grain = 0.5 + 0.5 * np.sin(55.0 * chin.u) * np.sin(50.0 * chin.v)
    add(chin, dimple * grain, 0.35, chin_raise=1.0)
    return folds
