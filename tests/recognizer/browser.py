"""A headless Chromium, spoken to in its DevTools protocol over two pipes."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
_PATIENCE = 60  # s


class Browser:
    """One page in a browser of its own.

    Attributes
    ----------
    requests : list of str
        Addresses that the page has asked for so far.
    errors : list of str
        What it has complained of so far.
    """

    def __init__(self, width=1280, height=900, dark=False):
        self._folder = tempfile.TemporaryDirectory(
            prefix="avlib-browser-", ignore_cleanup_errors=True
        )
        our_in, self._out = os.pipe()
        self._in, our_out = os.pipe()
        self.requests, self.errors = [], []
        self._buffer, self._number = b"", 0

        def wire():
            """The browser reads from 3 and writes to 4."""
            pipes = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (our_in, our_out)]
            for place, pipe in enumerate(pipes, 3):
                os.dup2(pipe, place)

        self._process = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             "--disable-dev-shm-usage", "--no-first-run", "--mute-audio", "--disable-extensions",
             "--autoplay-policy=no-user-gesture-required",
             f"--user-data-dir={self._folder.name}", "about:blank"],
            preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(our_in)
        os.close(our_out)
        pages = self._ask("Target.getTargets")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log", "DOM"):
            self.ask(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **size)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(timeout=_PATIENCE)
        os.close(self._in)
        os.close(self._out)
        self._folder.cleanup()

    def ask(self, method, **parameters):
        """Ask the page for something, in the terms of the protocol."""
        return self._ask(method, self._session, **parameters)

    def _ask(self, method, session=None, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        message |= {"sessionId": session} if session else {}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._note(answer)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def _next(self):
        deadline = time.monotonic() + _PATIENCE
        while b"\0" not in self._buffer:
            if not select.select([self._in], [], [], deadline - time.monotonic())[0]:
                raise AssertionError("the browser does not answer")
            if not (some := os.read(self._in, 1 << 20)):
                raise AssertionError("the browser has ended")
            self._buffer += some
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        facts = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(facts["request"]["url"])
            case "Runtime.exceptionThrown":
                details = facts["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description", details["text"]))
            case "Log.entryAdded" if facts["entry"]["level"] == "error":
                self.errors.append(facts["entry"]["text"])

    def open(self, path: Path):
        """Open a file, until it is laid out."""
        self.ask("Page.navigate", url=path.absolute().as_uri())
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, expression):
        """Return what an expression of JavaScript is, awaited."""
        done = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in done:
            raise AssertionError(f"{expression}: {done['exceptionDetails']}")
        return done["result"].get("value")

    def until(self, expression):
        """Wait until an expression holds."""
        deadline = time.monotonic() + _PATIENCE
        while not self.run(expression):
            if time.monotonic() > deadline:
                raise AssertionError(f"never came: {expression}")
            time.sleep(0.02)

    def box(self, selector):
        """Return left, top, width and height of an element."""
        return self.run(
            f"(({{left, top, width, height}}) => [left, top, width, height])"
            f"(document.querySelector({selector!r}).getBoundingClientRect())"
        )

    def click(self, x, y):
        """Click at a place of the window."""
        where = {"x": x, "y": y, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, **where)

    def press(self, key):
        """Press a key that has a name, such as ArrowRight."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key)
