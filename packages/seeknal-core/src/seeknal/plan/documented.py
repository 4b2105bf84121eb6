"""What a node without rows says of its columns, as an analysis: lineage and fingerprints treat it as they treat a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.nodes import Made, fold
from seeknal.sql.analysis import Analysis, OutputColumn
from seeknal.sql.relations import ROWS, Origin, shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal.nodes import DocumentLogic, Node, NodeId
    from seeknal.sql.relations import Origins


def documented(logic: DocumentLogic, nodes: Mapping[NodeId, Node]) -> Analysis:
    """The analysis of what a node says its columns are made of."""

    def origins(pairs: Iterable[tuple[NodeId, str]]) -> Origins:
        return frozenset(Origin(nodes[n].relation, fold(c) if c else ROWS) for n, c in pairs if n in nodes)

    columns = []
    for name, said in logic.made_of.items():
        made = Made(*said)  # a plain list where it comes from the cache
        columns.append(OutputColumn(name, made.shape, origins(made.value), origins(made.filter)))
    content = shape("documented", *(f"{c.name}={c.shape}" for c in columns))
    return Analysis(content, shape("documented"), frozenset(), tuple(columns))
