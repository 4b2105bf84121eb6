"""The tables, in a schema or in none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Double, Integer, MetaData, String, Table, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFIX = "seeknal_"


@dataclass(frozen=True, slots=True)
class Tables:
    """One value for each table; see the package's README for what is in them."""

    layout: Table
    projects: Table
    leases: Table
    documents: Table

    @classmethod
    def in_schema(cls, schema: str | None) -> Tables:
        """The tables as they are in this schema; None: where the connection looks first."""
        metadata = MetaData(schema=schema)
        return cls(
            Table(
                f"{PREFIX}layout",
                metadata,
                Column("version", Integer, primary_key=True, autoincrement=False),
                Column("applied_at", Text, nullable=False),
                Column("writer", Text, nullable=False),
            ),
            Table(
                f"{PREFIX}projects",
                metadata,
                Column("name", Text, primary_key=True),
                Column("lineage", Text, nullable=False),
                Column("serial", BigInteger, nullable=False),
                Column("schema_version", Text, nullable=False),
                Column("created_at", Text, nullable=False),
            ),
            Table(
                f"{PREFIX}leases",
                metadata,
                Column("project", Text, primary_key=True),
                Column("name", Text, primary_key=True),
                Column("token", BigInteger, nullable=False),
                Column("lease_until", Double, nullable=False),
                Column("holder", Text),
                Column("machine", Text),
                Column("process", Text),
            ),
            Table(
                f"{PREFIX}documents",
                metadata,
                Column("project", Text, primary_key=True),
                Column("kind", Text, primary_key=True),
                Column("id", String(32), primary_key=True),
                Column("key", Text, nullable=False),
                Column("value", Text, nullable=False),
            ),
        )

    @property
    def every(self) -> Sequence[Table]:
        """All of them."""
        return (self.layout, self.projects, self.leases, self.documents)
