"""One test clip as a fold's models would see it with noise in its sound, or its face covered.

Nothing is fitted here: clean sound or faces are corrupted, described as the feature stages
describe them, and encoded by the encoder that the clip's fold has fitted on clean training clips.
"""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avlib.descriptors.audio_clip import describe_sound
from avlib.descriptors.visual_clip import chosen_chips, face_network
from avlib.faces.occlusion import occlude
from avlib.fisher.fold import load_encoder
from avlib.runtime.per_clip import ClipRows
from avlib.runtime.tables import read_clip
from avlib.speech.clip import from_pcm
from avlib.speech.noise import add_noise, babble, white_noise
from avlib.speech.vad import within

CLEAN = ("clean", 0.0)  # corruption and level of a clip that is left as it is


def noisy_rows(payload: Mapping[str, Any], params: Mapping[str, Any]) -> ClipRows:
    """Return the rows of table `corrupted` of one clip in white noise and in babble.

    A clip has one noise of each kind, which the levels only make louder. Detection of voice is not
    repeated: the ratio refers to the intervals found in the clean sound.

    Parameters
    ----------
    payload
        ``clip_id``; ``path`` and ``row_group`` of the clip in table `speech`; ``fold`` that tests
        it; ``encoder``: file and digest of the fold's audio encoder; ``talkers``: path and row
        group in table `speech` of the clips whose voices make the babble.
    params
        ``snr``: dB, and ``seed``, of section ``robustness``; ``audio``: that section; ``backend``
        of section ``fisher``.
    """
    signal, rate, spoken = _speech(payload["path"], payload["row_group"])
    seeds = {
        kind: seed_of(params["seed"], payload["clip_id"], kind) for kind in ("white", "babble")
    }
    talkers = []
    for path, row_group in payload["talkers"]:
        sound, _, voiced = _speech(path, row_group)
        talkers.append(sound[voiced])
    noises = {
        "white": white_noise(len(signal), seeds["white"]),
        "babble": babble(talkers, len(signal), seeds["babble"]),
    }
    versions = {CLEAN: signal} | {
        (kind, snr): add_noise(signal, noise, snr, spoken)
        for kind, noise in noises.items()
        for snr in params["snr"]
    }
    described = {
        key: describe_sound(sound, rate, params["audio"])[1] for key, sound in versions.items()
    }
    return _encoded(described, payload, params["audio"]["level"], params["backend"])


def occluded_rows(payload: Mapping[str, Any], params: Mapping[str, Any]) -> ClipRows:
    """Return the rows of table `corrupted` of one clip whose face is partly covered.

    A clip has one place that is covered in all of its frames, and more of it at each level.
    Detection is not repeated: what is covered is a face that was found and aligned uncovered.

    Parameters
    ----------
    payload
        ``clip_id``; ``path`` and ``row_group`` of the clip in table `faces`; ``fold`` that tests
        it; ``encoder``: file and digest of the fold's video encoder; ``weights``: of the face
        network, None where it has none.
    params
        ``occlusion``: shares of the face, and ``seed``, of section ``robustness``; ``visual``:
        that section; ``backend`` of section ``fisher``.
    """
    visual = params["visual"]
    _, _, chips = chosen_chips(payload, visual["fps"])
    network = face_network(visual["backbone"], visual["layer"], payload["weights"])
    random = np.random.default_rng(seed_of(params["seed"], payload["clip_id"], "occlusion"))
    place = (random.random(), random.random())
    described = {CLEAN: network.describe(chips)} | {
        ("occlusion", share): network.describe(occlude(chips, share, place))
        for share in params["occlusion"]
    }
    return _encoded(described, payload, "frames", params["backend"])


def seed_of(seed: int, *names: str) -> int:
    """Return a seed of its own for what the names name, the same in every process."""
    text = "\n".join([str(seed), *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def _speech(path: str, row_group: int) -> tuple[np.ndarray, int, np.ndarray]:
    """Read samples, sample rate, and which samples are speech (all, when no voice was found)."""
    row = read_clip(path, row_group).to_pylist()[0]
    signal, rate = from_pcm(row["pcm"]), row["sample_rate"]
    intervals = np.array(row["intervals"], dtype=float).reshape(-1, 2)
    spoken = within(np.arange(len(signal)) / rate, intervals)
    return signal, rate, spoken if spoken.any() else np.ones(len(signal), bool)


def _encoded(
    described: Mapping[tuple[str, float], np.ndarray],
    payload: Mapping[str, Any],
    level: str,
    backend: str,
) -> ClipRows:
    """Encode descriptors, by corruption and level, for the fold that tests the clip."""
    vectors = _encoder(*payload["encoder"], level, backend).encode(list(described.values()))
    corruptions, levels = zip(*described, strict=True)
    return ClipRows(
        {
            "fold": [payload["fold"]] * len(described),
            "corruption": list(corruptions),
            "level": list(levels),
            "vector": vectors,
        }
    )


@functools.lru_cache(maxsize=4)
def _encoder(path: str, digest: str, level: str, backend: str) -> Any:
    """Load an encoder once; its digest tells it from that of an earlier run at the same path."""
    return load_encoder(Path(path), level, backend)
