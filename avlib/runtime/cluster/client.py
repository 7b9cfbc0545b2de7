"""The client's side of a cluster: tasks go out in chunks, and what went wrong is tried elsewhere.

Dask decides which worker takes which chunk. Chunks are as long as a worker takes about a second
for, and more of them are with the scheduler than there are workers, so that a cluster that grows
sees the work. Of a chunk whose process died every task is tried again alone.
"""

import pickle
import queue
import uuid
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import distributed
from distributed import Client, Future

from avlib.runtime.attempt import CRASHED, Failure, unforeseen
from avlib.runtime.cluster.carrier import CALL, TEXT
from avlib.runtime.cluster.crew import Crew, gone
from avlib.runtime.cluster.work import Origin, differences
from avlib.runtime.local_workers import RETRIES

_POLL = 0.5  # s to wait for a chunk before looking at who is there
_SECOND = 1.0  # s that a chunk should take
_FIRST = 100  # tasks that go out one by one, before anybody knows how long they take
_AHEAD = 10  # chunks with the scheduler, for each thread of a worker
_TASKS, _BYTES = 500, 2**16  # most tasks of a chunk, and bytes at which it is full
_MESSAGE = 64  # most chunks that go to the scheduler in one message
_STRIKES = 3  # failures that others did not have, after which a worker is taken out


@dataclass
class Chunk:
    """Tasks that are computed one after another."""

    indices: list[int]
    deaths: int = 0  # of processes under it
    besides: tuple[str, ...] = ()  # workers that failed in it
    workers: list[str] | None = None  # that it was given to, where not to anybody


@dataclass
class _Suspect:
    """A worker that failed in a task, before others have tried it often enough."""

    address: str
    failure: Failure


