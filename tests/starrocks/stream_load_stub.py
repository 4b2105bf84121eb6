"""An HTTP stub for Stream Load: a front end that redirects, and a back end on another port that loads into the stand-in.

It holds requests to what StarRocks asks for: PUT, Expect: 100-continue, basic authorization on both ports, a label that is used once.
"""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import duckdb
from tests.starrocks import standin as si

if TYPE_CHECKING:
    from tests.starrocks.standin import StandIn


class StreamLoadStub:
    """Both servers. `answers` are given, one a request, before loading as usual; `seen` are the requests' headers."""

    def __init__(self, server: StandIn) -> None:
        self.server = server
        self.seen: list[dict[str, Any]] = []
        self.answers: list[Any] = []
        self.labels: dict[str, str] = {}
        self.drop_answers = 0
        self.sizes: list[int] = []
        self.back_end = self._serve(self._back_end())
        self.front_end = self._serve(self._front_end())
        self.port = self.front_end.server_port

    def stop(self) -> None:
        for server in (self.front_end, self.back_end):
            server.shutdown()
            server.server_close()

    @staticmethod
    def _serve(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()  # how soon it sees that it is to stop
        return server

    def _front_end(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class FrontEnd(Handler):
            def handle_expect_100(self) -> bool:
                return True  # it answers before it has seen a body

            def do_PUT(self) -> None:
                stub.seen.append({"role": "fe", **self.headers})
                if not self.authorized():
                    self.answer(401, {"Status": "Failed", "Message": "Access denied for user"})
                    return
                self.send_response(307)
                self.send_header("Location", f"http://127.0.0.1:{stub.back_end.server_port}{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                self.close_connection = True

        return FrontEnd

    def _back_end(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class BackEnd(Handler):
            def do_PUT(self) -> None:
                stub.seen.append({"role": "be", **self.headers})
                if not self.authorized() or self.headers.get("Expect") != "100-continue":
                    self.answer(401, {"Status": "Failed", "Message": "no authorization, or no Expect"})
                    return
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stub.sizes.append(len(body))
                given = stub.answers.pop(0) if stub.answers else None
                answer = given if isinstance(given, dict) else stub.load(self.path, self.headers, body)
                if given == "publish timeout":
                    answer["Status"] = "Publish Timeout"
                if stub.drop_answers:
                    stub.drop_answers -= 1
                    self.close_connection = True
                    self.connection.close()
                    return
                self.answer(200, answer)

        return BackEnd

    def load(self, path: str, headers: Any, body: bytes) -> dict[str, Any]:
        """Put a body's rows into the stand-in's table."""
        _, _, database, table, _ = path.split("/")
        label = headers["label"]
        if label in self.labels:
            return {
                "Status": "Label Already Exists",
                "ExistingJobStatus": self.labels[label],
                "Message": f"Label [{label}] has already been used.",
            }
        columns = self.server.columns((database, table))
        if headers["format"] == "json":
            compact = (",", ":")
            rows = [
                [
                    json.dumps(v, separators=compact) if t == "json" and v is not None else v
                    for c, t in columns.items()
                    for v in [row.get(c)]
                ]
                for row in json.loads(body)
            ]
        else:
            sent = headers["columns"].encode("latin-1").decode()  # http.server takes headers for Latin-1
            names = [c.strip()[1:-1].replace("``", "`") for c in sent.split(",")]
            lines = body.decode().split("\x02")[:-1]
            found = [dict(zip(names, line.split("\x01"), strict=True)) for line in lines]
            rows = [[None if row[c] == "\\N" else row[c] for c in columns] for row in found]
        cursor = self.server.db.cursor()
        places = ", ".join("?" for _ in columns)
        try:
            cursor.execute("BEGIN")
            how = "INSERT OR REPLACE INTO" if self._keyed(database, table) else "INSERT INTO"
            cursor.executemany(f'{how} {si.CATALOG}."{database}"."{table}" VALUES ({places})', rows)
            cursor.execute("COMMIT")
        except duckdb.Error as error:
            cursor.execute("ROLLBACK")
            return {"Status": "Fail", "Message": f"too many filtered rows: {str(error).splitlines()[0]}", "ErrorURL": "http://be/error_log"}
        self.labels[label] = "FINISHED"
        return {"Status": "Success", "Label": label, "NumberTotalRows": len(rows), "NumberLoadedRows": len(rows), "Message": "OK"}

    def _keyed(self, database: str, table: str) -> bool:
        query = "SELECT 1 FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY' AND schema_name = ? AND table_name = ?"
        return bool(self.server.db.cursor().execute(query, [database, table]).fetchall())


class Handler(BaseHTTPRequestHandler):
    """What both servers do."""

    protocol_version = "HTTP/1.1"

    def authorized(self) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        user, _, password = base64.b64decode(given).decode().partition(":")
        return si.USERS.get(user) == password

    def answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Say nothing."""
