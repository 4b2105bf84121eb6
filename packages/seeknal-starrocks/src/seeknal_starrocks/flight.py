"""Reading over Arrow Flight SQL, which StarRocks has from 3.5.1 on where `arrow_flight_port` is set in fe.conf and be.conf.

A front end takes user and password for a token, under which it keeps a session: catalog, database, time zone. It is asked with
GetFlightInfo, starts the query and names who has the rows: a back end, or itself where it passes them on (`arrow_flight_proxy_enabled`,
the default from 4.0 on). Rows come in Arrow batches. What columns are is asked over the MySQL protocol first, because DATE, DATETIME,
LARGEINT and JSON arrive as text here; so both ways give the same types.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyarrow as pa

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # or it writes about failures to stderr by itself
from pyarrow import flight

from seeknal_drivers.arrow import CAST_HINT
from seeknal_drivers.failures import Unavailable, tls_failed
from seeknal_drivers.mysql.connecting import tls_context, unchecked
from seeknal_starrocks import failures
from seeknal_starrocks.names import quoted, text
from seeknal_starrocks.settings import FrontEnd

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from seeknal.errors import ConnectionFailed
    from seeknal_starrocks.decoding import ResultColumn
    from seeknal_starrocks.settings import Login

_QUERY = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
_OPTIONS = [("grpc.keepalive_time_ms", 360_000), ("grpc.keepalive_timeout_ms", 20_000), ("grpc.enable_http_proxy", 0)]
"""Signs of life more than five minutes apart, because servers hang up on those who ask more often; and no proxy of the environment, as for the
other ports."""

_READING = pa.ipc.IpcReadOptions(ensure_alignment=pa.ipc.Alignment.DataTypeSpecific) if hasattr(pa.ipc, "Alignment") else None
"""gRPC puts values where it likes, and Arrow's own kernels warn of numbers that are not aligned. Older versions of pyarrow have no choice."""

_ITSELF = ("", "arrow-flight-reuse-connection")
_SECURE = ("grpc+tls", "grpcs")
_PREFIX = re.compile(r"^Flight \w+ [\w ]*, with message: ")
_SUFFIX = re.compile(r"\.?\s*(?:gRPC client debug context|Client context|Detail): .*", re.DOTALL)
_INNER = re.compile(r"\[error=(.*)\]\s*$", re.DOTALL)
_NO_HANDSHAKE = "Could not finish writing before closing"
_NOT_FLIGHT = (flight.FlightUnavailableError, flight.FlightTimedOutError, NotImplementedError)
_TOKEN_GONE = re.compile(r"bearer token|arrow context of the token", re.IGNORECASE)
_HINT = "check flight_port, arrow_flight_port of fe.conf, and that no firewall is in between; without flight_port rows are read over the MySQL protocol"
_BACK_END_HINT = (
    "open it, or have the front end pass rows on: SET GLOBAL arrow_flight_proxy_enabled = true, from 4.0 on; or leave flight_port out"
)


