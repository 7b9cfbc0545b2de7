"""Decode and encode audio and video with PyAV; nothing else here knows about containers.

One time axis per clip: second 0 is the first video frame, or the first audio sample where there is
no video. Audio is laid on that axis by its timestamps, which also removes the priming samples that
lossy codecs put before the sound (AAC in mp4, MP3 in flv), since those precede the picture.
"""

from avlib.media.info import MediaInfo, probe
from avlib.media.reading import video_frames
from avlib.media.sound import read_audio
from avlib.media.writing import write_clip

__all__ = ["MediaInfo", "probe", "read_audio", "video_frames", "write_clip"]
