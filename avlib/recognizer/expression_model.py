"""What the expression network says of faces, as a model that can be kept: it learned from stills.

It knows no corpus: its seven emotions are FER2013's, and each stands for one of the model's.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from scipy.special import softmax

from avlib.corpora.fer2013 import EMOTIONS
from avlib.systems.common.model import BOTH, Model, VectorClips
from avlib.systems.common.pieces import Piece, unlabelled
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System


class MeanExpression:
    """Pieces of recordings as the mean probabilities of their faces' expressions."""

    def of_pieces(self, pieces: Sequence[Piece]) -> VectorClips:
        """Return clips without labels, "video" of shape (n, 7) in the order of FER2013."""
        values = np.zeros((len(pieces), len(EMOTIONS)))
        seen = np.zeros(len(pieces), bool)
        for row, piece in enumerate(pieces):
            _, described = piece.described.get("video", ((), ()))
            if len(described):
                seen[row] = True
                logits = np.asarray(described, float)[:, -len(EMOTIONS) :]
                values[row] = softmax(logits, axis=1).mean(axis=0)
        labels = unlabelled(len(pieces))
        return VectorClips(**labels, present={"video": seen}, features={"video": values})


class ExpressionModel(Model[VectorClips]):
    """Takes the expressions' probabilities for those of the emotions.

    Parameters
    ----------
    n_classes : int
        Emotions that are told apart.
    modalities : tuple of str
        "video".
    stands_for : sequence of int
        Of each emotion of FER2013, the code of the one that it stands for.
    """

    def __init__(
        self, n_classes: int, modalities: tuple[str, ...] = ("video",), *, stands_for: Sequence[int]
    ) -> None:
        self.n_classes, self.modalities = n_classes, tuple(modalities)
        self.stands_for = list(stands_for)
        self.chosen_ = {}

    def fit(self, train: VectorClips, validation: VectorClips) -> Self:
        """Learn nothing: the network has learned."""
        return self

    def predict_proba(self, clips: VectorClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return probabilities of shape (n_clips, n_classes).

        Raises
        ------
        DataError
            A clip shows no face (ask `scorable` first).
        """
        self.require_scorable(clips, modalities)
        probabilities = np.zeros((len(clips), self.n_classes))
        for expression, code in enumerate(self.stands_for):
            probabilities[:, code] += clips.features["video"][:, expression]
        return probabilities

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``, as JSON knows them."""
        return super().arguments() | {"stands_for": self.stands_for}


class ExpressionSystem(System):
    """The network by itself, as what reads a kept model back sees it; no stage trains it."""

    name = "expression"
    models = MappingProxyType({"expression": "What the expression network says of faces, alone"})
    model = "avlib.recognizer.expression_model:ExpressionModel"

    def recipe(self, model: str, params: Any) -> Recipe:
        """Raise ValueError: it is not trained here, but by scripts/train_expression.py."""
        raise ValueError(f"{model} is made by scripts/make_box.py, and trained in no fold")

    def source(self, model: str, settings: Mapping[str, Any]) -> MeanExpression:
        """Return what makes clips of described faces."""
        return MeanExpression()
