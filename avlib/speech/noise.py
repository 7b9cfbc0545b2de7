"""Speech in noise: white noise, babble of other talkers, and mixtures at a stated ratio."""

from collections.abc import Sequence

import numpy as np

from avlib.runtime.errors import MediaError

TALKERS = 8  # voices in a babble: more than the six from which single words cannot be made out


def white_noise(n: int, seed: int) -> np.ndarray:
    """Return Gaussian white noise of unit power, float64 of shape (n,)."""
    return np.random.default_rng(seed).normal(size=n)


def babble(talkers: Sequence[np.ndarray], n: int, seed: int) -> np.ndarray:
    """Let many talkers speak at once, each as loud as the others.

    Each voice starts at a random place of its recording and begins again at its end. Recordings
    without pauses give a steady babble.

    Parameters
    ----------
    talkers : sequence of float arrays of shape (n_i,)
        At least six recordings of speech, none of them silent.
    n : int
        Samples wanted.
    seed : int
        Of the places.

    Returns
    -------
    array of shape (n,), float64
        Of about unit power.

    Raises
    ------
    ValueError
        Fewer than six talkers, or a silent one.
    """
    if len(talkers) < 6:
        raise ValueError(f"a babble of {len(talkers)} talkers; expected at least 6")
    random = np.random.default_rng(seed)
    total = np.zeros(n)
    for number, talker in enumerate(talkers):
        voice = np.resize(np.roll(talker.astype(np.float64), -random.integers(len(talker))), n)
        level = np.sqrt(np.mean(np.square(voice)))
        if level == 0:
            raise ValueError(f"talker {number} of a babble is silent; expected speech")
        total += voice / level
    return total / np.sqrt(len(talkers))


def add_noise(
    signal: np.ndarray, noise: np.ndarray, snr_db: float, spoken: np.ndarray | None = None
) -> np.ndarray:
    """Mix speech with noise at a signal-to-noise ratio, measured while somebody speaks.

    Parameters
    ----------
    signal, noise : float arrays of shape (n,)
        The signal in [-1, 1].
    snr_db : float
        Power of the signal over that of the noise in dB, both over the spoken samples.
    spoken : bool array of shape (n,), optional
        Where somebody speaks; everywhere when it is nowhere true, or None.

    Returns
    -------
    array of shape (n,), float32
        Turned down as a whole where the sum would leave [-1, 1], which keeps the ratio; cutting
        its peaks off would not.

    Raises
    ------
    MediaError
        The signal, or the noise, is silent there: no ratio is defined.
    """
    where = slice(None) if spoken is None or not spoken.any() else spoken
    powers = [np.mean(np.square(s[where], dtype=np.float64)) for s in (signal, noise)]
    if not min(powers) > 0:
        silent = "signal" if not powers[0] > 0 else "noise"
        raise MediaError(
            f"the {silent} is silent where speech is expected, so that no signal-to-noise ratio is"
            " defined; leave the recording out"
        )
    gain = np.sqrt(powers[0] / powers[1]) * 10.0 ** (-snr_db / 20)
    mixture = signal + gain * noise
    return (mixture / max(1.0, np.abs(mixture).max())).astype(np.float32)