class Session:
    """A login at one front end. `close` ends it, and whatever it is still doing, from any thread."""

    def __init__(self, login: Login, front_end: FrontEnd) -> None:
        """Reach it and log in. Raises ConnectionFailed."""
        self._login = login
        self.front_end = front_end
        self.place = f"{front_end} (Arrow Flight SQL)"
        self._client = _client(login, front_end)
        self._token, self._closed = b"", False
        self._reader: flight.FlightStreamReader | None = None
        try:
            header = self._client.authenticate_basic_token(
                login.user, login.password, flight.FlightCallOptions(timeout=login.connect_timeout)
            )
        except (flight.FlightError, pa.ArrowException) as error:
            if _NO_HANDSHAKE in str(error) or isinstance(error, _NOT_FLIGHT):
                reason = "" if _NO_HANDSHAKE in str(error) else f" ({self._said(error)})"
                failure: ConnectionFailed = failures.unreachable(
                    failures.TYPE, self.place, f"what answers does not speak this protocol{reason}", _HINT
                )
            else:
                failure = failures.login_refused(failures.TYPE, self.place, self._said(error))
        else:
            self._token = header[1]
            self._options = flight.FlightCallOptions(headers=[header], read_options=_READING)
            with keeping(self):
                self._enter()
            return
        raise failure  # out here, so that an exception that may know the password does not hang on it

    def _enter(self) -> None:
        """What `wire.enter` does over the MySQL protocol."""
        login = self._login
        self.start(f"SET time_zone = {text(login.time_zone)}")
        if login.query_timeout is not None:
            self.start(f"SET query_timeout = {login.query_timeout}")
        if login.catalog is not None:
            self.start(f"SET CATALOG {quoted(login.catalog)}")
        if login.database is not None:
            self.start(f"USE {quoted(login.database)}")

    def start(self, statement: str) -> list[flight.FlightEndpoint]:
        """Run a statement. Returns where its rows are. Raises ConnectionFailed."""
        try:
            info = self._client.get_flight_info(flight.FlightDescriptor.for_command(_command(statement)), self._options)
        except (flight.FlightError, pa.ArrowException) as error:
            raise self.explain(error) from None
        return list(info.endpoints)

    def open(self, endpoint: flight.FlightEndpoint) -> flight.FlightStreamReader:
        """The rows of one endpoint. Raises ConnectionFailed."""
        try:
            self._reader = self._holder(endpoint).do_get(endpoint.ticket, self._options)
        except (flight.FlightError, pa.ArrowException) as error:
            raise self.explain(error) from None
        if self._closed:  # meanwhile, by another thread
            self._reader.cancel()
        return self._reader

    def _holder(self, endpoint: flight.FlightEndpoint) -> flight.FlightClient:
        """Who has its rows: the first of its places that can be reached."""
        problem: ConnectionFailed | None = None
        for location in endpoint.locations:
            url = urlsplit(location.uri.decode())
            if url.scheme in _ITSELF:
                return self._client
            if self._login.flight_tls and url.scheme not in _SECURE:
                problem = tls_failed(failures.TYPE, self.place, f"it sends on to {url.netloc}, where rows would not be encrypted")
                continue
            try:
                return _client(self._login, FrontEnd(url.hostname or "", url.port or 0), sent_on_by=str(self.front_end))
            except Unavailable as error:
                problem = error
        if problem is not None:
            raise problem
        return self._client

    def close(self) -> None:
        """End it here and there. Older servers know no CloseSession; they forget it after a while."""
        self._closed = True
        if self._reader is not None:
            self._reader.cancel()
        options = flight.FlightCallOptions(timeout=self._login.connect_timeout, headers=[(b"authorization", self._token)])
        with contextlib.suppress(flight.FlightError, pa.ArrowException):
            list(self._client.do_action(flight.Action("CloseSession", b""), options))
        self._client.close()

    def explain(self, error: Exception) -> ConnectionFailed:
        """What an error means once somebody is logged in."""
        said = self._said(error)
        if self._closed:
            return failures.lost(failures.TYPE, self.place, "it was closed")
        if isinstance(error, flight.FlightUnavailableError | flight.FlightCancelledError | OSError) or _TOKEN_GONE.search(said):
            return failures.lost(failures.TYPE, self.place, said)
        if "access denied" in said.casefold():
            return failures.privilege_missing(said)
        if "varbinary" in said.casefold():
            return failures.query_failed(
                said, "StarRocks sends VARBINARY over Arrow Flight SQL from 4.0.4 on: leave flight_port out, or the column"
            )
        return failures.query_failed(said)

    def _said(self, error: Exception) -> str:
        """The server's words, without password and token."""
        said = _SUFFIX.sub("", _PREFIX.sub("", str(error))).strip()
        inner = _INNER.search(said)
        said = self._login.scrub((inner[1] if inner else said).rstrip("."))
        bare = self._token.decode(errors="replace").removeprefix("Bearer ")
        return said.replace(bare, "***") if bare else said


@contextlib.contextmanager
def keeping(session: Session) -> Iterator[None]:
    """The session ends only where the block fails."""
    try:
        yield
    except BaseException:
        session.close()
        raise


def batches(
    session: Session, endpoints: Sequence[flight.FlightEndpoint], columns: Sequence[ResultColumn], schema: pa.Schema
) -> Generator[pa.RecordBatch]:
    """The rows of a query, as they arrive. Raises ConnectionFailed."""
    for endpoint in endpoints:
        reader = session.open(endpoint)
        try:
            while True:
                batch = reader.read_chunk().data
                if batch.num_columns != len(columns):
                    raise failures.query_failed(f"it returned {batch.num_columns} columns, not the {len(columns)} that were announced")
                arrays = [_as(c, t, a) for c, t, a in zip(columns, schema.types, batch.columns, strict=True)]
                yield pa.record_batch(arrays, schema=schema)
        except StopIteration:
            continue
        except (flight.FlightError, pa.ArrowException, OSError) as error:
            raise session.explain(error) from None
        finally:
            reader.cancel()


