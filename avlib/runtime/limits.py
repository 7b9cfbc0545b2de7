"""Section ``limits`` of params.yaml: what one task may take of a local worker."""

from avlib.runtime.params import Positive, Section

_UNIT = 1e9  # bytes in a GB


class Limits(Section):
    """How much memory, GB, a task's process may hold, and how long, s, the task may take."""

    memory: Positive
    time: Positive

    def excess(self, rss: int, seconds: float) -> str:
        """Return what a task has too much of, "" while that is nothing.

        Parameters
        ----------
        rss : int
            Bytes that its process holds in memory.
        seconds : float
            Since it began.
        """
        if rss > self.memory * _UNIT:
            found = (
                f"holds {rss / _UNIT:.1f} GB in memory, more than limits.memory = {self.memory:g}"
            )
        elif seconds > self.time:
            found = f"takes longer than limits.time = {self.time:g} s"
        else:
            return ""
        return f"{found}; mend the recording, cut it into shorter ones, or raise the limit"
