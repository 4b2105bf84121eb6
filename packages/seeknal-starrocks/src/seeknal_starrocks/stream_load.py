"""Stream Load: rows over HTTP, a label a request.

A front end answers 307 with the address of a back end on another port. HTTP libraries follow that without the Authorization header,
so it is followed here, with it. The body is sent when the back end says 100 Continue. A label is accepted once, so a request whose
answer was lost is sent again under the same label: `Label Already Exists` then says that the first one arrived. `Publish Timeout` means
that the rows are in and will be visible soon.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from seeknal_drivers.mysql.connecting import tls_context, unchecked
from seeknal_starrocks import failures
from seeknal_starrocks.encoding import END, SEPARATOR
from seeknal_starrocks.names import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_starrocks.encoding import Format
    from seeknal_starrocks.names import TableName
    from seeknal_starrocks.settings import Login

_REDIRECTED = (301, 302, 307, 308)
_HOPS = 4
_TRIES = 4
_CONTINUE_SECONDS = 5
_STATUS_BYTES = len("HTTP/1.1 100")
_DONE = ("Success", "OK")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a request: how many rows the server counted (None where an earlier one with its label had loaded them), and whether they may be invisible for a moment yet."""

    rows: int | None
    published: bool


class StreamLoad:
    """Loads bodies into one table; `shown` is what messages call it.

    `first` is the front end that made the table: others know of it a little later.
    """

    def __init__(
        self, login: Login, table: TableName, format_: Format, columns: list[str], shown: str | None = None, first: str | None = None
    ) -> None:
        self._login = login
        self._hosts = sorted(dict.fromkeys(f.host for f in login.front_ends), key=lambda host: host != first)
        self._table = table
        self._format: Format = format_
        self._columns = columns
        self._shown = shown or str(table)

    def put(self, label: str, body: bytes) -> Loaded:
        """Load one body, exactly once. Raises ConnectionFailed."""
        problem: Exception | None = None
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(min(0.2 * 2**attempt, 5))
            for host in self._hosts:
                try:
                    answer = self._request(host, label, body)
                except (OSError, http.client.HTTPException) as error:
                    problem = error
                    continue
                loaded = self._judge(answer)
                if loaded is not None:
                    return loaded
        reason = self._login.scrub(f"no answer after {_TRIES} attempts ({problem})")
        raise failures.load_refused(self._shown, reason, "run it again: nothing is loaded twice")

    def _judge(self, answer: dict[str, Any]) -> Loaded | None:
        """What the answer means; None where it has to be asked again. Raises ConnectionFailed."""
        status, message = str(answer.get("Status") or answer.get("status") or ""), str(answer.get("Message") or answer.get("msg") or "")
        if status in _DONE:
            return Loaded(int(answer.get("NumberLoadedRows", 0)), published=True)
        if status == "Publish Timeout":
            return Loaded(int(answer.get("NumberLoadedRows", 0)), published=False)
        if status == "Label Already Exists":
            return (
                Loaded(None, published=False)
                if str(answer.get("ExistingJobStatus")).upper() in ("FINISHED", "VISIBLE", "COMMITTED")
                else None
            )
        url = answer.get("ErrorURL")
        hint = f"the rows that were refused are at {url}" if url else None
        if "access denied" in message.casefold():
            raise failures.privilege_missing(self._login.scrub(message))
        raise failures.load_refused(self._shown, self._login.scrub(message or status or str(answer)), hint)

    def _request(self, host: str, label: str, body: bytes) -> dict[str, Any]:
        """PUT to a front end, and on to where it points. Raises OSError, http.client.HTTPException, ConnectionFailed."""
        secure, port = self._login.http_tls, self._login.http_port
        path = f"/api/{quote(self._table.database or '', safe='')}/{quote(self._table.name, safe='')}/_stream_load"
        for _ in range(_HOPS):
            status, headers, text = self._exchange((host, port, path), label, body, secure=secure)
            if status not in _REDIRECTED:
                return self._parsed(status, text)
            target = urlsplit(headers.get("Location", ""))
            if target.hostname is None:
                raise failures.load_refused(self._shown, "the front end pointed nowhere")
            if secure and target.scheme != "https":
                place = f"{target.hostname}:{target.port or 80}"  # the rest of the address may hold the password
                message = f"the front end sends on to {place}, where rows and password would not be encrypted"
                raise failures.load_refused(
                    self._shown, message, "have the back ends speak TLS, set http_tls: false, or load with via: insert"
                )
            secure, host = target.scheme == "https", target.hostname
            port, path = target.port or (443 if secure else 80), target.path + (f"?{target.query}" if target.query else "")
        raise failures.load_refused(self._shown, f"sent on more than {_HOPS} times")

    def _exchange(self, to: tuple[str, int, str], label: str, body: bytes, *, secure: bool) -> tuple[int, http.client.HTTPMessage, bytes]:
        host, port, path = to
        timeout = self._login.connect_timeout
        if secure:
            context = tls_context(self._login, failures.TYPE, self._login.place) or unchecked()
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
        try:
            connection.connect()
            connection.putrequest("PUT", path)
            for name, value in self._headers(label, len(body)).items():
                connection.putheader(name, value.encode())  # as text it would have to be Latin-1
            connection.endheaders()
            response, wants_body = _before_body(connection)
            connection.sock.settimeout(self._login.load_timeout)
            with contextlib.closing(response):
                if wants_body:
                    connection.send(body)
                response.begin()
                return response.status, response.headers, response.read()
        finally:
            connection.close()

    def _headers(self, label: str, length: int) -> Mapping[str, str]:
        login = self._login
        account = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
        common = {
            "Authorization": f"Basic {account}",
            "Expect": "100-continue",
            "Content-Length": str(length),
            "label": label,
            "format": self._format,
            "timeout": str(login.load_timeout),
            "timezone": "+00:00" if login.time_zone == "UTC" else login.time_zone,
            "strict_mode": "true",
            "max_filter_ratio": "0",
        }
        if self._format == "json":
            return common | {"strip_outer_array": "true", "ignore_json_size": "true"}
        columns = ", ".join(quoted(c) for c in self._columns)
        return common | {"columns": columns, "column_separator": f"\\x{ord(SEPARATOR):02x}", "row_delimiter": f"\\x{ord(END):02x}"}

    def _parsed(self, status: int, text: bytes) -> dict[str, Any]:
        if status == http.client.UNAUTHORIZED:
            raise failures.login_refused(failures.TYPE, self._login.place, "the HTTP port does not accept user and password")
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            shown = text[:200].decode(errors="replace")
            raise failures.load_refused(
                self._shown, self._login.scrub(f"the server answered {status}: {shown}"), "check http_port, 8030 unless set otherwise"
            )
        return found


def _before_body(connection: http.client.HTTPConnection) -> tuple[http.client.HTTPResponse, bool]:
    """The answer, as far as there is one before the body, and whether the server wants that: it asks for it, or knows nothing of Expect and waits."""
    response = http.client.HTTPResponse(connection.sock, method="PUT")
    connection.sock.settimeout(_CONTINUE_SECONDS)
    try:
        return response, b" 100" in response.fp.peek(_STATUS_BYTES)[:_STATUS_BYTES]
    except TimeoutError:  # after which a response cannot be read on
        response.close()
        return http.client.HTTPResponse(connection.sock, method="PUT"), True


def unreachable(login: Login) -> OSError | None:
    """Why no front end answers on its HTTP port; None where one does."""
    problem: OSError | None = None
    for front_end in login.front_ends:
        try:
            socket.create_connection((front_end.host, login.http_port), login.connect_timeout).close()
        except OSError as error:
            problem = error
        else:
            return None
    return problem