@dataclass
class Run:
    """One run on a cluster."""

    client: Client
    crew: Crew
    start: dict[str, Any]  # of `carrier.carry`
    work: bytes
    origin: Origin
    tasks: Sequence[Any]
    label: str
    waiting: deque[Chunk] = field(default_factory=deque)
    under_way: dict[Future, Chunk] = field(default_factory=dict)
    finished: "queue.SimpleQueue[Future]" = field(default_factory=queue.SimpleQueue)
    suspects: dict[int, list[_Suspect]] = field(default_factory=dict)
    strikes: dict[str, int] = field(default_factory=dict)
    fresh: int = 0  # the next task that was never given out
    seconds: float | None = None  # that a task takes

    def outcomes(self) -> Generator[tuple[int, Any]]:
        """Yield the index of each task and its result, or its `Failure`."""
        while self.fresh < len(self.tasks) or self.waiting or self.under_way:
            if self.crew.look():
                self._give_up_on_the_gone()
            self._submit()
            try:
                future = self.finished.get(timeout=_POLL)
            except queue.Empty:
                continue
            if future in self.under_way:
                yield from self._settle(future)

    # ------------------------------------------------------------ out

    def _submit(self) -> None:
        """Hand the scheduler as many chunks as it should have, in one message for each choice."""
        ahead = max(_FIRST, _AHEAD * self.crew.threads)
        batches: dict[tuple[str, ...] | None, list[tuple[Chunk, bytes]]] = {}
        held = []
        for _ in range(ahead - len(self.under_way)):
            chunk = self.waiting.popleft() if self.waiting else self._next_chunk()
            if chunk is None:
                break
            chunk.workers = self.crew.besides(chunk.besides)
            if chunk.workers == []:  # who failed in it may be right
                chunk.workers = self.crew.besides(())
            if chunk.workers == []:
                held.append(chunk)
                continue
            payload = self._payload(chunk)
            choice = None if chunk.workers is None else tuple(chunk.workers)
            batches.setdefault(choice, []).append((chunk, payload))
        self.waiting.extend(held)
        for choice, batch in batches.items():
            futures = self.client.map(
                eval,
                [CALL] * len(batch),
                [
                    {"text": TEXT, "start": self.start, "work": self.work, "chunk": payload}
                    for _, payload in batch
                ],
                key=[f"{self.label}-{uuid.uuid4().hex}" for _ in batch],
                workers=None if choice is None else list(choice),
                resources={self.crew.resource: 1} if self.crew.resource else None,
                pure=False,
                batch_size=_MESSAGE,
            )
            for (chunk, _), future in zip(batch, futures, strict=True):
                self.under_way[future] = chunk
                future.add_done_callback(self.finished.put)

    def _next_chunk(self) -> Chunk | None:
        left = len(self.tasks) - self.fresh
        if not left or (self.seconds is None and self.fresh >= _FIRST):
            return None
        size = 1
        if self.seconds is not None:
            share = -(-left // (4 * max(1, self.crew.threads)))  # so that all end at one time
            size = max(1, min(int(_SECOND / max(self.seconds, 1e-6)), share, _TASKS))
        chunk = Chunk(list(range(self.fresh, self.fresh + size)))
        self.fresh += size
        return chunk

    def _payload(self, chunk: Chunk) -> bytes:
        """Pickle a chunk's tasks; those beyond a chunk's bytes wait for the next."""
        pickled, size = [], 0
        for index in chunk.indices:
            task = pickle.dumps(self.tasks[index])
            pickled.append((index, task))
            size += len(task)
            if size > _BYTES:
                break
        if rest := chunk.indices[len(pickled) :]:
            self.waiting.appendleft(Chunk(rest))
            del chunk.indices[len(pickled) :]
        return pickle.dumps(pickled)

    # ------------------------------------------------------------ back

    def _settle(self, future: Future) -> Iterator[tuple[int, Any]]:
        """Take what became of a chunk; yield what is decided by it."""
        chunk = self.under_way.pop(future)
        try:
            address, what, answer = future.result(timeout=30)
        except distributed.KilledWorker:
            yield from self._died(chunk)
            return
        except TimeoutError:  # the worker died with the result in its hands: Dask computes it again
            self.under_way[future] = chunk
            future.add_done_callback(self.finished.put)
            return
        except (CancelledError, distributed.client.FutureCancelledError) as error:
            raise gone(self.crew.address) from error
        except Exception as error:  # Dask's own: what stands in a chunk cannot be carried
            yield from self._died(chunk, unforeseen(error))
            return
        if what == "died":
            yield from self._died(chunk)
        elif what == "refused":
            said = answer if isinstance(answer, str) else differences(self.origin, answer)
            self.crew.take_out(address, said)
            self.waiting.appendleft(chunk)
        else:
            done, seconds = answer
            if done:
                new = seconds / len(done)
                self.seconds = new if self.seconds is None else (self.seconds + new) / 2
            if rest := chunk.indices[len(done) :]:
                self.waiting.appendleft(Chunk(rest))
            for index, payload in done:
                outcome = _unpickled(payload)
                if isinstance(outcome, Failure):
                    outcome = self._doubt(index, outcome, address)
                    if outcome is None:
                        continue
                else:
                    for suspect in self.suspects.pop(index, ()):
                        self._blame(suspect, address)
                yield index, outcome

    def _doubt(self, index: int, failure: Failure, address: str) -> Failure | None:
        """Return a failure that the task itself is to blame for, as far as anybody can say.

        Nobody can before a second worker has tried, if there is one, and before the client has
        looked for the files that are not there.
        """
        for path in failure.absent:
            if Path(path).exists():
                self.crew.take_out(address, f"does not see {path}, which the client sees")
                self.waiting.appendleft(Chunk([index], besides=(address,)))
                return None
        tries = self.suspects.setdefault(index, [])
        tries.append(_Suspect(address, failure))
        crashes = failure == CRASHED
        if len(tries) <= (RETRIES if crashes else 1) and (crashes or self.crew.has_others(address)):
            besides = tuple(one.address for one in tries)
            self.waiting.appendleft(Chunk([index], besides=besides))
            return None
        del self.suspects[index]
        return failure

    def _blame(self, suspect: _Suspect, address: str) -> None:
        """Count what a worker failed in and another one, at `address`, did not."""
        if suspect.address == address:
            return
        enough = 1 if suspect.failure.absent else _STRIKES
        self.strikes[suspect.address] = self.strikes.get(suspect.address, 0) + 1
        if self.strikes[suspect.address] >= enough:
            reason = f"failed in what another one did: {suspect.failure.reason}"
            self.crew.take_out(suspect.address, reason)

    def _died(self, chunk: Chunk, failure: Failure = CRASHED) -> Iterator[tuple[int, Any]]:
        """Try the tasks of a chunk again one by one; one that is alone and died often fails."""
        if len(chunk.indices) > 1:
            self.waiting.extendleft(Chunk([index]) for index in reversed(chunk.indices))
        elif chunk.deaths < RETRIES:
            self.waiting.appendleft(Chunk(chunk.indices, chunk.deaths + 1, chunk.besides))
        else:
            self.suspects.pop(chunk.indices[0], None)
            yield chunk.indices[0], failure

    def _give_up_on_the_gone(self) -> None:
        """Take back chunks of which all workers that might take them are gone."""
        for future, chunk in list(self.under_way.items()):
            if chunk.workers is not None and not any(w in self.crew for w in chunk.workers):
                del self.under_way[future]
                future.release()
                self.waiting.append(chunk)


def _unpickled(payload: bytes) -> Any:
    try:
        return pickle.loads(payload)
    except Exception as error:
        return unforeseen(error)
