"""The votes of the nearest clips, and how far clips lie apart."""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

COLLAPSED = 0.1  # a spread below a tenth of what it can be


def votes(
    known: np.ndarray, labels: np.ndarray, asked: np.ndarray | None, n_classes: int, k: int
) -> np.ndarray:
    """Return the shares of the k nearest clips' emotions, shape (n_asked, n_classes).

    Parameters
    ----------
    known : array of shape (n, d)
        Embeddings of the clips that may vote.
    labels : int array of shape (n,)
        Their emotions.
    asked : array of shape (n_asked, d), or None
        None asks about the same clips, of which none votes for itself.
    n_classes, k : int
        Where there are fewer clips than k, all of them vote.
    """
    most = len(labels) - (asked is None)
    knn = KNeighborsClassifier(min(k, most), algorithm="brute").fit(known, labels)
    shares = np.zeros((len(known if asked is None else asked), n_classes))
    shares[:, knn.classes_] = knn.predict_proba(asked)
    return shares


def spread(embedded: np.ndarray) -> float:
    """Return the root mean square distance of embeddings (n, d) from their mean.

    Of embeddings of length 1 it is 1 where they point everywhere alike and 0 where all are one.
    """
    return float(np.sqrt(((embedded - embedded.mean(axis=0)) ** 2).sum(axis=1).mean()))
