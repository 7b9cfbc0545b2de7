"""A recording's one clock: when each packet of its streams happens.

The clock is what the stamps of the packets say, in seconds on the container's axis, but for stamps
that cannot be right. A jump that all later stamps keep is a gap: nothing was recorded for so long.
A jump that later stamps take back is damage, and those packets follow on the ones before. A step
back that stays is a recorder that was started again: it goes on where it had stopped.
"""

from __future__ import annotations

import functools
import itertools
import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from avlib.media import demux
from avlib.media.chain import Break, break_in, counts_from_zero
from avlib.media.stamps import FAR, TOLERANCE, WITNESSES, shifts, usual_step

# A picture is shown at most so many pictures, or so many s, later than the others after it is
# decoded; codecs allow 16.
_REORDERED, _LEAST_DELAY = 20, 1.0
_BACK_AND_FORTH = 0.05  # share of the packets
_MOST_WRONG = 10_000  # stamps that are remembered
_FAR_APART = 4096  # bytes; what stands between packets is shorter
_UNKNOWN = -(2**62)  # ticks, of a packet without a stamp


@dataclass(frozen=True)
class Track:
    """One stream on the recording's clock.

    Attributes
    ----------
    start : float or None
        When its first decodable frame begins, s on the container's axis; None where nothing says.
    end : float
        When the last packet's content ends.
    times : float array of shape (n_packets,)
        When packets begin, ascending; without those that an edit list keeps from being shown.
    damage : float array of shape (n,)
        When a damaged packet begins, and when the next whole keyframe, and so on: pictures between
        them refer to damage.
    repairs : tuple of (int, int or None)
        From this packet on, counted in the file's order, stamps are so many ticks too early, or
        mean nothing. Empty where all of them are right.
    wrong : frozenset of int, or None
        The stamps that mean nothing or are to be moved, ticks; None where they are so many that
        the stream cannot be sought by its stamps.
    """

    start: float | None
    end: float
    times: np.ndarray
    damage: np.ndarray = field(default_factory=lambda: np.empty(0))
    repairs: tuple[tuple[int, int | None], ...] = ()
    wrong: frozenset[int] | None = frozenset()

    def is_damaged(self, time: float) -> bool:
        """Tell whether a picture, at a time on the container's axis, is or refers to damage."""
        return int(np.searchsorted(self.damage, time, side="right")) % 2 == 1


@dataclass
class Contents:
    """Where in the file its packets lie, as far as they can be read.

    Attributes
    ----------
    first : int
        Byte at which the first one begins.
    reached : int
        Byte at which the last one ends.
    size : int
        Bytes of all.
    skipped : int
        Bytes where the chain of the file's parts is broken that nothing could be read of.
    between : int
        Bytes between packets that lie far apart.
    """

    first: int = 0
    reached: int = 0
    size: int = 0
    skipped: int = 0
    between: int = 0
    place: int = -1  # of the packet before

    def note(self, packet: Any, broken: Break | None) -> None:
        """Take the next packet on, of a file that is broken somewhere."""
        place = packet.pos or 0
        if not self.size:
            self.first = place
        if broken is not None and not self.skipped and place > broken.at:
            self.skipped = place - broken.at
        elif place - self.reached > _FAR_APART:
            self.between += place - self.reached
        self.size += packet.size
        # Several packets of a block say that they begin where it does.
        start = self.reached if place == self.place else place
        self.place, self.reached = place, max(self.reached, start + packet.size)


@dataclass(frozen=True)
class Clock:
    """The streams of a recording that decode; None where there is none.

    The second 0 of a clip is its first picture: what is heard before is no part of it, and sound
    that begins later is preceded by silence.

    Attributes
    ----------
    video, audio : Track or None
    contents : Contents
    absent : float
        Seconds before the first packet that the container had, and has lost.
    """

    video: Track | None
    audio: Track | None
    contents: Contents = field(default_factory=Contents)
    absent: float = 0.0

    @property
    def shared(self) -> bool:
        """False where one stream ends before the other begins, so that nothing relates them."""
        if self.video is None or self.audio is None:
            return True
        pictures, sound = self.video, self.audio
        return _starts(pictures) < sound.end and _starts(sound) < pictures.end

    def zero(self, kind: str) -> float:
        """Return where the clip begins for a stream, s on the container's axis."""
        tracks = (self.video, self.audio) if self.shared else (getattr(self, kind),)
        return next((t.start for t in tracks if t is not None and t.start is not None), 0.0)

    @property
    def duration(self) -> float:
        """Seconds from the clip's second 0 to the end of its longer stream."""
        kinds = [kind for kind in ("video", "audio") if getattr(self, kind) is not None]
        return max([0.0, *(getattr(self, kind).end - self.zero(kind) for kind in kinds)])

    @property
    def lost_start(self) -> float:
        """Seconds of pictures, or of sound alone, before what decodes first and begins the clip."""
        track = self.video or self.audio
        if track is None or track.start is None:
            return self.absent
        return max(track.start - float(track.times[0]), 0.0) + self.absent

    @property
    def sound_start(self) -> float | None:
        """When sound begins, s from the clip's second 0; None where nothing says."""
        if self.audio is None or self.audio.start is None:
            return None
        return self.audio.start - self.zero("audio")


