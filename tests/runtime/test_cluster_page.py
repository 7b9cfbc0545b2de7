"""The commands and scripts of docs/cluster.md work, on one machine."""

import asyncio
import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask
import pytest
from cluster_tasks import where

from avlib.runtime.parallel import map_clips

PAGE = (Path(__file__).parents[2] / "docs/cluster.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
HERE = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parent)])


def blocks(section, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", SECTIONS[section], re.M | re.S)


def compute(address, monkeypatch):
    monkeypatch.setenv("AVLIB_SCHEDULER", address)
    monkeypatch.setenv("AVLIB_SCHEDULER_WAIT", "600")
    assert dict(map_clips(where, range(3), label="test")) == dict.fromkeys(
        range(3), (False, str(Path.cwd()))
    )


@contextlib.contextmanager
def running(command, **environment):
    """Run a command of the page with this environment's programs."""
    program, *options = shlex.split(command)
    program = str(Path(sys.executable).with_name(program))
    with subprocess.Popen(
        [program, *options], env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def by_hand(scheduler, worker, folder, **environment):
    """Run the page's commands for a scheduler and a worker; give the scheduler's address."""
    file = folder / "scheduler.json"
    scheduler = scheduler.replace("--port 8786", "--port 0 --host 127.0.0.1 --no-dashboard")
    with running(f"{scheduler} --scheduler-file {file}", **environment):
        until = time.monotonic() + 600
        while not file.exists() or not file.read_text().endswith("}"):
            assert time.monotonic() < until
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        worker = worker.replace("--nthreads 16", "--nthreads 1")
        worker = worker.replace("tcp://10.0.0.1:8786", address)
        with running(f"{worker} --no-dashboard", **environment):
            yield address


def test_workers_by_hand_one_of_which_declares_gpus(tmp_path, monkeypatch):
    [scheduler], [worker] = blocks("By hand", "sh")[:1], blocks("GPUs", "sh")
    with by_hand(scheduler, worker, tmp_path) as address:
        compute(address, monkeypatch)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
def test_tls(tmp_path, monkeypatch):
    settings, certificates = blocks("TLS", "sh")
    folder = tmp_path / "certificates"
    folder.mkdir()
    subprocess.run(["sh", "-e", "-c", certificates], cwd=folder, check=True, capture_output=True)
    found = re.findall(r"export DASK_(\w+)=(.*)", settings)
    values = {name: value.replace("$HOME", str(tmp_path)) for name, value in found}
    [scheduler] = re.findall("dask scheduler.*", settings)
    [worker] = blocks("GPUs", "sh")
    mine = {name.lower().replace("__", "."): value for name, value in values.items()}
    with (
        by_hand(scheduler, worker, tmp_path, **{f"DASK_{n}": v for n, v in values.items()}) as tls,
        dask.config.set(mine),
    ):
        assert tls.startswith("tls://")
        compute(tls, monkeypatch)


@pytest.fixture
def ssh():
    """A server on this machine that lets everybody in; its port."""
    asyncssh = pytest.importorskip("asyncssh")

    async def serve(process):
        child = await asyncio.create_subprocess_shell(
            f"exec {process.command}", stdin=asyncio.subprocess.DEVNULL, stdout=-1, stderr=-1
        )
        try:
            await process.redirect(stdout=child.stdout, stderr=child.stderr)
            ends = [
                asyncio.ensure_future(child.wait()),
                asyncio.ensure_future(process.wait_closed()),
            ]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if child.returncode is not None:
                process.exit(child.returncode)
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()

    class Open(asyncssh.SSHServer):
        def begin_auth(self, username):
            return False

    async def start():
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Open,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            process_factory=serve,
        )

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    server = asyncio.run_coroutine_threadsafe(start(), loop).result(60)
    yield server.get_port()

    async def end():
        server.close()
        await server.wait_closed()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    asyncio.run_coroutine_threadsafe(end(), loop).result(120)
    loop.call_soon_threadsafe(loop.stop)


def test_the_ssh_script(ssh, tmp_path, monkeypatch):
    [script] = blocks("SSH", "python")
    script = script.replace('"nthreads": 16', '"nthreads": 1').replace("8786", "0")
    script = script.replace('["10.0.0.1", "10.0.0.1", "10.0.0.2"]', '["127.0.0.1"] * 2')
    options = f'connect_options={{"port": {ssh}, "known_hosts": None, "username": "me"}}'
    script = script.replace("worker_options=", f"{options}, worker_options=")
    (tmp_path / "cluster.py").write_text(script)
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "cluster.py")], stdin=-1, stdout=-1, text=True
    ) as process:
        said = process.stdout.readline()
        assert said.startswith("export AVLIB_SCHEDULER=tcp://")
        compute(said.strip().partition("=")[2], monkeypatch)
        process.stdin.write("\n")
        process.stdin.flush()
        process.wait(60)


@pytest.mark.parametrize("section", ["Slurm and other queues", "Kubernetes"])
def test_the_other_scripts_are_python(section):
    [script] = blocks(section, "python")
    compile(script, section, "exec")
