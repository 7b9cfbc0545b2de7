"""The face and the sound of a clip, small enough to stand in a page."""

import base64
import io
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from avlib.media import write_clip
from avlib.runtime import paths, tables
from avlib.runtime.parts import part_files

_SIDE = 96  # pixels
_LONGEST = 8.0  # s of sound
_BIT_RATE = 32_000  # of it


def face_of(clip_id: str, subject: str) -> str:
    """Return the address of a clip's middle face as JPEG; "" where none was found."""
    rows = _rows(paths.FACES, clip_id, subject, ["chip"])
    chips = [chip for chip in rows["chip"].to_pylist() if chip] if rows is not None else []
    if not chips:
        return ""
    face = Image.open(io.BytesIO(chips[len(chips) // 2])).convert("RGB")
    file = io.BytesIO()
    face.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS).save(file, "jpeg", quality=80)
    return _address("image/jpeg", file.getvalue())


def sound_of(clip_id: str, subject: str) -> str:
    """Return the address of a clip's sound (its first seconds) as AAC in MP4; "" without sound."""
    rows = _rows(paths.SPEECH, clip_id, subject, ["sample_rate", "pcm"])
    if rows is None or not rows.num_rows or not (pcm := rows["pcm"][0].as_py()):
        return ""
    rate = rows["sample_rate"][0].as_py()
    signal = np.frombuffer(pcm, np.int16)[: round(_LONGEST * rate)] / 32768
    with tempfile.TemporaryDirectory(prefix="avlib-") as folder:
        file = Path(folder) / "sound.mp4"
        write_clip(file, None, None, signal, rate, audio_bitrate=_BIT_RATE)
        return _address("audio/mp4", file.read_bytes())


def _rows(folder: Path, clip_id: str, subject: str, columns: list[str]) -> pa.Table | None:
    """Read a clip's rows of a table; None where the table has none of them."""
    for part in part_files(folder, subject):
        for ref in tables.clip_refs(part):
            if ref.clip_id == clip_id:
                return tables.read_clip(part, ref.row_group, columns)
    return None


def _address(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"