def log_in(login: Login, first: FrontEnd | None = None) -> Session:
    """A session at the first front end that answers on `flight_port`, `first` before the others. Raises ConnectionFailed."""
    hosts = dict.fromkeys(f.host for f in (*([first] if first else []), *login.front_ends))
    problems: list[ConnectionFailed] = []
    for host in hosts:
        try:
            return Session(login, FrontEnd(host, login.flight_port or 0))
        except Unavailable as problem:
            problems.append(problem)
    if len(problems) == 1:
        raise problems[0]
    reasons = "; ".join(p.message.removeprefix(f"cannot connect to {failures.TYPE} at ") for p in problems)
    raise failures.unreachable(failures.TYPE, f"any of {len(problems)} front ends", reasons, _HINT)


def probe(login: Login, first: FrontEnd | None = None) -> str:
    """Log in and fetch a row all the way. Returns who answered. Raises ConnectionFailed."""
    session = log_in(login, first)
    with contextlib.closing(session):
        holders = []
        for endpoint in session.start("SELECT 1"):
            reader = session.open(endpoint)
            try:
                reader.read_all()
            except (flight.FlightError, pa.ArrowException, OSError) as error:
                raise session.explain(error) from None
            holders += [urlsplit(one.uri.decode()).netloc for one in endpoint.locations]
        return f"front end {session.front_end} answers, rows come from {', '.join(filter(None, holders)) or 'there'}"


# The wire ------------------------------------------------------------------------------------------------------------------


def _client(login: Login, to: FrontEnd, *, sent_on_by: str | None = None) -> flight.FlightClient:
    """A client for a server that answers. gRPC does not say well why one does not, so it is tried first. Raises ConnectionFailed."""
    context = (tls_context(login, failures.TYPE, str(to)) or unchecked()) if login.flight_tls else None
    try:
        with socket.create_connection((to.host, to.port), login.connect_timeout) as reached:
            if context is not None:
                context.set_alpn_protocols(["h2"])
                context.wrap_socket(reached, server_hostname=to.host).close()
    except ssl.SSLError as error:
        raise tls_failed(
            failures.TYPE, f"{to} (Arrow Flight SQL)", getattr(error, "verify_message", "") or str(error.reason or error)
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        if sent_on_by is not None:
            reason = f"{reason}; the front end {sent_on_by} says that the rows are there"
        raise failures.unreachable(
            failures.TYPE, f"{to} (Arrow Flight SQL)", reason, _HINT if sent_on_by is None else _BACK_END_HINT
        ) from None
    if context is None:
        return flight.FlightClient(f"grpc+tcp://{to}", generic_options=_OPTIONS)
    roots = Path(login.ssl_ca).read_bytes() if login.ssl_ca else None
    is_unchecked = context.verify_mode is ssl.CERT_NONE
    return flight.FlightClient(f"grpc+tls://{to}", tls_root_certs=roots, disable_server_verification=is_unchecked, generic_options=_OPTIONS)


def _command(statement: str) -> bytes:
    """CommandStatementQuery of FlightSql.proto within google.protobuf.Any: its field 1 is the statement."""
    return _field(1, _QUERY) + _field(2, _field(1, statement.encode()))


def _field(number: int, value: bytes) -> bytes:
    """A field of bytes as protobuf writes it: number and kind, length seven bits at a time, value."""
    length, size = bytearray(), len(value)
    while size > 0x7F:  # noqa: PLR2004 - seven bits
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + value


def _as(column: ResultColumn, wanted: pa.DataType, array: pa.Array) -> pa.Array:
    """A column as the type it is known to have. Raises ConnectionFailed (SK-CONN-005)."""
    if array.type == wanted:
        return array
    if pa.types.is_string(array.type) and not pa.types.is_nested(wanted):
        return column.decode(array)
    try:
        return array.cast(wanted)
    except pa.ArrowException as error:
        raise failures.not_representable(column.name, str(error), str(wanted), CAST_HINT) from None
