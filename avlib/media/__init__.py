"""Decode and encode audio and video with PyAV; nothing else here knows about containers.

One time axis per clip, that of the recording's clock (`clock`, `stamps`): second 0 is the first
video frame, or the first audio sample where there is no video. Audio is laid on that axis by its
timestamps, which also removes the priming samples that lossy codecs put before the sound (AAC in
mp4, MP3 in flv), since those precede the picture.
"""

from avlib.media.channels import Channels
from avlib.media.info import LEAST_SHARE, MediaInfo, probe
from avlib.media.reading import Held, held, video_frames
from avlib.media.sound import Sound, read_audio, read_sound
from avlib.media.writing import write_clip

__all__ = [
    "LEAST_SHARE",
    "Channels",
    "Held",
    "MediaInfo",
    "Sound",
    "held",
    "probe",
    "read_audio",
    "read_sound",
    "video_frames",
    "write_clip",
]
