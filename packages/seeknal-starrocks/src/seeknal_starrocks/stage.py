"""Where Parquet files stand between here and StarRocks, which reads them itself with `FILES()` (from 3.1 on): S3-compatible object
storage, or a folder that is mounted at the same path here and on every node of the cluster.

`via: files` loads that way. Instants are written as UTC without a zone, and the statement runs in a session in UTC, because versions
differ in what they make of other zones.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seeknal.errors import did_you_mean
from seeknal_starrocks import failures, wire
from seeknal_starrocks.ddl import files, names
from seeknal_starrocks.names import double_quoted, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa
    from pyarrow import fs

    from seeknal.errors import ConnectionFailed
    from seeknal_drivers.mysql.connecting import Connection
    from seeknal_starrocks.names import TableName
    from seeknal_starrocks.settings import Login

FILE_BYTES = 128 << 20
_KEYS = ("path", "s3_endpoint", "s3_region", "s3_access_key", "s3_secret_key", "s3_path_style", "properties")
_SECRET = ("key", "secret", "token", "password")
EXAMPLE = "under the connection: stage: {path: s3://bucket/folder, s3_region: …, s3_access_key: ${…}, s3_secret_key: ${…}}"


@dataclass(frozen=True, slots=True)
class Stage:
    """Checked settings of a `stage`. Its keys are in no repr."""

    path: str
    endpoint: str | None = None
    region: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    path_style: bool = False
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, settings: Any) -> Stage:
        """Check the settings. Raises ConnectionFailed (SK-CONN-009)."""
        if not isinstance(settings, dict):
            raise failures.unusable("the setting 'stage' is no mapping", EXAMPLE)
        for key in settings:
            if key not in _KEYS:
                raise failures.unusable(f"stage has no setting '{key}'", did_you_mean(key, _KEYS) or f"known: {', '.join(_KEYS)}")
        if not settings.get("path"):
            raise failures.unusable("the setting 'stage' has no 'path'", EXAMPLE)
        path = str(settings["path"]).rstrip("/")
        url = urlsplit(path)
        for key, place in (("path", url.netloc), ("s3_endpoint", urlsplit(_text(settings.get("s3_endpoint")) or "").netloc)):
            if "@" in place:  # it would be shown
                raise failures.unusable(f"the stage's '{key}' holds an account", "keys go into s3_access_key and s3_secret_key")
        fits = (url.scheme == "s3" and url.netloc) or (url.scheme == "file" and not url.netloc and url.path.startswith("/"))
        if not fits or any(c in path for c in "*?[]{}^#"):
            hint = "s3://bucket/folder, or file:///folder that is mounted here and on every node of the cluster"
            raise failures.unusable(f"the stage's path '{path}' cannot be used", hint)
        access_key, secret_key = _text(settings.get("s3_access_key")), _text(settings.get("s3_secret_key"))
        if bool(access_key) != bool(secret_key):
            raise failures.unusable("stage needs both 's3_access_key' and 's3_secret_key', or neither: then the machines' own roles count")
        endpoint = _text(settings.get("s3_endpoint"))
        if endpoint is not None and urlsplit(endpoint).scheme not in ("http", "https"):
            raise failures.unusable(f"the stage's s3_endpoint '{endpoint}' is no URL", "write it such as http://minio:9000")
        properties = settings.get("properties") or {}
        if not isinstance(properties, dict):
            raise failures.unusable("the stage's 'properties' must be a mapping", "such as {aws.s3.iam_role_arn: …}")
        style = settings.get("s3_path_style", endpoint is not None)  # S3 of one's own seldom has a host name for each bucket
        found = {str(k): _text(v) or "" for k, v in properties.items()}
        return cls(path, endpoint, _text(settings.get("s3_region")), access_key, secret_key, _text(style) == "true", found)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown."""
        others = [v for k, v in self.properties.items() if any(word in k.casefold() for word in _SECRET)]
        found = [v for v in (self.secret_key, self.access_key, *others) if v]
        return tuple(sorted({*found, *(double_quoted(v)[1:-1] for v in found)}, key=len, reverse=True))  # one may be a part of another

    def pairs(self) -> dict[str, str]:
        """What FILES() needs beside path and format."""
        if self.path.startswith("file:"):
            return dict(self.properties)
        found = {"aws.s3.use_instance_profile": "false" if self.access_key else "true"}
        if self.access_key and self.secret_key:
            found |= {"aws.s3.access_key": self.access_key, "aws.s3.secret_key": self.secret_key}
        if self.region:
            found["aws.s3.region"] = self.region
        if self.endpoint:
            found |= {"aws.s3.endpoint": self.endpoint, "aws.s3.enable_ssl": str(self.endpoint.startswith("https")).lower()}
        if self.path_style:
            found["aws.s3.enable_path_style_access"] = "true"
        return {**found, **self.properties}

    def storage(self, timeout: int) -> tuple[fs.FileSystem, str]:
        """The file system, and the path in it. Raises OSError."""
        from pyarrow import fs  # settings are checked without it

        url = urlsplit(self.path)
        if url.scheme == "file":
            return fs.LocalFileSystem(), url.path
        options: dict[str, Any] = {"region": self.region or ("us-east-1" if self.endpoint else None)}
        if self.endpoint:
            options |= {"endpoint_override": self.endpoint, "force_virtual_addressing": not self.path_style}
        if self.access_key:
            options |= {"access_key": self.access_key, "secret_key": self.secret_key}
        options |= {"connect_timeout": timeout, "retry_strategy": fs.AwsStandardS3RetryStrategy(max_attempts=2)}
        found = fs.S3FileSystem(**options, allow_delayed_open=True)  # small files in one request
        return found, f"{url.netloc}{url.path}"


