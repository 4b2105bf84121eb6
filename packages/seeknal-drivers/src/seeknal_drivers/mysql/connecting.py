"""Logging in to a server, and letting go of it."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.converters import encoders

from seeknal_drivers import failures
from seeknal_drivers.mysql.errors import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seeknal.errors import ConnectionFailed
    from seeknal_drivers.mysql.errors import Account

    Connection = pymysql.Connection[pymysql.cursors.Cursor]
    Explain = Callable[[pymysql.Error], ConnectionFailed]

_CONVERSIONS: dict[Any, Any] = dict(encoders)
_NO_TLS_WANTED = ("disable", "allow", "prefer")


def connect(
    account: Account, type_: str, host: str, port: int, *, database: str | None = None, autocommit: bool = False, hint: str | None = None
) -> Connection:
    """Log in. Values arrive as the bytes that were sent.

    `type_` is what messages call the server, `hint` what to check where nothing answers. Raises ConnectionFailed.
    """
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    context = tls_context(account, type_, place)
    try:
        connection = _Connection(
            host=host,
            port=port,
            user=account.user,
            password=(account.password or "").encode(),  # as text, pymysql takes it for Latin-1
            database=database,
            charset="utf8mb4",
            use_unicode=False,
            conv=_CONVERSIONS,
            autocommit=autocommit,
            connect_timeout=account.connect_timeout,
            read_timeout=account.connect_timeout,
            program_name="seeknal",
            ssl=context,
            ssl_disabled=account.sslmode == "disable",
        )
    except (pymysql.Error, RuntimeError) as error:
        failure = refusal(account, type_, place, error, database=database, hint=hint)
    else:
        connection._read_timeout = None  # type: ignore[attr-defined]  # noqa: SLF001 - the login must be quick, queries need not be
        return connection
    raise failure  # out here, so that the driver's exception, which knows the password, does not hang on it


def tls_context(account: Account, type_: str, place: str) -> ssl.SSLContext | None:
    """What TLS has to prove. None leaves it to the server whether there is any. Raises ConnectionFailed (SK-CONN-007)."""
    if account.sslmode in _NO_TLS_WANTED:
        return None
    if account.sslmode == "require" and account.ssl_ca is None:
        return unchecked()
    try:
        context = ssl.create_default_context(cafile=account.ssl_ca)
    except OSError as error:
        raise failures.tls_failed(type_, place, f"{account.ssl_ca}: {error.strerror or error}") from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # certificates that servers make for themselves are not strict
    context.check_hostname = account.sslmode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if account.sslmode == "require" else ssl.CERT_REQUIRED
    return context


def unchecked() -> ssl.SSLContext:
    """Encryption without proof of who answers. It reads no authorities' certificates, which takes longer than all else of a login."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Connection(pymysql.connections.Connection):
    """Where TLS is used if the server offers it, pymysql would make a context that has read all authorities' certificates, and then check none."""

    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
        return sslp if isinstance(sslp, ssl.SSLContext) else unchecked()


@contextlib.contextmanager
def closing(connection: Connection, explain: Explain) -> Iterator[Connection]:
    """The connection, closed however the block ends. An error of pymysql leaves it as what `explain` makes of it."""
    try:
        yield connection
    except pymysql.Error as error:
        raise explain(error) from None
    finally:
        close(connection)


@contextlib.contextmanager
def keeping(connection: Connection, explain: Explain) -> Iterator[Connection]:
    """The connection, closed only where the block fails. An error of pymysql leaves it as what `explain` makes of it."""
    try:
        yield connection
    except pymysql.Error as error:
        close(connection)
        raise explain(error) from None
    except BaseException:
        close(connection)
        raise


def close(connection: Connection) -> None:
    """Close it, whatever state it is in."""
    if connection.open:
        with contextlib.suppress(pymysql.Error, OSError):
            connection.close()


def hang_up(connection: Connection) -> None:
    """End whatever another thread is waiting for on this connection."""
    with contextlib.suppress(OSError, AttributeError):  # it has just ended by itself
        connection._sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]  # noqa: SLF001 - closing would wait for that thread
