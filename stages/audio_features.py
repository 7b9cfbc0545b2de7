"""Describe the sound with the chosen descriptors."""

from avlib import registry
from avlib.descriptors.audio_clip import audio_rows
from avlib.descriptors.describe_corpus import describe_corpus
from avlib.descriptors.encoder_folder import encoder_digest
from avlib.descriptors.tables import AUDIO
from avlib.params import load
from avlib.runtime import paths
from avlib.runtime.stage import run

PARAMS = ("audio", "limits", "max_failed_fraction")


def main() -> None:
    """Write ``data/audio``, ``data/audio_views`` and the status of every clip."""
    params = load(PARAMS)
    settings = params.audio.model_dump()
    views = registry.views("audio", settings | encoder_digest("audio", settings))
    bounds = params.max_failed_fraction, params.limits
    describe_corpus("audio", views, audio_rows, paths.SPEECH, AUDIO, *bounds)


if __name__ == "__main__":
    run(main)
