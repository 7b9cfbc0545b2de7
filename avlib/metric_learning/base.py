"""What every metric learner needs: checked inputs and distances."""

import warnings
from collections.abc import Iterator, Mapping

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array

MODALITIES = ("audio", "video")


def check_features(X: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Check feature matrices and bring them into the project's order of modalities.

    Parameters
    ----------
    X : dict of str to array of shape (n, d_view)
        One matrix per modality ("audio", "video"), or several views of one ("audio.is10",
        "audio.egemaps"); rows are the same samples in each.

    Returns
    -------
    dict of str to float32 or float64 array
        Audio before video, the views of each as they came.

    Raises
    ------
    ValueError
        No or an unknown modality, not a matrix, matrices of different lengths, or a value that is
        not finite (the message names the view).
    """
    unknown = sorted(view for view in X if modality_of(view) not in MODALITIES)
    if unknown or not X:
        raise ValueError(f"expected features of {' or '.join(MODALITIES)}, got {sorted(X)}")
    checked = {
        view: check_array(
            values, dtype=[np.float64, np.float32], ensure_min_samples=0, input_name=view
        )
        for modality in MODALITIES
        for view, values in X.items()
        if modality_of(view) == modality
    }
    lengths = {view: len(values) for view, values in checked.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"every modality needs the same samples, got lengths {lengths}")
    return checked


def modality_of(view: str) -> str:
    """Return the modality that a view describes: "audio" of "audio.egemaps"."""
    return view.split(".")[0]


def check_labels(y: np.ndarray, n: int, name: str = "y") -> np.ndarray:
    """Check that ``y`` is a vector of ``n`` labels; raise ValueError with both lengths if not."""
    labels = np.asarray(y)
    if labels.shape != (n,):
        raise ValueError(f"{name} must have shape ({n},) like the features, got {labels.shape}")
    return labels


def warn_unconverged(message: str) -> None:
    """Warn the caller of the caller's caller that learning stopped early."""
    warnings.warn(message, ConvergenceWarning, stacklevel=4)


def squared_distances(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances between the rows of two matrices.

    Parameters
    ----------
    A : array of shape (n, d)
    B : array of shape (m, d)

    Returns
    -------
    float64 array of shape (n, m)
        Never negative. Rows are centred on B's mean first, which changes no distance and keeps
        the expanded square from cancelling.
    """
    if len(A) == 0:
        return np.zeros((0, len(B)))
    return next(blocks_of_squared_distances(A, B, len(A)))


def blocks_of_squared_distances(
    A: np.ndarray, B: np.ndarray | None, rows: int, dtype: type[np.floating] = np.float64
) -> Iterator[np.ndarray]:
    """Yield `squared_distances` of some rows of A at a time, of shape (rows, m).

    Without B the rows are compared with each other: a block begins at the diagonal, with the
    distance of its first row to itself, and what stands before it is in the blocks above. In single
    precision a distance is a few millionths of the rows' squared distances to the mean off.
    """
    among = B is None
    A = np.asarray(A, dtype)
    B = A if B is None else np.asarray(B, dtype)
    mean = B.mean(axis=0, dtype=np.float64).astype(dtype) if len(B) else dtype(0)
    B = B - mean
    A = B if among else A - mean
    lengths = (A**2).sum(axis=1), (B**2).sum(axis=1)
    for start in range(0, len(A), rows):
        some, others = slice(start, start + rows), slice(start if among else 0, None)
        squares = lengths[0][some, None] + lengths[1][None, others]
        # Copied: the product of an array with itself NumPy computes, and rounds, in another way.
        left = A[some].copy() if among else A[some]
        products = left @ B[others].T
        products *= 2.0
        squares -= products
        yield np.maximum(squares, 0.0, out=squares)
