"""A `python` that starts stages and DVC at once: forks of a process that has imported libraries.

They spend seconds on importing them, and tests start hundreds of stages. What a stage does is
untouched: it is a process of its own, in its folder and its environment, that imports the project
from there. So is DVC, and the project's own command. Whatever is none of these goes to the real
Python.
"""

import gc
import json
import os
import runpy
import socket
import subprocess
import sys
import traceback
from pathlib import Path

import psutil

LIBRARIES = (
    "av", "cyvlfeat.fisher", "dask", "dlib", "dvc.cli.parser", "dvc.repo", "jinja2", "librosa",
    "lightning.pytorch", "matplotlib.pyplot", "numba", "opensmile", "pandas", "pyarrow.parquet",
    "pydantic.main", "pydantic.type_adapter", "rich.console", "ruamel.yaml", "safetensors.torch",
    "scipy.signal", "sklearn.cluster", "sklearn.manifold", "sklearn.mixture",
    "sklearn.model_selection", "sklearn.svm", "soxr", "torch", "typer",
)  # fmt: skip

CLIENT = """\
#!{python} -IS
import json, os, socket, sys
if sys.argv[1:2] != ["-m"] or sys.argv[2].partition(".")[0] not in ("avlib", "dvc", "stages"):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    facts = {{"argv": sys.argv[2:], "cwd": os.getcwd(), "environment": dict(os.environ)}}
    message = json.dumps(facts).encode()
    socket.send_fds(server, [len(message).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(message)
    code = server.recv(1)
sys.exit(code[0] if code else "the stage was killed")
"""


def start_server(folder: Path, tests: int) -> None:
    """Have such a `python` in a folder, to be put first on the PATH, while a process lives.

    Whichever process asks for it first starts it, and may end before the others that use it.
    """
    address = folder / "socket"
    client = folder / "python"
    client.write_text(CLIENT.format(python=sys.executable, address=str(address)))
    client.chmod(0o755)
    command = [sys.executable, __file__, str(address), str(tests)]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert server.stdout.read(1) == b"!", "the server of stages did not start"
    server.stdout.close()
    server.returncode = 0  # nobody waits for it


def serve(address: str, tests: int) -> None:
    """Fork for each stage that is asked for, until the process of the tests has ended."""
    for library in LIBRARIES:
        __import__(library)
    handle_locks_quickly()
    gc.freeze()  # stages need not look for garbage among the libraries
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        listening.settimeout(1)
        os.write(1, b"!")
        while True:
            try:
                asked, _ = listening.accept()
            except TimeoutError:
                if psutil.pid_exists(tests):
                    continue
                return
            if not os.fork():
                if os.fork():  # the child of a child that is gone has no one to wait for it
                    os._exit(0)
                listening.close()
                asked.sendall(bytes([_stage(asked)]))
                os._exit(0)
            asked.close()
            os.wait()


def handle_locks_quickly() -> None:
    """Let DVC read and write dvc.lock, which has no comments to keep, with libraries in C.

    It reads and writes the whole file for each stage, and does that in pure Python: most of all the
    time that DVC takes here.
    """
    from dvc.utils.serialize import _yaml
    from ruamel.yaml import YAML

    parse_with_comments, dump_with_comments = _yaml.parse_yaml_for_update, _yaml._dump
    plain = YAML(typ="safe")
    plain.default_flow_style = plain.sort_base_mapping_type_on_output = False

    def parse(text: str, path: str):
        parse_plainly = _yaml.parse_yaml
        return (parse_plainly if Path(path).name == "dvc.lock" else parse_with_comments)(text, path)

    def dump(data, stream):
        if Path(stream.name).name == "dvc.lock":
            plain.dump(json.loads(json.dumps(data)), stream)
        else:
            dump_with_comments(data, stream)

    _yaml.parse_yaml_for_update, _yaml._dump = parse, dump


def _stage(asked: socket.socket) -> int:
    """Become the stage that is asked for; return its exit status."""
    length, streams, _, _ = socket.recv_fds(asked, 8, 3)
    message = b""
    while len(message) < int.from_bytes(length, "big"):
        message += asked.recv(1 << 20)
    facts = json.loads(message)
    for own, theirs in enumerate(streams):
        os.dup2(theirs, own)
    os.environ.clear()
    os.environ.update(facts["environment"])
    os.chdir(facts["cwd"])
    sys.path[0] = facts["cwd"]
    sys.argv = facts["argv"]
    try:
        runpy.run_module(facts["argv"][0], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
        return code if isinstance(code, int) else int(bool(code))
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
