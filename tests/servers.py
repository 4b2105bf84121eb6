"""Real servers for the tests: PostgreSQL, MariaDB and object storage are started on loopback and stopped again.

A server lives in a folder of its own under the system's temporary folder, which `make test` keeps in memory where there is plenty of it (a table is
made a hundred times sooner there). It listens on a port the system picked, and is killed by its process id when the session ends, or by the kernel
when the test process dies first. Servers refuse to run as root, so under root they run as the user their package created.

A test that needs a server whose binaries are missing is skipped, and says which package to install; with CI=true it fails.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn
from urllib.request import urlopen

import psycopg
import pymysql
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HOST = "127.0.0.1"
USER = "seeknal"
PASSWORD = "correct horse"
SUPERUSER = "battery staple"
DATABASE = "analytics"
START_SECONDS = 60
STOP_SECONDS = 20
_PREFIX = "seeknal-"
_OURS = re.compile(_PREFIX + r"(?P<pid>\d+)-\w{8}")
_MOTO = Path(__file__).parents[1] / ".venvs" / "moto" / "bin"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and an account that owns `database` and may do nothing else."""

    kind: str
    host: str
    port: int
    user: str
    password: str
    database: str
    process: subprocess.Popen[bytes]
    certificate: Path | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What a connection needs to log in."""
        return {"host": self.host, "port": self.port, "user": self.user, "password": self.password, "database": self.database}

    def connect(self) -> Any:
        """A connection of the plain driver, for a test to look at the server from another side."""
        settings = self.settings
        if self.kind == "postgres":
            return psycopg.connect(dbname=settings.pop("database"), **settings, autocommit=True)
        return pymysql.connect(**settings, autocommit=True, charset="utf8mb4", ssl_disabled=True)

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements one by one; the rows of the last."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    """A MariaDB server."""
    with running_mariadb() as server:
        yield server


@pytest.fixture
def own_postgres_server() -> Iterator[Server]:
    """A PostgreSQL server for one test, to be killed by it."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def own_mariadb_server() -> Iterator[Server]:
    """A MariaDB server for one test, to be killed by it."""
    with running_mariadb() as server:
        yield server


