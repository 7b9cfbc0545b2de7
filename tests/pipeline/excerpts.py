"""Short forms of the demo's clips."""

import av

from avlib import media


def excerpt(source, target, begin=0.3, end=1.1, **codecs):
    """Write some seconds of a clip, by default such in which somebody speaks."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(source)) as stream:
        fps = float(stream.streams.video[0].average_rate)
        frames = [frame.to_ndarray(format="rgb24") for frame in stream.decode(video=0)]
    seen = frames[round(fps * begin) : round(fps * end)]
    heard = media.read_audio(source)[round(16000 * begin) : round(16000 * end)]
    media.write_clip(target, seen, fps, heard, 16000, **codecs)