def _starts(track: Track) -> float:
    return -math.inf if track.start is None else track.start


def read(path: Path | str) -> Clock:
    """Read the stamps of all packets, and decode the first frame of each stream.

    A file is read once for all of its spans; 25 bytes are held for a packet while it is read.

    Raises
    ------
    MediaError
        The file cannot be opened.
    """
    try:
        stat = Path(path).stat()
    except OSError:
        return _read(str(path), ())
    return _read(str(path), (stat.st_mtime_ns, stat.st_size, stat.st_ino))


@functools.lru_cache(maxsize=8)
def _read(path: str, version: tuple[int, ...]) -> Clock:
    with demux.opened(path) as container:
        streams = list(demux.first_streams(container).values())
        contents = Contents()
        said = _stamps(container, streams, break_in(path), contents) if streams else {}
        latest = {kind: stamps.latest for kind, stamps in said.items()}
        tracks = {
            kind: stamps.track(max((latest[o] for o in latest if o != kind), default=-math.inf))
            for kind, stamps in said.items()
        }
    found: dict[str, Track | None] = {"video": None, "audio": None}
    for kind, track in tracks.items():
        with demux.opened(path) as container:
            first = next(frames(container, demux.first_stream(container, kind), track), None)
            if first is not None:
                found[kind] = replace(track, start=demux.frame_time(first))
    starts = [float(track.times[0]) for track in tracks.values() if len(track.times)]
    absent = max(min(starts, default=0.0), 0.0) if counts_from_zero(path) else 0.0
    return Clock(**found, contents=contents, absent=absent)


def frames(
    container: Any,
    stream: Any,
    track: Track,
    *,
    sought: bool = False,
    tally: demux.Tally | None = None,
) -> Iterator[Any]:
    """Yield the frames of a stream as far as they decode, with stamps on the recording's clock.

    One whose stamp means nothing has none (neither `pts` nor `dts`): it follows on the one before.

    Parameters
    ----------
    sought
        Whether the container is not at its start, from which repairs count.
    tally
        Counts what was decoded, where somebody wants to know.
    """
    tally = tally or demux.Tally()
    edges = [*(number for number, _ in track.repairs), math.inf]
    place, number = 0, 0
    shift: int | None = 0
    for packet in demux.packets(container, [stream]):
        if track.repairs and packet.size:
            if sought:
                shift = None if _key(packet) in (track.wrong or ()) else 0
            while not sought and number >= edges[place]:
                shift = track.repairs[place][1]
                place += 1
            packet.pts, packet.dts = (
                None if stamp is None or shift is None else stamp + shift
                for stamp in (packet.pts, packet.dts)
            )
            number += 1
        yield from demux.decoded(packet, tally)


def _key(packet: Any) -> int | None:
    return packet.dts if packet.dts is not None else packet.pts