@contextlib.contextmanager
def running_postgres() -> Iterator[Server]:
    """Start a PostgreSQL server; stop it and remove its files at the end."""
    postgres = _binary("postgres", "postgresql", "/usr/lib/postgresql/*/bin")
    with _folder() as folder:
        account = _owner(folder, "postgres")
        data, password = folder / "data", folder / "password"
        password.write_text(SUPERUSER)
        password.chmod(0o644)
        initdb = ["--username=postgres", f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"]
        _run([postgres.with_name("initdb"), "-D", data, *initdb], account)
        certificate = _certificate(folder, account)
        tls = [f"ssl_cert_file={certificate}", f"ssl_key_file={folder / 'key.pem'}", "ssl=on"] if certificate else []
        options = [f"unix_socket_directories={folder}", f"listen_addresses={HOST}", "fsync=off", "max_connections=40", *tls]
        command = [str(postgres), "-D", str(data), *(part for option in options for part in ("-c", option))]

        def prepare(port: int) -> None:
            with psycopg.connect(host=HOST, port=port, user="postgres", password=SUPERUSER, dbname="postgres", autocommit=True) as admin:
                admin.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
                admin.execute(f"CREATE DATABASE {DATABASE} OWNER {USER}")

        program = Program(lambda port: [*command, "-p", str(port)], account, signal.SIGQUIT, prepare)
        with _serving(program, psycopg.OperationalError) as (port, process):
            yield Server("postgres", HOST, port, USER, PASSWORD, DATABASE, process, certificate)


@contextlib.contextmanager
def running_mariadb() -> Iterator[Server]:
    """Start a MariaDB server; stop it and remove its files at the end."""
    mariadbd = _binary("mariadbd", "mariadb-server", "/usr/sbin", "/usr/local/sbin")
    install = _binary("mariadb-install-db", "mariadb-server", "/usr/bin", "/usr/local/bin")
    with _folder() as folder:
        account = _owner(folder, "mysql")
        data, log = folder / "data", folder / "socket"
        _run([install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"], account)
        certificate = _certificate(folder, account)
        tls = [f"--ssl-cert={certificate}", f"--ssl-key={folder / 'key.pem'}"] if certificate else []
        options = [f"--datadir={data}", f"--socket={log}", f"--bind-address={HOST}", "--skip-name-resolve", "--innodb-buffer-pool-size=64M"]
        command = [str(mariadbd), "--no-defaults", *options, *tls, "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin"]

        def prepare(port: int) -> None:
            with pymysql.connect(host=HOST, port=port, user="root", ssl_disabled=True) as admin, admin.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
                cursor.execute(f"CREATE USER {USER} IDENTIFIED BY '{PASSWORD}'")
                cursor.execute(f"GRANT ALL ON {DATABASE}.* TO {USER}")

        program = Program(lambda port: [*command, f"--port={port}"], account, signal.SIGKILL, prepare)
        with _serving(program, pymysql.OperationalError) as (port, process):
            yield Server("mariadb", HOST, port, USER, PASSWORD, DATABASE, process, certificate)


@contextlib.contextmanager
def running_object_storage() -> Iterator[str]:
    """Start moto's S3 server, which takes any keys; yields its address. `make test` installs it in an environment of its own."""
    program = shutil.which("moto_server", path=f"{_MOTO}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        _missing("moto_server is not installed: make .venvs/moto/.installed")

    def prepare(port: int) -> None:
        with urlopen(f"http://{HOST}:{port}/moto-api/data.json", timeout=START_SECONDS):
            pass

    with _serving(Program(lambda port: [program, "-H", HOST, "-p", str(port)], None, signal.SIGKILL, prepare), OSError) as (port, _):
        yield f"http://{HOST}:{port}"


@dataclass(frozen=True, slots=True)
class Program:
    """How a server is started on a port, as whom, with which signal it stops, and what to do once it answers."""

    command: Callable[[int], list[str]]
    account: str | None
    stop: signal.Signals
    prepare: Callable[[int], None]


@contextlib.contextmanager
def _serving(program: Program, refused: type[Exception]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Start a server and prepare it as soon as it answers. Another process may take the port first: then on another port."""
    said = ""
    for _attempt in range(3):
        port = _free_port()
        with tempfile.TemporaryFile() as output, _process(program, port, output) as process:
            if _answers(program, port, process, refused):
                yield port, process
                return
            output.seek(0)
            said = output.read().decode(errors="replace")
    pytest.fail(f"{program.command(0)[0]} did not start within {START_SECONDS} s:\n{said[-3000:]}")


@contextlib.contextmanager
def _process(program: Program, port: int, output: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A child process, stopped by its id however the block ends."""
    command, setpriv = program.command(port), shutil.which("setpriv")
    if setpriv:  # the kernel stops the server when the tests are killed and can no longer do it themselves
        command = [setpriv, "--pdeathsig", program.stop.name.removeprefix("SIG"), *command]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", **_as(program.account))
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(program.stop)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


def _answers(program: Program, port: int, process: subprocess.Popen[bytes], refused: type[Exception]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            program.prepare(port)
        except refused:
            time.sleep(0.05)
        else:
            return True
    return False


def _binary(name: str, package: str, *folders: str) -> Path:
    found = shutil.which(name)
    if found:
        return Path(found)
    for folder in folders:
        anchor, _, pattern = folder.partition("*")
        candidates = Path(anchor).glob(f"*{pattern}/{name}") if "*" in folder else [Path(folder, name)]
        for candidate in sorted(candidates, reverse=True):
            if candidate.is_file():
                return candidate
    return _missing(f"{name} is not installed: apt-get install {package} (sh tests/system_packages.sh does it)")


def _missing(message: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A short path, because that of a Unix socket may have 107 characters only."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):  # by tests that were killed
        found = _OURS.fullmatch(left.name)
        if found and not Path("/proc", found["pid"]).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owner(folder: Path, account: str) -> str | None:
    """The account to run a server as, owning `folder`: this one, unless it is root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(account)
    except KeyError:
        _missing(f"running as root, and there is no user '{account}' to run the server as; its package creates it")
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return account


def _as(account: str | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []}


def _run(command: Sequence[str | Path], account: str | None) -> None:
    done = subprocess.run(command, check=False, capture_output=True, timeout=120, cwd="/", **_as(account))
    if done.returncode:
        pytest.fail(f"{command[0]} failed:\n{(done.stdout + done.stderr).decode(errors='replace')[-3000:]}")


def _certificate(folder: Path, account: str | None) -> Path | None:
    """A certificate for `HOST` that signs itself, beside its key; None without the program that makes one."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subject = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=IP:{HOST}", "-days", "2"]
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _run([openssl, *new, "-keyout", str(key), "-out", str(certificate), *subject], account)
    certificate.chmod(0o644)
    folder.chmod(0o755)
    return certificate


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
