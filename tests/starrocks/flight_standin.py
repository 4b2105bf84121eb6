"""A stand-in for StarRocks' Arrow Flight SQL: no StarRocks, but real Flight servers (of pyarrow) that answer like one, over the stand-in.

A front end takes user and password for a token, keeps a session under it, runs a statement when it is asked with GetFlightInfo, and names the back
end that has the rows, or itself where it passes them on. Types are those of `convert_to_arrow_type` in StarRocks' sources: DATE, DATETIME,
LARGEINT and JSON are text. That a StarRocks answers so, only a StarRocks can prove.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import threading
import time
import uuid
from typing import Any

import pyarrow as pa
from mysql_mimic.errors import MysqlError
from pyarrow import flight
from tests.starrocks import standin as si

_PLAIN = {
    "BOOLEAN": pa.bool_(), "TINYINT": pa.int8(), "SMALLINT": pa.int16(), "INTEGER": pa.int32(), "BIGINT": pa.int64(),
    "FLOAT": pa.float32(), "DOUBLE": pa.float64(), "BLOB": pa.binary(),
}  # fmt: skip
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_STRUCT_FIELD = re.compile(r'"?(\w+)"? (\w+)(?:, |$)')
_MAP = re.compile(r"MAP\((\w+), (\w+)\)")


def arrow_type(duck: str) -> pa.DataType:
    """What StarRocks sends for a column that is of this type in DuckDB."""
    if decimal := _DECIMAL.fullmatch(duck):
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    if duck.endswith("[]"):
        return pa.list_(arrow_type(duck[:-2]))
    if found := _MAP.fullmatch(duck):
        return pa.map_(arrow_type(found[1]), arrow_type(found[2]))
    if duck.startswith("STRUCT"):
        return pa.struct([pa.field(n, arrow_type(t)) for n, t in _STRUCT_FIELD.findall(duck[7:-1])])
    return _PLAIN.get(duck, pa.string())


def sent(value: Any, type_: pa.DataType) -> Any:
    """A value as it is sent."""
    if value is None:
        return None
    if pa.types.is_map(type_):
        return [(sent(k, type_.key_type), sent(v, type_.item_type)) for k, v in value.items()]
    if pa.types.is_list(type_):
        return [sent(v, type_.value_type) for v in value]
    if pa.types.is_string(type_):
        return json.dumps(value) if isinstance(value, dict | list) else str(value)
    return value


def fields(message: bytes) -> dict[int, bytes]:
    """The fields of a protobuf message that has texts only."""
    found, at = {}, 0
    while at < len(message):
        number, kind, at, size, shift = message[at] >> 3, message[at] & 7, at + 1, 0, 0
        assert kind == 2
        while message[at] & 0x80:
            size, shift, at = size | (message[at] & 0x7F) << shift, shift + 7, at + 1
        size, at = size | message[at] << shift, at + 1
        found[number], at = message[at : at + size], at + size
    assert at == len(message)
    return found


def statement_in(command: bytes) -> str:
    """The text in a CommandStatementQuery."""
    packed = fields(command)
    assert packed[1] == b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
    return fields(packed[2])[1].decode()


class _Handshake(flight.ServerAuthHandler):
    """There is a handshake; what it takes to pass is up to the middleware."""

    def authenticate(self, outgoing: Any, incoming: Any) -> None:
        pass

    def is_valid(self, token: bytes) -> str:
        return ""


class _Login(flight.ServerMiddleware):
    def __init__(self, token: str) -> None:
        self.token = token

    def sending_headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


class _Logins(flight.ServerMiddlewareFactory):
    """Basic for a token, and tokens that are still good."""

    def __init__(self, servers: FlightStandIn) -> None:
        self._servers = servers

    def start_call(self, info: Any, headers: Any) -> _Login:
        kind, _, said = headers.get("authorization", [""])[0].partition(" ")
        if kind == "Basic":
            user, _, password = base64.b64decode(said).decode().partition(":")
            if si.USERS.get(user) != password:
                raise flight.FlightUnauthenticatedError(f"Access denied for user: {user} (password {password})")
            said = str(uuid.uuid4())
            self._servers.sessions[said] = [si.CATALOG, None, user]
        elif said not in self._servers.sessions:
            raise flight.FlightUnauthenticatedError(
                f"invalid bearer token [{said}], please try to reconnect. Maybe the token is expired or evicted"
            )
        return _Login(said)


class _FrontEnd(flight.FlightServerBase):
    def __init__(self, servers: FlightStandIn, **options: Any) -> None:
        super().__init__(
            "grpc+tls://127.0.0.1:0" if options else "grpc+tcp://127.0.0.1:0",
            _Handshake(),
            middleware={"login": _Logins(servers)},
            **options,
        )
        self._servers = servers

    def get_flight_info(self, context: Any, descriptor: flight.FlightDescriptor) -> flight.FlightInfo:
        statement = statement_in(descriptor.command)
        self._servers.statements.append(statement)
        token = context.get_middleware("login").token
        while self._servers.busy and statement.startswith("SELECT"):
            time.sleep(0.01)
            if token not in self._servers.sessions:
                raise flight.FlightInternalError("arrow flight sql close session")
        try:
            table = self._run(self._servers.sessions[token], statement)
        except MysqlError as error:
            raise flight.FlightInternalError(f"failed to process query [queryID=1-2] [error={error.msg}]") from None
        ticket = uuid.uuid4().hex.encode()
        self._servers.results[ticket] = table
        places = [self._servers.location] if self._servers.location is not None else []
        return flight.FlightInfo(table.schema, descriptor, [flight.FlightEndpoint(ticket, places)], -1, -1)

    def _run(self, session: list[Any], statement: str) -> pa.Table:
        words = statement.split()
        match [w.upper() for w in words[:2]]:
            case ["SET", "CATALOG"]:
                session[0] = words[2].strip("`")
                if session[0] not in self._servers.standin.catalogs:
                    raise MysqlError(f"Unknown catalog '{session[0]}'", si.SYNTAX)
            case ["USE", _]:
                session[1] = words[1].strip("`")
            case ["SET", _]:
                pass
            case _:
                found = self._servers.standin.run_sql(session[0], session[1], statement, session[2])
                types = [arrow_type(t) for t in found.types]
                columns = [pa.array([sent(r[i], t) for r in found.rows], t) for i, t in enumerate(types)]
                return pa.table(columns, schema=pa.schema([pa.field("", t) for t in types]))
        return pa.table({"StatusResult": ["0"]})

    def do_get(self, context: Any, ticket: flight.Ticket) -> flight.GeneratorStream:
        return self._servers.stream(ticket)

    def do_action(self, context: Any, action: flight.Action) -> list[Any]:
        assert action.type == "CloseSession"
        self._servers.sessions.pop(context.get_middleware("login").token)
        return []


class _BackEnd(flight.FlightServerBase):
    def __init__(self, servers: FlightStandIn) -> None:
        super().__init__("grpc+tcp://127.0.0.1:0")
        self._servers = servers

    def do_get(self, context: Any, ticket: flight.Ticket) -> flight.GeneratorStream:
        return self._servers.stream(ticket)


class Cable:
    """A way to a port that can be cut, as when a server's machine goes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ends: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """Cut it."""
        for end in (self._listening, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class FlightStandIn:
    """A front end and a back end. `location` is where rows are said to be; None says nothing, which means the front end."""

    def __init__(self, standin: si.StandIn, **options: Any) -> None:
        self.standin = standin
        self.statements: list[str] = []
        self.sessions: dict[str, list[Any]] = {}
        self.results: dict[bytes, pa.Table] = {}
        self.batch_rows = 4096
        self.failing: Exception | None = None
        self.pausing: threading.Event | None = None
        self.batches_sent = 0
        self.busy = False  # with a query that does not get anywhere until its session is closed
        self.front_end = _FrontEnd(self, **options)
        self.back_end = _BackEnd(self)
        self.port: int = self.front_end.port
        self.location: str | None = f"grpc+tcp://127.0.0.1:{self.back_end.port}"

    def stream(self, ticket: flight.Ticket) -> flight.GeneratorStream:
        table = self.results.pop(ticket.ticket)
        return flight.GeneratorStream(table.schema, self._batches(table))

    def _batches(self, table: pa.Table) -> Any:
        for batch in table.to_batches(self.batch_rows):
            yield batch
            self.batches_sent += 1
            if self.failing is not None:
                raise self.failing
            if self.pausing is not None:
                self.pausing.wait(20)

    def stop(self) -> None:
        """Stop both."""
        if self.pausing is not None:
            self.pausing.set()
        self.front_end.shutdown()
        self.back_end.shutdown()
