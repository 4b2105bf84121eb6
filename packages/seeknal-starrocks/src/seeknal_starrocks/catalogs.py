"""External catalogs: the statement that lets StarRocks read Iceberg tables of a REST catalog on S3-compatible storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seeknal.errors import did_you_mean
from seeknal_starrocks import failures
from seeknal_starrocks.ddl import create_catalog

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROPERTIES = {
    "uri": "iceberg.catalog.uri",
    "warehouse": "iceberg.catalog.warehouse",
    "credential": "iceberg.catalog.oauth2.credential",
    "token": "iceberg.catalog.oauth2.token",
    "scope": "iceberg.catalog.oauth2.scope",
    "oauth2_server_uri": "iceberg.catalog.oauth2.server-uri",
    "s3_endpoint": "aws.s3.endpoint",
    "s3_region": "aws.s3.region",
    "s3_access_key": "aws.s3.access_key",
    "s3_secret_key": "aws.s3.secret_key",
    "s3_ssl": "aws.s3.enable_ssl",
    "s3_path_style": "aws.s3.enable_path_style_access",
}
_SECRETS = ("credential", "token", "s3_access_key", "s3_secret_key")
_SECRET_WORDS = ("secret", "token", "password", "credential", "_key")


def secrets_in(iceberg: Mapping[str, Any]) -> list[str]:
    """The values that must not be shown."""
    others = iceberg.get("properties")
    found = [v for k, v in others.items() if _is_secret(str(k), v)] if isinstance(others, dict) else []
    return [str(v) for v in (*(iceberg[k] for k in _SECRETS if iceberg.get(k)), *found)]


def _is_secret(property_: str, value: Any) -> bool:
    return bool(value) and _text(value) not in ("true", "false") and any(word in property_.casefold() for word in _SECRET_WORDS)


def catalog_statement(name: str, iceberg: Any, *, show_secrets: bool, exists: bool = True) -> str:
    """CREATE EXTERNAL CATALOG from the `iceberg` settings of a connection. Without `show_secrets`, placeholders stand for them.

    Raises ConnectionFailed (SK-CONN-009) for settings that cannot be used.
    """
    known = (*_PROPERTIES, "properties")
    if not isinstance(iceberg, dict) or not iceberg.get("uri"):
        raise failures.unusable(
            "the setting 'iceberg' is missing, or has no 'uri'",
            f"under the connection: iceberg: {{uri: http://…, {', '.join(known[1:4])}, …}}",
        )
    for key in iceberg:
        if key not in known:
            raise failures.unusable(f"iceberg has no setting '{key}'", did_you_mean(key, known) or f"known: {', '.join(known)}")
    if iceberg.get("credential") and iceberg.get("token"):
        raise failures.unusable("iceberg has both 'credential' and 'token'", "leave one out")
    for key in ("uri", "oauth2_server_uri", "s3_endpoint"):
        if "@" in urlsplit(str(iceberg.get(key) or "")).netloc:  # it would be shown
            raise failures.unusable(f"the '{key}' of iceberg holds an account", "set credential, token or the S3 keys instead")
    others = iceberg.get("properties") or {}
    if not isinstance(others, dict):
        raise failures.unusable("the 'properties' of iceberg must be a mapping", "such as {enable_iceberg_metadata_cache: false}")
    properties = {"type": "iceberg", "iceberg.catalog.type": "rest"}
    if iceberg.get("credential") or iceberg.get("token"):
        properties["iceberg.catalog.security"] = "oauth2"
    for key, property_ in _PROPERTIES.items():
        value = iceberg.get(key)
        if value is not None:
            properties[property_] = f"<{key}>" if key in _SECRETS and not show_secrets else _text(value)
    if iceberg.get("s3_endpoint") and "s3_path_style" not in iceberg:  # S3 of one's own seldom has a host name for each bucket
        properties["aws.s3.enable_path_style_access"] = "true"
    properties |= {str(k): f"<{k}>" if _is_secret(str(k), v) and not show_secrets else _text(v) for k, v in others.items()}
    return create_catalog(name, properties, exists=exists)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
