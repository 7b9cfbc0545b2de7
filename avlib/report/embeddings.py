"""A fold's test clips in the spaces that a model learned, beside the raw one (MERML fig. 2).

Embeddings of two folds come from two trained models and share no space, so everything here is about
one fold. Of its test clips, those count that have a place in every space.

scikit-learn is loaded where it is used: the report needs none of it, and it takes a second.
"""

import numpy as np
import pandas as pd

from avlib.runtime.tables import vectors
from avlib.runtime.threads import single_thread

NEIGHBOURS = 5
DRAWN_FROM = 12  # clips; fewer show nothing
PERPLEXITY = 30  # scikit-learn's default; a third of the clips where they are fewer than 90
_MODALITIES = ("audio", "video")


def spaces(
    fisher: pd.DataFrame | None, embeddings: pd.DataFrame
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Put the same clips into every space.

    Parameters
    ----------
    fisher, embeddings
        Rows of these tables, of one fold; no `fisher` for a model that does not learn from it.

    Returns
    -------
    clip_id : str array of shape (n_clips,)
    spaces : dict of str to array of shape (n_clips, d)
        "raw": the Fisher vectors of the model's modalities side by side; then those of "audio",
        "video" and "joint" that the model learned.
    """
    rows = embeddings
    if fisher is not None:
        rows = embeddings.merge(fisher, on=["clip_id", "fold"], suffixes=("", "_raw"))
    learned = [space for space in (*_MODALITIES, "joint") if rows[space].notna().any()]
    used = [m for m in _MODALITIES if m in learned] or _MODALITIES
    raw = [] if fisher is None else [f"{m}_raw" for m in used if rows[f"{m}_raw"].notna().any()]
    rows = rows[rows[learned + raw].notna().all(axis=1)]
    found = {"raw": np.hstack([vectors(rows[column]) for column in raw])} if raw else {}
    return rows["clip_id"].to_numpy(dtype=str), found | {s: vectors(rows[s]) for s in learned}


def neighbours_accuracy(values: np.ndarray, emotions: np.ndarray, subjects: np.ndarray) -> float:
    """How often the nearest clips of other subjects have a clip's emotion.

    Each clip gets the commonest emotion of its `NEIGHBOURS` nearest clips (by Euclidean distance)
    among those of other subjects, so that two clips are not called alike for their speaker.

    Parameters
    ----------
    values : array of shape (n_clips, d)
    emotions, subjects : arrays of shape (n_clips,)

    Returns
    -------
    float
        Share of the clips that get their own emotion; NaN where there is but one subject, or too
        few clips of others.
    """
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    counts = pd.Series(subjects).value_counts()
    if len(counts) < 2 or len(subjects) - counts.iloc[0] < NEIGHBOURS:
        return float("nan")
    nearest, others = KNeighborsClassifier(NEIGHBOURS), LeaveOneGroupOut()
    with single_thread():  # as many threads, as many ways of rounding
        predicted = cross_val_predict(nearest, values, emotions, groups=subjects, cv=others)
    return float(np.mean(predicted == emotions))


def tsne(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """Lay clips out in the plane so that near ones stay near (van der Maaten and Hinton 2008).

    Parameters
    ----------
    values : array of shape (n_clips, d)
        At least `DRAWN_FROM` clips.

    Returns
    -------
    array of shape (n_clips, 2)
        The same on every run.
    """
    from sklearn.manifold import TSNE

    values = np.asarray(values, np.float64)
    if not values.std(axis=0).any():  # all in one place, which has no principal axes to start from
        return np.zeros((len(values), 2))
    if values.shape[1] < 2:  # the start on two principal axes needs two columns
        values = np.hstack([values, np.zeros_like(values)])
    perplexity = min(PERPLEXITY, len(values) / 3)
    with single_thread():
        return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(values)
