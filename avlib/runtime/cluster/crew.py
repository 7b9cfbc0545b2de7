"""The workers of a cluster that a run may use: who is there, and who was taken out and why."""

import logging
import time
from collections.abc import Collection

from distributed import Client

from avlib.runtime.errors import AvlibError

_LOOK = 1.0  # s between two looks at who is there


class Crew:
    """The workers of a scheduler, looked at now and then.

    Parameters
    ----------
    client
        Of the scheduler.
    address
        The scheduler's.
    resource
        What a worker must declare to be used; "" for anything.
    patience
        How long to wait where there is no worker, s.
    """

    def __init__(self, client: Client, address: str, resource: str, patience: float) -> None:
        self.client, self.address = client, address
        self.resource, self.patience = resource, patience
        self.threads = 0  # of all that may be used
        self._there: set[str] = set()  # addresses of all that may be used
        self._out: dict[str, str] = {}  # why, by address
        self._looked = self._seen = 0.0
        self._waits = False

    def look(self) -> bool:
        """Learn who is there; say whether that was looked at anew.

        Raises
        ------
        AvlibError
            The scheduler is gone, nobody was there for too long, or all were taken out.
        """
        now = time.monotonic()
        if self._looked and now - self._looked < _LOOK:
            return False
        try:
            found = self.client.scheduler_info(n_workers=-1)["workers"]
        except (OSError, KeyError, RuntimeError) as error:  # KeyError: the client gave up on it
            raise gone(self.address) from error
        self._looked = time.monotonic()
        if not self._seen:
            self._seen = now
        usable = {
            address: facts
            for address, facts in found.items()
            if not self.resource or facts["resources"].get(self.resource, 0) > 0
        }
        there = {address: facts for address, facts in usable.items() if address not in self._out}
        if usable and not there:
            raise AvlibError(
                f"no worker of {self.address} is left, all were taken out:"
                f" {'; '.join(sorted(self._out.values()))}; finished clips are kept"
            )
        self._there = set(there)
        slots = (
            facts["resources"].get(self.resource, facts["nthreads"]) for facts in there.values()
        )
        self.threads = int(sum(slots))
        self._wait(now)
        return True

    def _wait(self, now: float) -> None:
        if self._there:
            self._seen, self._waits = now, False
            return
        wanted = f"a worker that declares {self.resource}" if self.resource else "a worker"
        start = f"`dask worker {self.address}`"
        if self.resource:
            start = f"`dask worker {self.address} --resources {self.resource}=1`"
        if now - self._seen > self.patience:
            raise AvlibError(
                f"{self.address}: no Dask worker for {self.patience:g} s; expected {wanted}; start"
                f" one with {start}, raise AVLIB_SCHEDULER_WAIT, or unset AVLIB_SCHEDULER, and run"
                " again: finished clips are kept"
            )
        if not self._waits:
            self._waits = True
            logging.getLogger(__name__).warning(
                f"waiting for {wanted} of {self.address}, for up to {self.patience:g} s"
                f" (AVLIB_SCHEDULER_WAIT); {start} starts one"
            )

    def take_out(self, address: str, reason: str) -> None:
        """Give a worker nothing more, and name it."""
        if address in self._out:
            return
        self._out[address] = f"{address} {reason}"
        logging.getLogger(__name__).warning(f"worker {address} is taken out: {reason}")
        self._there.discard(address)
        self._looked = 0.0

    def besides(self, others: Collection[str]) -> list[str] | None:
        """Return the addresses of all that may be used but some; None where that is everybody."""
        left = sorted(self._there - set(others))
        everybody = not self._out and len(left) == len(self._there)
        return None if everybody else left

    def has_others(self, address: str) -> bool:
        """Say whether anybody but one may be used."""
        return bool(self._there - {address})

    def __contains__(self, address: str) -> bool:
        return address in self._there


def gone(address: str) -> AvlibError:
    """Return what to say of a scheduler that went away."""
    return AvlibError(
        f"the Dask scheduler at {address} went away; expected it to stay until the work is done;"
        " start it and its workers (they end without it), and run again: finished clips are kept"
    )