class Folder:
    """A folder of its own under the stage's path, for one load. Raises OSError where the storage fails."""

    def __init__(self, stage: Stage, name: str, timeout: int) -> None:
        self._stage = stage
        self._name = name
        self._storage, base = stage.storage(timeout)
        self._base = base
        self._path = f"{base}/{name}"

    def remove_leftovers(self, is_left: Callable[[str], bool]) -> None:
        """Remove folders of killed loads, which are known by their names."""
        from pyarrow import fs

        for found in self._storage.get_file_info(fs.FileSelector(self._base, allow_not_found=True)):
            if found.type is fs.FileType.Directory and is_left(found.base_name):
                self._storage.delete_dir(found.path)

    def write(self, rows: pa.RecordBatchReader, file_bytes: int = FILE_BYTES) -> int:
        """Write Parquet files of about so many bytes. Returns the number of rows. Raises OSError, ConnectionFailed (SK-CONN-005)."""
        from pyarrow import parquet

        from seeknal_starrocks import encoding  # Arrow takes long to import, and settings need none of it

        if self._storage.type_name == "local":
            self._storage.create_dir(self._path)
        groups = encoding.groups(rows)
        written, number, group = 0, 0, next(groups, None)
        while group is not None:
            path = f"{self._path}/{number:05}.parquet"
            with self._storage.open_output_stream(path) as file, parquet.ParquetWriter(file, group.schema) as writer:
                size = 0
                while group is not None and size < file_bytes:
                    writer.write_table(group)
                    written, size = written + group.num_rows, file.tell()
                    group = next(groups, None)
            number += 1
        return written

    def statement(self, target: TableName, columns: Mapping[str, bool]) -> str:
        """INSERT from what was written; `columns` says of each whether it is JSON."""
        wanted = ", ".join(f"parse_json({quoted(n)})" if is_json else quoted(n) for n, is_json in columns.items())
        return f"INSERT INTO {target.sql} ({names(columns)}) SELECT {wanted} FROM {self.source}"

    @property
    def source(self) -> str:
        """What was written, as StarRocks reads it."""
        return files(f"{self._stage.path}/{self._name}/*.parquet", self._stage.pairs())

    def remove(self) -> None:
        """Remove the folder and all in it."""
        from pyarrow import fs

        if self._storage.get_file_info(self._path).type is not fs.FileType.NotFound:
            self._storage.delete_dir(self._path)


def probe(login: Login, connection: Connection) -> str:
    """Write a row and have the server read it. Returns where. Raises ConnectionFailed."""
    import pyarrow as pa
    import pymysql

    if login.stage is None:
        raise failures.unusable("there is no stage", EXAMPLE)
    try:
        folder = Folder(login.stage, f"seeknal_probe_{uuid.uuid4().hex}", login.connect_timeout)
        try:
            folder.write(pa.table({"a": [1]}).to_reader())
            wire.rows(connection, f"SELECT count(*) FROM {folder.source}")
        finally:
            folder.remove()
    except pymysql.Error as error:
        raise wire.explain(login, error) from None
    except OSError as error:
        raise refused(login, login.stage, error) from None
    return f"{login.stage.path}: written from here and read by the server"


def refused(login: Login, stage: Stage, error: OSError, table: str | None = None) -> ConnectionFailed:
    """What an error of the storage means."""
    return failures.stage_failed(stage.path, login.scrub(str(error)), table)


def _text(value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else str(value) if value else None
