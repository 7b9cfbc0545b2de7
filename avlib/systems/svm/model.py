"""The baselines: an RBF-SVM on one modality's vectors, or on both side by side."""

from dataclasses import replace
from typing import Self

import numpy as np

from avlib.systems.common.held_out_scores import held_out_scores
from avlib.systems.common.inner_splits import inner_splits
from avlib.systems.common.kernel_svm import Choice, Embedding, Labelled, Split
from avlib.systems.common.model import VectorClips, complete, concatenate
from avlib.systems.common.vector_model import VectorModel


class SVMModel(VectorModel):
    """RBF-SVM on the vectors as they are (MERML sec. 5).

    Two modalities are concatenated: the squared distance of the concatenation is the sum of both.
    See `VectorModel` for parameters.
    """

    def embed(self, features: dict[str, np.ndarray]) -> Embedding:
        """Take vectors as they are, each modality with weight 1."""
        return Embedding(features, dict.fromkeys(self.modalities, 1.0))

    def fit(self, train: VectorClips, validation: VectorClips) -> Self:
        """Choose C and sigma on clips held out of inner splits, then learn from both parts.

        Raises
        ------
        DataError
            A part has no clip with all modalities, or training has fewer than two emotions.
        """
        choice = self.choose(train, validation)
        return self.learn(concatenate(train, validation), choice)

    def choose(self, train: VectorClips, validation: VectorClips) -> Choice:
        """Choose C and sigma on clips held out of inner splits; errors as of `fit`."""
        train = complete(train, self.modalities, "training")
        validation = complete(validation, self.modalities, "validation")
        splits = inner_splits(train, validation, self.inner_folds)
        return self.svm.select(self._embedded_split(*split) for split in splits)

    def learn(self, clips: VectorClips, choice: Choice) -> Self:
        """Learn from the clips that have all modalities, with chosen settings."""
        whole = complete(clips, self.modalities, "training")
        self.svm_ = replace(self.svm).fit(*self._labelled(whole), choice)
        self.chosen_ = {"c": choice.c, "sigma": choice.sigma, **held_out_scores(choice.confusion)}
        return self

    def _embedded_split(self, learned: VectorClips, judged: VectorClips) -> Split:
        alone = self._each_alone(judged, self.embed)
        return self._labelled(learned), self._labelled(judged), alone

    def _labelled(self, clips: VectorClips) -> Labelled:
        return self.embed({m: clips.features[m] for m in self.modalities}), clips.emotion
