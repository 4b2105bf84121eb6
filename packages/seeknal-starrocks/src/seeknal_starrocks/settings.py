"""Where StarRocks is and how to log in there, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote

from seeknal.errors import did_you_mean
from seeknal_starrocks import failures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_starrocks.stage import Stage

OPTIONS = (
    "url", "host", "port", "http_port", "user", "password", "database", "catalog", "sslmode", "ssl_ca", "http_tls", "connect_timeout", "query_timeout",
    "load_timeout", "time_zone", "iceberg", "flight_port", "flight_tls",
    "stage",
)  # fmt: skip
"""Every key profiles.yml may have for a connection of this type."""

SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
DEFAULT_CATALOG = "default_catalog"
PORT, HTTP_PORT = 9030, 8030
CONNECT_SECONDS, LOAD_SECONDS = 5, 600
_HIGHEST_PORT = 65535
_DAY = 24 * 3600
_SCHEME = "starrocks://"
_IN_URL = ("http_port", "sslmode", "http_tls", "connect_timeout", "query_timeout", "load_timeout", "time_zone", "flight_port", "flight_tls")
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0", "")


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """One front end."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Login:
    """Checked settings. The password is in no repr."""

    front_ends: tuple[FrontEnd, ...]
    user: str
    password: str = field(default="", repr=False)
    database: str | None = None
    catalog: str | None = None
    http_port: int = HTTP_PORT
    http_tls: bool = False
    sslmode: str = "prefer"
    ssl_ca: str | None = None
    connect_timeout: int = CONNECT_SECONDS
    query_timeout: int | None = None
    load_timeout: int = LOAD_SECONDS
    time_zone: str = "+00:00"
    flight_port: int | None = None
    flight_tls: bool = False
    stage: Stage | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Login:
        """Check the settings; keys beside `url` win over what it says. Raises ConnectionFailed (SK-CONN-009)."""
        url = settings.get("url")
        values = {**(from_url(str(url)) if url else {}), **{k: v for k, v in settings.items() if k != "url" and v is not None}}
        if not values.get("host"):
            raise failures.unusable("the setting 'host' is missing", "set host, or url: starrocks://user@host:9030/catalog.database")
        if not values.get("user"):
            raise failures.unusable("the setting 'user' is missing", "set user, or url: starrocks://user@host:9030/catalog.database")
        sslmode = str(values.get("sslmode") or "prefer")
        if sslmode not in SSL_MODES:
            hint = did_you_mean(sslmode, SSL_MODES) or f"one of {', '.join(SSL_MODES)}"
            raise failures.unusable(f"sslmode '{sslmode}' is unknown", hint)
        query_timeout, flight_port = values.get("query_timeout"), values.get("flight_port")
        return cls(
            _front_ends(values["host"], int(_number("port", values.get("port") or PORT, _HIGHEST_PORT))),
            str(values["user"]),
            str(values.get("password") or ""),
            _text(values.get("database")),
            _text(values.get("catalog")),
            int(_number("http_port", values.get("http_port") or HTTP_PORT, _HIGHEST_PORT)),
            _flag("http_tls", values.get("http_tls", False)),
            sslmode,
            _text(values.get("ssl_ca")),
            math.ceil(_number("connect_timeout", values.get("connect_timeout") or CONNECT_SECONDS, _DAY)),
            math.ceil(_number("query_timeout", query_timeout, _DAY * 3)) if query_timeout else None,
            math.ceil(_number("load_timeout", values.get("load_timeout") or LOAD_SECONDS, _DAY * 3)),
            str(values.get("time_zone") or "+00:00"),
            int(_number("flight_port", flight_port, _HIGHEST_PORT)) if flight_port else None,
            _flag("flight_tls", values.get("flight_tls", sslmode not in ("disable", "prefer"))),
            _stage(values.get("stage")),
        )

    @property
    def place(self) -> str:
        """The front ends, as messages have them."""
        return ", ".join(map(str, self.front_ends))

    def scrub(self, text: str) -> str:
        """`text` without passwords and keys, should a driver or server have repeated them."""
        for secret in (self.password, quote(self.password, safe=""), *(self.stage.secrets if self.stage else ())):
            text = text.replace(secret, "***") if secret else text
        return text


def from_url(url: str) -> dict[str, Any]:
    """The settings a URL stands for. Raises ConnectionFailed (SK-CONN-009), without showing the URL: it may hold a password."""
    hint = "write starrocks://user:password@host:9030/catalog.database, characters such as @ and / in a password as %40 and %2F"
    if not url.startswith(_SCHEME):
        raise failures.unusable("url does not begin with starrocks://", hint)
    rest, _, query = url.removeprefix(_SCHEME).partition("?")
    account, at, place = rest.rpartition("@")
    hosts, _, path = place.partition("/")
    user, _, password = account.partition(":")
    if not hosts or "/" in path or (at and not user):
        raise failures.unusable("url cannot be understood", hint)
    catalog, _, database = unquote(path).rpartition(".")
    found: dict[str, Any] = {"host": hosts, "user": unquote(user), "password": unquote(password), "database": database, "catalog": catalog}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _IN_URL:
            raise failures.unusable(f"url has an unknown parameter '{key}'", did_you_mean(key, _IN_URL) or f"known: {', '.join(_IN_URL)}")
        found[key] = value
    return {k: v for k, v in found.items() if v}


def _front_ends(hosts: Any, port: int) -> tuple[FrontEnd, ...]:
    """`fe1`, `fe1,fe2:9031`, or a list of such; `[::1]:9030` for IPv6."""
    listed = hosts if isinstance(hosts, list | tuple) else str(hosts).split(",")
    found = []
    for one in (str(h).strip() for h in listed):
        host, own = one, ""
        if one.startswith("["):
            host, _, own = one[1:].partition("]")
            own = own.removeprefix(":")
        elif one.count(":") == 1:
            host, _, own = one.partition(":")
        if not host:
            raise failures.unusable(f"host '{one}' cannot be used", "write a name or address, or several with commas between them")
        found.append(FrontEnd(host, int(_number("port", own, _HIGHEST_PORT)) if own else port))
    return tuple(dict.fromkeys(found))


def _number(key: str, value: Any, highest: int) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number <= highest:
        raise failures.unusable(f"{key} is '{value}'", f"a number between 1 and {highest}")
    return number


def _flag(key: str, value: Any) -> bool:
    text = str(value).casefold()
    if text not in (*_YES, *_NO):
        raise failures.unusable(f"{key} is '{value}'", "true or false")
    return text in _YES


def _stage(settings: Any) -> Stage | None:
    if settings is None:
        return None
    from seeknal_starrocks.stage import Stage  # the list of plugins is made without Arrow

    return Stage.of(settings)


def _text(value: Any) -> str | None:
    return str(value) if value else None