@dataclass
class _Stamps:
    """What the packets of one stream say, in the file's order, in ticks."""

    stream: Any
    decoding: array[int] = field(default_factory=lambda: array("q"))
    showing: array[int] = field(default_factory=lambda: array("q"))
    hidden: bytearray = field(default_factory=bytearray)  # 1 of packets that are decoded alone
    damage: list[int] = field(default_factory=list)  # numbers of what `Track.damage` holds
    last: Any | None = None  # the packet that is shown last, of those that were read
    reached: int = 0  # bytes into the file, of the packet furthest behind

    def note(self, packet: Any, broken: Break | None) -> None:
        """Take the next packet on, of a file that is broken somewhere."""
        place = packet.pos or 0
        damaged = packet.is_corrupt or (
            broken is not None and self.reached <= broken.part < place + packet.size
        )
        if damaged != len(self.damage) % 2 and (damaged or packet.is_keyframe):
            self.damage.append(len(self.decoding))
        self.decoding.append(_UNKNOWN if packet.dts is None else packet.dts)
        self.showing.append(_UNKNOWN if packet.pts is None else packet.pts)
        self.hidden.append(packet.is_discard)
        self.reached = max(self.reached, place + packet.size)
        if self.last is None or _stamp(packet) >= _stamp(self.last):
            self.last = packet

    @property
    def latest(self) -> float:
        """Seconds that `WITNESSES` packets have reached, -inf where there are fewer."""
        shown = _seconds(self.showing, self.stream)
        shown = np.sort(shown[np.isfinite(shown)])
        return float(shown[-WITNESSES]) if len(shown) >= WITNESSES else -math.inf

    def track(self, reach: float) -> Track:
        """Lay the packets on the clock; the other stream goes on until second `reach`."""
        tick = float(self.stream.time_base)
        decoded, shown = (_seconds(ticks, self.stream) for ticks in (self.decoding, self.showing))
        times = np.where(np.isnan(shown), decoded, shown)
        # Containers state when to decode, when to show, or both; the former never steps back.
        keys = decoded if np.isfinite(decoded).sum() * 2 >= len(decoded) else shown
        if _goes_back_and_forth(keys) and np.isfinite(shown).all():
            keys = _in_order(shown)
        length, full = self._length()
        step = full or usual_step(keys)
        keys = np.where(_misplaced(decoded, shown, step), np.inf, keys)
        repairs = tuple(
            (number, None if shift is None else round(shift / tick))
            for number, shift in shifts(keys, reach, full)
        )
        right = np.ones(len(times), bool)
        for (first, shift), (after, _) in itertools.pairwise([*repairs, (len(times), None)]):
            times[first:after] += np.nan if shift is None else shift * tick
            right[first:after] = shift == 0
        few = (~right).sum() <= min(_MOST_WRONG, len(right) / 10)
        wrong = frozenset(self._keys()[~right].tolist()) if few else None
        step = step or length
        known = np.flatnonzero(np.isfinite(times))
        if not len(known):
            times = np.arange(len(times)) * step
            return Track(None, len(times) * step, times, repairs=repairs, wrong=wrong)
        counted = np.arange(len(times))
        before = known[np.maximum(np.searchsorted(known, counted, side="right") - 1, 0)]
        times = np.where(np.isnan(times), times[before] + (counted - before) * step, times)
        damage = np.maximum.accumulate(times[self.damage]) if self.damage else np.empty(0)
        # Whoever trims an MP4 without encoding it anew leaves what comes before, to decode from.
        if not all(self.hidden):
            times = times[np.frombuffer(self.hidden, np.uint8) == 0]
        end = float(times.max()) + length
        return Track(None, end, np.sort(times), damage, repairs, wrong)

    def _keys(self) -> np.ndarray:
        decoding, showing = np.array(self.decoding), np.array(self.showing)
        return np.where(decoding == _UNKNOWN, showing, decoding)

    def _length(self) -> tuple[float, float]:
        """Return the length of the last packet's content, and of every full one or 0, seconds."""
        packet = self.last
        stated = 0.0 if packet is None else float((packet.duration or 0) * packet.time_base)
        if self.stream.type == "video":
            usual = 1.0 / (demux.mean_rate(self.stream) or np.inf)
            return stated if 0 < stated < FAR else usual, 0.0
        rate = self.stream.codec_context.sample_rate
        full = self.stream.codec_context.frame_size / rate if rate else 0.0
        if packet is not None and packet.has_sidedata("skip_samples") and full:
            padding = bytes(packet.get_sidedata("skip_samples"))[4:8]
            return max(full - int.from_bytes(padding, "little") / rate, 0.0), full
        length = min(stated, full) if stated and full else stated or full
        return length if length < FAR else full, full


def _seconds(ticks: array[int], stream: Any) -> np.ndarray:
    values = np.array(ticks, np.int64)
    return np.where(values == _UNKNOWN, np.nan, values * float(stream.time_base))


def _goes_back_and_forth(keys: np.ndarray) -> bool:
    """Tell whether stamps of decoding are such of showing, which are in another order.

    FFmpeg makes up the former of a Matroska, and repeats the latter behind where one was appended.
    """
    steps = np.diff(keys)
    back = (steps < -TOLERANCE) & (steps > -_LEAST_DELAY)
    return bool(back.sum() > _BACK_AND_FORTH * len(keys))


def _in_order(shown: np.ndarray) -> np.ndarray:
    """Sort stamps within what steps back by more than pictures are reordered."""
    parts = np.split(shown, np.flatnonzero(np.diff(shown) <= -_LEAST_DELAY) + 1)
    return np.concatenate([np.sort(part) for part in parts])


def _misplaced(decoded: np.ndarray, shown: np.ndarray, step: float) -> np.ndarray:
    """Tell which packets claim to be shown at another time than those around them."""
    delays = shown - decoded
    limit = max(_REORDERED * step, _LEAST_DELAY)
    far = np.zeros(len(delays), bool)
    if np.isfinite(delays).any():
        usual = np.nanmedian(delays)
        for number in np.flatnonzero(np.abs(delays - usual) > limit):
            # Before a gap the first picture after it is decoded: it is due where others go on.
            due = shown[number] - usual - decoded[number : number + _REORDERED]
            far[number] = not (np.abs(due) <= limit).any()
    return far


def _stamps(
    container: Any, streams: list[Any], broken: Break | None, contents: Contents
) -> dict[str, _Stamps]:
    read = {stream.index: _Stamps(stream) for stream in streams}
    for packet in demux.packets(container, streams):
        if not packet.size:
            continue
        contents.note(packet, broken)
        # An AVI may have chunks that do not lead to the next ones, and yet be whole.
        is_flv = container.format.name == "flv"
        read[packet.stream.index].note(packet, broken if is_flv else None)
    return {found.stream.type: found for found in read.values()}


def _stamp(packet: Any) -> int:
    return packet.pts if packet.pts is not None else packet.dts or 0
