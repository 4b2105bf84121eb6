"""Change cases written by hand: a few nodes before and after an edit, what it must be called, and what must be built.

`@orders` and `@customers` read the two sources all cases share, `@a` the case's own node or data file `a`. A node is SQL, or YAML where the text begins with
`kind:`; `view:` before SQL makes it a view. What is not named in `changes` has not changed, and what is not named in `built` is reused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Case:
    """One case. `changes` is `node:CATEGORY …`, with `added` and `removed` for nodes that come and go; `built` the nodes that are built."""

    name: str
    before: Mapping[str, str]
    after: Mapping[str, str | None]
    changes: str = ""
    built: str = ""
    edits: Mapping[str, str] = field(default_factory=dict)
    via: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, tuple[str, str]] = field(default_factory=dict)


PAID = "SELECT order_id, customer_id, amount, quantity, status FROM @orders WHERE status = 'paid'"
SUM = "SELECT sum(amount) AS total FROM @a"
COUNT = "SELECT count(*) AS n FROM @a"
IDS = "SELECT order_id FROM @a"
NB, BR = "a:NON_BREAKING", "a:BREAKING"
REACHED = "a:BREAKING r:INDIRECT"


def same(name: str, before: str, after: str) -> Case:
    """Another way to write the same: no change at all, for the node or for what reads it."""
    return Case(name, {"a": before, "r": "SELECT * FROM @a"}, {"a": after})


def alone(name: str, before: str, after: str, reader: str, edits: str = "") -> Case:
    """An edit that its reader is not touched by."""
    return Case(name, {"a": before, "r": reader}, {"a": after}, NB, "a", {"a": edits} if edits else {})


def reaching(name: str, before: str, after: str, reader: str, edits: str = "", via: str = "") -> Case:
    """An edit that changes what its reader reads."""
    return Case(name, {"a": before, "r": reader}, {"a": after}, REACHED, "a r", {"a": edits} if edits else {}, {"r": via} if via else {})


def stopping(name: str, before: str, after: str, reader: str) -> Case:
    """An edit that reaches a reader by its logic, and leaves the values it reads as they were: the reader is not built."""
    return Case(name, {"a": before, "r": reader}, {"a": after}, REACHED, "a")


def moving(name: str, before: str, after: str, nodes: Mapping[str, str], built: str) -> Case:
    """An edit of the data, in the file `s`: nobody changed anything."""
    return Case(name, nodes, {}, "", built, data={"s": (before, after)})


NOTHING = [
    same("white space", "SELECT order_id, amount FROM @orders", "select   order_id,\n\n  amount\nfrom @orders"),
    same("comments", "SELECT order_id FROM @orders", "-- why\nSELECT order_id /* which */ FROM @orders -- end"),
    same("quoting of names", "SELECT order_id FROM @orders", 'SELECT "order_id" FROM @orders'),
    same("case of names", "SELECT order_id AS order_id FROM @orders", "SELECT ORDER_ID AS order_id FROM @orders"),
    same("a table alias is given", "SELECT order_id, amount FROM @orders", "SELECT o.order_id, o.amount FROM @orders AS o"),
    same("a table alias is another", "SELECT o.amount FROM @orders o", "SELECT x.amount FROM @orders x"),
    same("aliases of a self-join are swapped throughout",
         "SELECT p.order_id, q.amount FROM @orders p JOIN @orders q ON p.order_id = q.quantity",
         "SELECT q.order_id, p.amount FROM @orders q JOIN @orders p ON q.order_id = p.quantity"),
    same("the name of a CTE", "WITH t AS (SELECT amount FROM @orders) SELECT amount FROM t", "WITH u AS (SELECT amount FROM @orders) SELECT amount FROM u"),
    same("a CTE that nothing reads", "SELECT amount FROM @orders", "WITH t AS (SELECT status FROM @orders) SELECT amount FROM @orders"),
    same("AS is left out", "SELECT amount AS a FROM @orders AS o", "SELECT amount a FROM @orders o"),
    same("a semicolon", "SELECT amount FROM @orders", "SELECT amount FROM @orders;"),
    same("parentheses around a column", "SELECT amount FROM @orders", "SELECT (amount) AS amount FROM @orders"),
    same("a star spelled out", "SELECT * FROM @customers", "SELECT customer_id, name, country, tier FROM @customers"),
    same("a star with everything but one spelled out", "SELECT * EXCLUDE (tier) FROM @customers", "SELECT customer_id, name, country FROM @customers"),
    same("a position spelled out", "SELECT status, count(*) AS n FROM @orders GROUP BY 1", "SELECT status, count(*) AS n FROM @orders GROUP BY status"),
    same("INNER is left out", "SELECT o.amount FROM @orders o INNER JOIN @customers c USING (customer_id)",
         "SELECT o.amount FROM @orders o JOIN @customers c USING (customer_id)"),
    same("a macro that renders the same", "SELECT {{ 'amount' }} FROM @orders", "SELECT {% if true %}amount{% endif %} FROM @orders"),
    same("a CTE written as a subquery's name", "SELECT s.amount FROM (SELECT amount FROM @orders) s", "SELECT t.amount FROM (SELECT amount FROM @orders) AS t"),
    same("a function by another case", "SELECT SUM(amount) AS s FROM @orders", "SELECT sum(amount) AS s FROM @orders"),
]  # fmt: skip

COLUMNS = [
    alone("a column is added", PAID, PAID.replace("quantity,", "quantity, day,"), SUM, "COLUMN_ADDED day"),
    Case("a column is added under a star", {"a": PAID, "r": "SELECT * FROM @a"}, {"a": PAID.replace("quantity,", "quantity, day,")},
         "a:NON_BREAKING r:INDIRECT", "a r", {"a": "COLUMN_ADDED day", "r": "COLUMN_ADDED day"}, {"r": "a.day"}),
    Case("a column is added under a chain of stars, of which the end reads one column",
         {"a": PAID, "r": "SELECT * FROM @a", "q": "SELECT * FROM @r", "e": "SELECT sum(amount) AS t FROM @q"},
         {"a": PAID.replace("quantity,", "quantity, day,")}, "a:NON_BREAKING r:INDIRECT q:INDIRECT", "a r q"),
    Case("a column is added under a star that leaves it out", {"a": PAID, "r": "SELECT * EXCLUDE (status) FROM @a"},
         {"a": PAID + " AND amount > 0"}, REACHED, "a"),
    Case("a column is added that COLUMNS() does not match", {"a": PAID, "r": "SELECT COLUMNS('amo.*') FROM @a"},
         {"a": PAID.replace("quantity,", "quantity, day,")}, NB, "a"),
    Case("a column is added that COLUMNS() matches", {"a": PAID, "r": "SELECT COLUMNS('amo.*') FROM @a"},
         {"a": PAID.replace("quantity,", "quantity, 1 AS amount_2,")}, "a:NON_BREAKING r:INDIRECT", "a r"),
    alone("the date is added", PAID, PAID.replace("quantity,", "quantity, current_date AS d,"), COUNT, "COLUMN_ADDED d"),
    alone("the date is added by another name", PAID, PAID.replace("quantity,", "quantity, today() AS d,"), SUM, "COLUMN_ADDED d"),
    alone("chance is added", PAID, PAID.replace("quantity,", "quantity, gen_random_uuid() IS NULL AS d,"), COUNT, "COLUMN_ADDED d"),
    alone("a column nobody reads is removed", PAID, PAID.replace(" quantity,", ""), SUM, "COLUMN_REMOVED quantity"),
    Case("a column under a star is removed", {"a": PAID, "r": "SELECT * FROM @a"}, {"a": PAID.replace(" quantity,", "")},
         REACHED, "a r", {"a": "COLUMN_REMOVED quantity"}),
    Case("a column is removed and its reader adapted", {"a": PAID, "r": "SELECT amount, quantity FROM @a"},
         {"a": PAID.replace(" quantity,", ""), "r": "SELECT amount FROM @a"}, "a:NON_BREAKING r:NON_BREAKING", "a r"),
    alone("a column nobody reads is renamed", PAID, PAID.replace("quantity,", "quantity AS pieces,"), SUM, "COLUMN_RENAMED quantity"),
    Case("a column is renamed and its reader adapted", {"a": PAID, "r": SUM, "e": "SELECT total FROM @r"},
         {"a": PAID.replace("amount,", "amount AS price,"), "r": "SELECT sum(price) AS total FROM @a"},
         "a:NON_BREAKING r:BREAKING e:INDIRECT", "a r"),
    Case("a column under a star is renamed", {"a": PAID, "r": "SELECT * FROM @a"}, {"a": PAID.replace("amount,", "amount AS price,")},
         REACHED, "a r", {"a": "COLUMN_RENAMED amount"}),
    alone("a column nobody reads is computed otherwise", PAID, PAID.replace("quantity,", "quantity * 2 AS quantity,"), SUM,
          "COLUMN_EXPRESSION_CHANGED quantity"),
    reaching("a column that is read is computed otherwise", PAID, PAID.replace("amount,", "amount * 2 AS amount,"), SUM,
             "COLUMN_EXPRESSION_CHANGED amount", "a.amount"),
    stopping("an expression of the same value", PAID, PAID.replace("amount,", "amount + 0 AS amount,"), SUM),
    stopping("constants are not folded, and their value is the same", "SELECT 1 + 1 AS amount", "SELECT 2 AS amount", SUM),
    reaching("two columns are swapped", PAID, PAID.replace("amount, quantity", "quantity AS amount, amount AS quantity"), SUM),
    alone("two columns change places", PAID, PAID.replace("amount, quantity", "quantity, amount"), SUM, "ORDER_CHANGED"),
    Case("two columns change places under a star", {"a": PAID, "r": "SELECT * FROM @a"},
         {"a": PAID.replace("amount, quantity", "quantity, amount")}, "a:NON_BREAKING r:INDIRECT", "a r", via={"r": "a.*"}),
    reaching("two columns change places under a position", PAID, PAID.replace("amount, quantity", "quantity, amount") + " AND amount > 1",
             "SELECT * FROM @a ORDER BY 3 LIMIT 1"),
    alone("a struct gains a field nobody reads", "SELECT order_id, {'a': amount} AS s FROM @orders",
          "SELECT order_id, {'a': amount, 'b': status} AS s FROM @orders", IDS),
    reaching("a field of a struct changes", "SELECT {'a': amount, 'b': status} AS s FROM @orders",
             "SELECT {'a': amount + 1, 'b': status} AS s FROM @orders", "SELECT sum(s.a) AS t FROM @a"),
    reaching("the fields of a struct change places", "SELECT {'a': amount, 'b': quantity} AS s FROM @orders",
             "SELECT {'b': quantity, 'a': amount} AS s FROM @orders", "SELECT s FROM @a"),
    alone("another column of a nested source is taken", "SELECT order_id, info.city AS place FROM @orders",
          "SELECT order_id, info.zip AS place FROM @orders", IDS),
    reaching("a field is read of another struct", "SELECT order_id, info.city AS place FROM @orders",
             "SELECT order_id, info.zip::VARCHAR AS place FROM @orders", "SELECT max(place) AS p FROM @a"),
    alone("an alias that another column uses", "SELECT order_id, amount * 2 AS d, d + 1 AS e FROM @orders",
          "SELECT order_id, amount * 3 AS d, d + 1 AS e FROM @orders", IDS, "COLUMN_EXPRESSION_CHANGED d"),
    reaching("an alias through which a column is read", "SELECT order_id, amount * 2 AS d, d + 1 AS e FROM @orders",
             "SELECT order_id, amount * 3 AS d, d + 1 AS e FROM @orders", "SELECT sum(e) AS e FROM @a", "", "a.e"),
    alone("a lambda's body", "SELECT order_id, list_transform(tags, lambda x: x || 'a') AS t FROM @orders",
          "SELECT order_id, list_transform(tags, lambda x: x || 'b') AS t FROM @orders", IDS),
    reaching("a lambda's body that is read", "SELECT list_transform(tags, lambda x: x || 'a') AS t FROM @orders",
             "SELECT list_transform(tags, lambda x: x || 'b') AS t FROM @orders", "SELECT t FROM @a"),
]  # fmt: skip

TYPED = "kind: transform\ncolumns: {{{}}}\nsql: SELECT order_id, amount FROM @orders"
VIEWED = TYPED.replace("columns", "materialized: view\ncolumns")
ORDERS_SOURCE = "kind: source\ntype: json\ntable: data/orders.json\ncolumns: {{{}}}"


def declared(name: str, node: str, before: str, after: str, changes: str, built: str, edit: str) -> Case:
    """Other declared types: `r` reads the amount, `s` what is beside it."""
    nodes = {"a": node.format(before), "r": SUM, "s": IDS}
    return Case(
        name, nodes, {"a": node.format(after)}, changes, built, {"a": edit} if edit else {}, {"r": "a.amount"} if "r:" in changes else {}
    )


WIDER, NARROWER = "a:NON_BREAKING r:INDIRECT", REACHED
DECLARED = [
    declared("a declared type is widened", TYPED, "amount: INTEGER", "amount: DOUBLE", WIDER, "a r", "COLUMN_TYPE_WIDENED amount"),
    declared("a declared type is narrowed", TYPED, "amount: BIGINT", "amount: INTEGER", NARROWER, "a r", "COLUMN_TYPE_NARROWED amount"),
    declared("a declared type nobody reads", TYPED, "order_id: BIGINT", "order_id: INTEGER", "a:BREAKING s:INDIRECT", "a s", "COLUMN_TYPE_NARROWED order_id"),
    declared("a type is declared", TYPED, "", "amount: DOUBLE", NARROWER, "a r", "COLUMN_TYPE_NARROWED amount"),
    declared("a declaration goes", TYPED, "amount: INTEGER", "", WIDER, "a r", "COLUMN_TYPE_WIDENED amount"),
    declared("the type that was there is declared", TYPED, "", "amount: BIGINT", WIDER, "a", ""),
    declared("a column is described", TYPED, "", "amount: {description: in cents}", "a:METADATA", "", "METADATA_CHANGED"),
    declared("a column is only listed", TYPED, "", "amount: {}", "a:METADATA", "", "METADATA_CHANGED"),
    declared("a type is declared in a view, which only checks it", VIEWED, "", "amount: BIGINT", NB, "a", ""),
    declared("a view's declaration goes", VIEWED, "amount: BIGINT", "", NB, "a", ""),
    declared("a view is described", VIEWED, "", "amount: {description: in cents}", "a:METADATA", "", "METADATA_CHANGED"),
    declared("a declared type of a source", ORDERS_SOURCE, "amount: INTEGER", "amount: DOUBLE", WIDER, "a r", "COLUMN_TYPE_WIDENED amount"),
    declared("a source's column is narrowed", ORDERS_SOURCE, "amount: BIGINT", "amount: SMALLINT", NARROWER, "a r", "COLUMN_TYPE_NARROWED amount"),
]  # fmt: skip

SMALL = [
    Case("a column under an EXISTS with a star", {"a": PAID, "r": "SELECT name FROM @customers c WHERE EXISTS (SELECT * FROM @a WHERE quantity = c.customer_id)"},
         {"a": PAID.replace("amount,", "amount + 1 AS amount,")}, NB, "a", {"a": "COLUMN_EXPRESSION_CHANGED amount"}),
    Case("a column more under DISTINCT", {"a": "SELECT DISTINCT status FROM @orders", "r": "SELECT count(*) AS n FROM @a"},
         {"a": "SELECT DISTINCT status, quantity FROM @orders"}, REACHED, "a r", {"a": "GROUPING_CHANGED"}, {"r": "a.*"}),
    Case("a column is added without a name", {"a": "SELECT order_id, amount FROM @orders", "r": SUM}, {"a": "SELECT order_id, amount, quantity + 1 FROM @orders"},
         "a:NON_BREAKING r:INDIRECT", "a r", {"a": "COLUMN_ADDED"}),
    same("quotes in a PIVOT", "PIVOT (SELECT status, amount FROM @orders) ON status IN ('paid', 'open') USING sum(amount)",
         """PIVOT (SELECT status, amount FROM @orders) ON "status" IN ('paid', 'open') USING sum("amount")"""),
]  # fmt: skip

SPELLED = [
    Case("a name's case under a star", {"a": "SELECT amount FROM @orders", "r": "SELECT * FROM @a"}, {"a": "SELECT amount AS Amount FROM @orders"},
         REACHED, "a r", {"a": "COLUMN_RENAMED Amount"}, {"r": "a.amount"}),
    Case("a name's case, nobody reads it", {"a": "SELECT amount, order_id FROM @orders", "r": IDS},
         {"a": "SELECT amount AS Amount, order_id FROM @orders"}, NB, "a", {"a": "COLUMN_RENAMED Amount"}),
    Case("letters beyond ASCII have no case", {"a": 'view:SELECT amount AS straße, quantity AS strasse, amount AS "Ä", quantity AS "ä" FROM @orders',
         "r": "SELECT sum(strasse) AS s FROM @a", "s": "SELECT sum(straße) AS s FROM @a", "t": 'SELECT max("Ä") AS s FROM @a'},
         {"a": 'view:SELECT amount AS straße, quantity + 1 AS strasse, amount AS "Ä", quantity + 1 AS "ä" FROM @orders'},
         "a:BREAKING r:INDIRECT", "a r", {"a": "COLUMN_EXPRESSION_CHANGED strasse"}, {"r": "a.strasse"}),
]  # fmt: skip

TYPES = [
    Case("a type is widened", {"a": "SELECT order_id, CAST(amount AS INTEGER) AS amount FROM @orders", "r": SUM},
         {"a": "SELECT order_id, CAST(amount AS BIGINT) AS amount FROM @orders"}, "a:NON_BREAKING r:INDIRECT", "a r",
         {"a": "COLUMN_TYPE_WIDENED amount"}),
    Case("a type is narrowed", {"a": "SELECT order_id, CAST(amount AS BIGINT) AS amount FROM @orders", "r": SUM},
         {"a": "SELECT order_id, CAST(amount AS INTEGER) AS amount FROM @orders"}, REACHED, "a r", {"a": "COLUMN_TYPE_NARROWED amount"}),
    Case("a type nobody reads is narrowed", {"a": "SELECT order_id, CAST(amount AS BIGINT) AS amount FROM @orders", "r": IDS},
         {"a": "SELECT order_id, CAST(amount AS INTEGER) AS amount FROM @orders"}, NB, "a", {"a": "COLUMN_TYPE_NARROWED amount"}),
    Case("a number becomes text", {"a": "SELECT CAST(amount AS BIGINT) AS amount FROM @orders", "r": "SELECT max(amount) AS m FROM @a"},
         {"a": "SELECT CAST(amount AS VARCHAR) AS amount FROM @orders"}, REACHED, "a r", {"a": "COLUMN_TYPE_NARROWED amount"}),
    Case("digits are added to a decimal", {"a": "SELECT CAST(amount AS DECIMAL(10, 2)) AS amount FROM @orders", "r": "SELECT amount FROM @a"},
         {"a": "SELECT CAST(amount AS DECIMAL(12, 2)) AS amount FROM @orders"}, "a:NON_BREAKING r:INDIRECT", "a r",
         {"a": "COLUMN_TYPE_WIDENED amount"}),
    Case("a decimal's scale takes its digits", {"a": "SELECT CAST(amount AS DECIMAL(10, 2)) AS amount FROM @orders", "r": "SELECT amount FROM @a"},
         {"a": "SELECT CAST(amount AS DECIMAL(10, 4)) AS amount FROM @orders"}, REACHED, "a r", {"a": "COLUMN_TYPE_NARROWED amount"}),
    Case("a declared type", {"a": "kind: transform\ncolumns: {amount: BIGINT}\nsql: SELECT order_id, amount FROM @orders", "r": IDS},
         {"a": "kind: transform\ncolumns: {amount: INTEGER}\nsql: SELECT order_id, amount FROM @orders"}, NB, "a"),
    *DECLARED,
    *SPELLED,
    *SMALL,
]  # fmt: skip

ROWS = [
    stopping("GROUP BY ALL spelled out", "SELECT status, count(*) AS n FROM @orders GROUP BY ALL",
             "SELECT status, count(*) AS n FROM @orders GROUP BY status", "SELECT sum(n) AS n FROM @a"),
    reaching("a filter", PAID, PAID.replace("'paid'", "'open'"), COUNT, "FILTER_CHANGED", "a.*"),
    reaching("a filter is added", "SELECT order_id, amount FROM @orders", "SELECT order_id, amount FROM @orders WHERE amount > 6", SUM, "FILTER_CHANGED"),
    stopping("a filter that lets the same rows through", PAID, PAID + " AND amount < 1000", SUM),
    reaching("a filter on a column that is not selected", "SELECT order_id FROM @orders WHERE quantity > 1",
             "SELECT order_id FROM @orders WHERE quantity > 2", COUNT, "FILTER_CHANGED"),
    reaching("LEFT becomes INNER", "SELECT o.order_id FROM @orders o LEFT JOIN @customers c USING (customer_id)",
             "SELECT o.order_id FROM @orders o JOIN @customers c USING (customer_id)", COUNT, "JOIN_CHANGED"),
    reaching("what is joined on", "SELECT o.order_id, c.name FROM @orders o LEFT JOIN @customers c ON o.customer_id = c.customer_id",
             "SELECT o.order_id, c.name FROM @orders o LEFT JOIN @customers c ON o.quantity = c.customer_id", "SELECT max(name) AS n, count(name) AS k FROM @a",
             "JOIN_CHANGED"),
    stopping("a join that multiplies nothing", "SELECT order_id, amount FROM @orders",
             "SELECT o.order_id, o.amount FROM @orders o LEFT JOIN @customers c USING (customer_id)", SUM),
    reaching("SEMI becomes ANTI", "SELECT order_id FROM @orders o SEMI JOIN @customers c USING (customer_id)",
             "SELECT order_id FROM @orders o ANTI JOIN @customers c USING (customer_id)", COUNT),
    reaching("CROSS JOIN comes in", "SELECT order_id FROM @orders", "SELECT order_id FROM @orders, @customers", COUNT, "JOIN_CHANGED"),
    reaching("a group is finer", "SELECT status, sum(amount) AS amount FROM @orders GROUP BY status",
             "SELECT status, sum(amount) AS amount FROM @orders GROUP BY status, day", COUNT, "GROUPING_CHANGED"),
    reaching("GROUP BY ALL grows by a column", "SELECT status, sum(amount) AS amount FROM @orders GROUP BY ALL",
             "SELECT status, day, sum(amount) AS amount FROM @orders GROUP BY ALL", COUNT),
    reaching("a grouping appears", "SELECT customer_id, amount FROM @orders", "SELECT customer_id, sum(amount) AS amount FROM @orders GROUP BY customer_id", COUNT),
    reaching("a global aggregate appears", "SELECT amount FROM @orders", "SELECT sum(amount) AS amount FROM @orders", COUNT),
    reaching("a global aggregate appears beside what is not read", "SELECT 1 AS one, 2 AS two FROM @orders",
             "SELECT 1 AS one, count(*) AS two FROM @orders", "SELECT sum(one) AS s FROM @a"),
    reaching("an aggregate the parser has no class for appears", "SELECT 1 AS one, 2 AS two FROM @orders",
             "SELECT 1 AS one, product(quantity) AS two FROM @orders", "SELECT sum(one) AS s FROM @a"),
    reaching("DISTINCT comes in", "SELECT status FROM @orders", "SELECT DISTINCT status FROM @orders", COUNT, "GROUPING_CHANGED"),
    reaching("DISTINCT gains a column under count(*)", "SELECT DISTINCT status FROM @orders", "SELECT DISTINCT status, day FROM @orders", COUNT),
    reaching("DISTINCT ON another column", "SELECT DISTINCT ON (status) order_id FROM @orders ORDER BY status, order_id",
             "SELECT DISTINCT ON (day) order_id FROM @orders ORDER BY day, order_id", COUNT),
    reaching("DISTINCT ON in another order", "SELECT DISTINCT ON (status) order_id FROM @orders ORDER BY status, order_id",
             "SELECT DISTINCT ON (status) order_id FROM @orders ORDER BY status, order_id DESC", "SELECT sum(order_id) AS s FROM @a"),
    reaching("UNION ALL becomes UNION", "SELECT status FROM @orders UNION ALL SELECT country FROM @customers",
             "SELECT status FROM @orders UNION SELECT country FROM @customers", COUNT),
    reaching("UNION gains a column under count(*)", "SELECT status FROM @orders UNION SELECT country FROM @customers",
             "SELECT status, order_id FROM @orders UNION SELECT country, customer_id FROM @customers", COUNT),
    alone("UNION ALL gains a column under count(*)", "SELECT status FROM @orders UNION ALL SELECT country FROM @customers",
          "SELECT status, order_id FROM @orders UNION ALL SELECT country, customer_id FROM @customers", COUNT, "COLUMN_ADDED order_id"),
    reaching("INTERSECT becomes EXCEPT", "SELECT customer_id FROM @orders INTERSECT SELECT customer_id FROM @customers",
             "SELECT customer_id FROM @orders EXCEPT SELECT customer_id FROM @customers", COUNT),
    stopping("the sides of a UNION ALL change places", "SELECT status AS s FROM @orders UNION ALL SELECT country FROM @customers",
             "SELECT country AS s FROM @customers UNION ALL SELECT status FROM @orders", "SELECT count(*) AS n, max(s) AS m FROM @a"),
    reaching("LIMIT", "SELECT order_id FROM @orders ORDER BY order_id LIMIT 2", "SELECT order_id FROM @orders ORDER BY order_id LIMIT 3", COUNT, "FILTER_CHANGED"),
    reaching("OFFSET", "SELECT order_id FROM @orders ORDER BY order_id LIMIT 2", "SELECT order_id FROM @orders ORDER BY order_id LIMIT 2 OFFSET 1",
             "SELECT sum(order_id) AS s FROM @a"),
    reaching("the order before a LIMIT", "SELECT order_id FROM @orders ORDER BY order_id LIMIT 2",
             "SELECT order_id FROM @orders ORDER BY order_id DESC LIMIT 2", "SELECT sum(order_id) AS s FROM @a"),
    reaching("the position a LIMIT is ordered by", "SELECT order_id, quantity FROM @orders ORDER BY 1 LIMIT 2",
             "SELECT order_id, quantity FROM @orders ORDER BY 2 DESC LIMIT 2", "SELECT sum(order_id) AS s FROM @a"),
    reaching("a column in front moves a position", "SELECT amount, order_id FROM @orders ORDER BY 1, 2 LIMIT 2",
             "SELECT -order_id AS neg, amount, order_id FROM @orders ORDER BY 1, 2 LIMIT 2", "SELECT sum(amount) AS s FROM @a"),
    alone("an order without LIMIT", "SELECT order_id, amount FROM @orders", "SELECT order_id, amount FROM @orders ORDER BY amount, order_id", SUM, "ORDER_CHANGED"),
    alone("another order without LIMIT", "SELECT order_id, amount FROM @orders ORDER BY order_id",
          "SELECT order_id, amount FROM @orders ORDER BY order_id DESC", SUM, "ORDER_CHANGED"),
    reaching("HAVING", "SELECT status, count(*) AS n FROM @orders GROUP BY status HAVING count(*) > 1",
             "SELECT status, count(*) AS n FROM @orders GROUP BY status HAVING count(*) > 2", COUNT, "FILTER_CHANGED"),
    reaching("QUALIFY", "SELECT order_id FROM @orders QUALIFY row_number() OVER (PARTITION BY status ORDER BY order_id) = 1",
             "SELECT order_id FROM @orders QUALIFY row_number() OVER (PARTITION BY day ORDER BY order_id) = 1", COUNT, "FILTER_CHANGED"),
    reaching("unnest comes in beside what is read", "SELECT order_id, 1 AS t FROM @orders", "SELECT order_id, unnest(tags) AS t FROM @orders", COUNT),
    reaching("what is unnested", "SELECT o.order_id FROM @orders o, unnest(o.tags) AS u(t)", "SELECT o.order_id FROM @orders o, unnest(o.tags[1:1]) AS u(t)", COUNT),
    reaching("an unnesting function the parser has no class for", "SELECT order_id, 1 AS i FROM @orders",
             "SELECT order_id, generate_subscripts(tags, 1) AS i FROM @orders", COUNT),
    reaching("EXISTS becomes NOT EXISTS", "SELECT order_id FROM @orders o WHERE EXISTS (SELECT 1 FROM @customers c WHERE c.customer_id = o.customer_id)",
             "SELECT order_id FROM @orders o WHERE NOT EXISTS (SELECT 1 FROM @customers c WHERE c.customer_id = o.customer_id)", COUNT, "FILTER_CHANGED"),
    reaching("a correlation within EXISTS", "SELECT order_id FROM @orders o WHERE EXISTS (SELECT 1 FROM @customers c WHERE c.customer_id = o.customer_id)",
             "SELECT order_id FROM @orders o WHERE EXISTS (SELECT 1 FROM @customers c WHERE c.customer_id = o.order_id)", COUNT),
    reaching("IN another subquery", "SELECT order_id FROM @orders WHERE customer_id IN (SELECT customer_id FROM @customers WHERE tier = 'gold')",
             "SELECT order_id FROM @orders WHERE customer_id IN (SELECT customer_id FROM @customers WHERE tier = 'silver')", "SELECT sum(order_id) AS s FROM @a"),
    alone("a scalar subquery nobody reads", "SELECT order_id, (SELECT max(tier) FROM @customers c WHERE c.customer_id = o.customer_id) AS t FROM @orders o",
          "SELECT order_id, (SELECT min(country) FROM @customers c WHERE c.customer_id = o.customer_id) AS t FROM @orders o", IDS, "COLUMN_EXPRESSION_CHANGED t"),
    reaching("a lateral subquery", "SELECT o.order_id, l.n FROM @orders o, LATERAL (SELECT count(*) AS n FROM @customers c WHERE c.customer_id = o.customer_id) l",
             "SELECT o.order_id, l.n FROM @orders o, LATERAL (SELECT count(*) AS n FROM @customers c WHERE c.customer_id > o.customer_id) l",
             "SELECT sum(n) AS s FROM @a"),
    reaching("a CTE's filter", "WITH p AS (SELECT * FROM @orders WHERE status = 'paid') SELECT order_id FROM p",
             "WITH p AS (SELECT * FROM @orders WHERE status = 'open') SELECT order_id FROM p", "SELECT sum(order_id) AS s FROM @a", "FILTER_CHANGED"),
    reaching("a CTE that shadows an input", "WITH c AS (SELECT 1 AS x) SELECT x FROM c", "WITH c AS (SELECT 2 AS x) SELECT x FROM c", "SELECT x FROM @a"),
    reaching("a recursion goes further", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n", COUNT),
    stopping("a subquery becomes a CTE", "SELECT s FROM (SELECT sum(amount) AS s FROM @orders) AS q", "WITH q AS (SELECT sum(amount) AS s FROM @orders), w AS (SELECT s FROM q) SELECT s FROM w",
             "SELECT s FROM @a"),
    reaching("GROUPING SETS", "SELECT status, day, count(*) AS n FROM @orders GROUP BY ROLLUP (status, day)",
             "SELECT status, day, count(*) AS n FROM @orders GROUP BY CUBE (status, day)", COUNT, "GROUPING_CHANGED"),
    reaching("VALUES", "SELECT * FROM (VALUES (1), (2)) AS v(x)", "SELECT * FROM (VALUES (1), (2), (3)) AS v(x)", COUNT),
    reaching("the source of a FROM", "SELECT customer_id FROM @orders", "SELECT customer_id FROM @customers", COUNT, "JOIN_CHANGED"),
]  # fmt: skip

WINDOWS = [
    alone("a window nobody reads", "SELECT order_id, sum(amount) OVER (PARTITION BY status) AS w FROM @orders",
          "SELECT order_id, sum(amount) OVER (PARTITION BY day) AS w FROM @orders", IDS, "COLUMN_EXPRESSION_CHANGED w"),
    reaching("what a window is partitioned by", "SELECT order_id, sum(amount) OVER (PARTITION BY status) AS w FROM @orders",
             "SELECT order_id, sum(amount) OVER (PARTITION BY day) AS w FROM @orders", "SELECT sum(w) AS w FROM @a", "COLUMN_EXPRESSION_CHANGED w", "a.w"),
    reaching("a window's order", "SELECT row_number() OVER (ORDER BY order_id) * amount AS w FROM @orders",
             "SELECT row_number() OVER (ORDER BY order_id DESC) * amount AS w FROM @orders", "SELECT sum(w) AS w FROM @a"),
    reaching("a window's frame", "SELECT sum(amount) OVER (ORDER BY order_id ROWS 1 PRECEDING) AS w FROM @orders",
             "SELECT sum(amount) OVER (ORDER BY order_id ROWS 2 PRECEDING) AS w FROM @orders", "SELECT sum(w) AS w FROM @a"),
    reaching("a named window", "SELECT sum(amount) OVER w AS s FROM @orders WINDOW w AS (PARTITION BY status)",
             "SELECT sum(amount) OVER w AS s FROM @orders WINDOW w AS (PARTITION BY day)", "SELECT sum(s) AS s FROM @a"),
    reaching("FILTER within an aggregate", "SELECT sum(amount) FILTER (WHERE status = 'paid') AS s FROM @orders",
             "SELECT sum(amount) FILTER (WHERE status = 'open') AS s FROM @orders", "SELECT s FROM @a", "COLUMN_EXPRESSION_CHANGED s"),
    reaching("the order within an aggregate", "SELECT string_agg(status, ',' ORDER BY order_id) AS s FROM @orders",
             "SELECT string_agg(status, ',' ORDER BY order_id DESC) AS s FROM @orders", "SELECT s FROM @a"),
    reaching("DISTINCT within an aggregate", "SELECT count(status) AS s FROM @orders", "SELECT count(DISTINCT status) AS s FROM @orders", "SELECT s FROM @a"),
]  # fmt: skip

GRAPHS = [
    Case("metadata only", {"a": f"/* ---\nowner: me\n--- */\n{PAID}", "r": SUM}, {"a": f"/* ---\nowner: you\ntags: [x]\n--- */\n{PAID}"}, "a:METADATA", "",
         {"a": "METADATA_CHANGED owner"}),
    Case("a description", {"a": PAID, "r": SUM}, {"a": f"/* ---\ndescription: What was paid.\n--- */\n{PAID}"}, "a:METADATA"),
    Case("an audit", {"a": PAID, "r": SUM}, {"a": f"/* ---\naudits: [{{type: row_count, min: 1}}]\n--- */\n{PAID}"}, "a:METADATA"),
    Case("metadata and an edit", {"a": PAID, "r": SUM}, {"a": "/* ---\nowner: you\n--- */\n" + PAID.replace("amount,", "amount + 1 AS amount,")}, REACHED, "a r"),
    Case("through five hops by one column",
         {"a": PAID, "b": "SELECT order_id, amount AS b, quantity FROM @a", "c": "SELECT order_id, b * 2 AS c, quantity FROM @b",
          "d": "SELECT order_id, c AS d, quantity FROM @c", "e": "SELECT sum(d) AS e FROM @d", "f": "SELECT sum(quantity) AS f FROM @d"},
         {"a": PAID.replace("amount,", "amount + 1 AS amount,")}, "a:BREAKING b:INDIRECT c:INDIRECT d:INDIRECT e:INDIRECT", "a b c d e",
         {}, {"b": "a.amount", "c": "b.b", "d": "c.c", "e": "d.d"}),
    Case("five hops of which none reads the column", {"a": PAID, "b": "SELECT order_id FROM @a", "c": "SELECT order_id FROM @b", "d": COUNT.replace("@a", "@c")},
         {"a": PAID.replace("amount,", "amount + 1 AS amount,")}, NB, "a"),
    Case("an edit upstream and a column more downstream in one plan", {"a": PAID, "r": "SELECT order_id, amount FROM @a", "e": "SELECT sum(amount) AS t FROM @r"},
         {"a": PAID.replace("amount,", "amount * 3 AS amount,"), "r": "SELECT order_id, amount, quantity FROM @a"},
         "a:BREAKING r:NON_BREAKING e:INDIRECT", "a r e"),
    Case("an edit upstream of a star, and a column more behind it", {"a": PAID, "s": "SELECT * FROM @a", "r": "SELECT order_id FROM @s", "e": COUNT.replace("@a", "@r")},
         {"a": PAID.replace("amount,", "amount * 3 AS amount,"), "r": "SELECT order_id, amount FROM @s"},
         "a:BREAKING s:INDIRECT r:NON_BREAKING", "a s r"),
    Case("two edits that cancel", {"a": PAID, "r": "SELECT amount * 2 AS d FROM @a", "e": "SELECT sum(d) AS s FROM @r"},
         {"a": PAID.replace("amount,", "amount * 2 AS amount,"), "r": "SELECT amount AS d FROM @a"}, "a:BREAKING r:BREAKING e:INDIRECT", "a r"),
    Case("a node is added", {"a": PAID, "r": SUM}, {"n": "SELECT max(amount) AS m FROM @a"}, "n:added", "n"),
    Case("a node comes between", {"a": PAID, "r": SUM}, {"n": "SELECT amount FROM @a", "r": "SELECT sum(amount) AS total FROM @n"}, "n:added r:NON_BREAKING", "n r"),
    Case("a node is removed", {"a": PAID, "r": SUM}, {"r": None}, "r:removed"),
    Case("a node with another name and the same SQL", {"a": PAID, "r": SUM}, {"a": None, "b": PAID, "r": SUM.replace("@a", "@b")},
         "a:removed b:added r:NON_BREAKING", "r"),
    Case("an exposure reads what changed", {"a": PAID, "x": "kind: exposure\ntype: file\ninputs: [{ref: @@a}]\nparams: {path: out/@name.csv, format: csv}"},
         {"a": PAID.replace("quantity,", "quantity * 2 AS quantity,")}, "a:BREAKING x:INDIRECT", "a x"),
    Case("an exposure goes elsewhere", {"a": PAID, "x": "kind: exposure\ntype: file\ninputs: [{ref: @@a}]\nparams: {path: out/@name.csv, format: csv}"},
         {"x": "kind: exposure\ntype: file\ninputs: [{ref: @@a}]\nparams: {path: out/@name.2.csv, format: csv}"}, "x:NON_BREAKING", "x"),
    Case("a rule reads what changed", {"a": PAID, "x": "kind: rule\ninputs: [{ref: @@a}]\naudits: [{type: row_count, min: 1}]"},
         {"a": PAID.replace("quantity,", "quantity * 2 AS quantity,")}, "a:BREAKING x:INDIRECT", "a x"),
    Case("a view's column that nobody reads", {"a": "view:" + PAID, "r": SUM}, {"a": "view:" + PAID.replace("quantity,", "quantity * 2 AS quantity,")}, NB, "a"),
    Case("a view's column that is read", {"a": "view:" + PAID, "r": SUM}, {"a": "view:" + PAID.replace("amount,", "amount * 2 AS amount,")}, REACHED, "a r"),
    Case("a column more in a chain of views", {"a": "view:" + PAID, "b": "view:SELECT * FROM @a", "r": "SELECT sum(amount) AS t FROM @b"},
         {"a": "view:" + PAID.replace("quantity,", "quantity, day,")}, "a:NON_BREAKING b:INDIRECT", "a b"),
    Case("a filter in a chain of views", {"a": "view:" + PAID, "b": "view:SELECT order_id FROM @a", "r": "SELECT count(*) AS n FROM @b"},
         {"a": "view:" + PAID.replace("'paid'", "'open'")}, "a:BREAKING b:INDIRECT r:INDIRECT", "a b r"),
    Case("NATURAL JOIN with a column more in common", {"a": "SELECT customer_id FROM @orders", "b": "SELECT customer_id, 1 AS k FROM @customers",
         "r": "SELECT count(*) AS n FROM @a NATURAL JOIN @b"}, {"a": "SELECT customer_id, 2 AS k FROM @orders"}, "a:NON_BREAKING r:INDIRECT", "a r"),
    Case("NATURAL JOIN with a column more that is not in common", {"a": "SELECT customer_id FROM @orders", "b": "SELECT customer_id FROM @customers",
         "r": "SELECT count(*) AS n FROM @a NATURAL JOIN @b"}, {"a": "SELECT customer_id, 2 AS k FROM @orders"}, NB, "a"),
    Case("USING a column that is made otherwise", {"a": "SELECT customer_id FROM @orders", "r": "SELECT count(*) AS n FROM @a JOIN @customers USING (customer_id)"},
         {"a": "SELECT customer_id + 1 AS customer_id FROM @orders"}, REACHED, "a r", {}, {"r": "a.customer_id"}),
    Case("a column that a correlated subquery now finds nearer", {"a": "SELECT customer_id AS cid FROM @customers",
         "r": "SELECT count(*) AS n FROM @orders o WHERE EXISTS (SELECT 1 FROM @a WHERE cid = quantity)"},
         {"a": "SELECT customer_id AS cid, 99 AS quantity FROM @customers"}, "a:NON_BREAKING r:INDIRECT", "a r"),
    Case("GROUP BY ALL over a star", {"a": "SELECT status FROM @orders", "r": "SELECT *, count(*) AS n FROM @a GROUP BY ALL"},
         {"a": "SELECT status, day FROM @orders"}, "a:NON_BREAKING r:INDIRECT", "a r"),
    Case("UNION of stars", {"a": "SELECT status FROM @orders", "b": "SELECT country FROM @customers", "r": "SELECT * FROM @a UNION ALL SELECT * FROM @b"},
         {"a": "SELECT status || 'x' AS status FROM @orders"}, REACHED, "a r"),
    Case("a view becomes a table", {"a": "view:" + PAID}, {"a": PAID}, NB, "a", {"a": "LOGIC_CHANGED"}),
    Case("a table becomes a view", {"a": PAID}, {"a": "view:" + PAID}, NB, "a", {"a": "LOGIC_CHANGED"}),
    Case("PIVOT by values that are named", {"a": "SELECT * FROM (SELECT status, amount FROM @orders) PIVOT (sum(amount) FOR status IN ('paid', 'open'))",
         "r": "SELECT * FROM @a"}, {"a": "SELECT * FROM (SELECT status, amount FROM @orders) PIVOT (sum(amount) FOR status IN ('paid', 'void'))"},
         REACHED, "a r"),
    Case("a source read otherwise", {"s": "kind: source\ntype: csv\ntable: data/customers.csv", "r": "SELECT count(*) AS n FROM @s"},
         {"s": "kind: source\ntype: csv\ntable: data/customers.csv\nparams: {delimiter: ';'}", "r": "SELECT count(*) AS m FROM @s"},
         "s:BREAKING r:NON_BREAKING", "s r", {"s": "SOURCE_CHANGED"}),
]  # fmt: skip

CSV = "id,v,w\n1,10,5\n2,20,6\n3,30,7\n"
READS = {
    "v": "SELECT sum(v) AS v FROM @s",
    "w": "SELECT id, w FROM @s",
    "b": "SELECT v, w FROM @s",
    "n": "SELECT count(*) AS n FROM @s",
    "e": "SELECT * FROM @s",
}
DATA = [
    moving("another value", CSV, CSV.replace("20", "21"), READS, "s v b e"),
    moving("values of a column change places", CSV, "id,v,w\n1,20,5\n2,10,6\n3,30,7\n", READS, "s b e"),
    moving("rows in another order", CSV, "id,v,w\n3,30,7\n1,10,5\n2,20,6\n", READS, "s"),
    moving("columns in another order", CSV, "v,id,w\n10,1,5\n20,2,6\n30,3,7\n", READS, "s e"),
    moving("a column more", CSV, "id,v,w,x\n1,10,5,0\n2,20,6,0\n3,30,7,0\n", READS, "s e"),
    moving("a row twice", CSV, CSV + "3,30,7\n", READS, "s v w b n e"),
    moving("another row in the place of one", CSV, "id,v,w\n1,10,5\n2,20,6\n4,30,7\n", READS, "s w e"),
    moving("a column of another type", CSV, CSV.replace("30,7", "30.5,7"), READS, "s v b e"),
    moving("text by another writer", CSV, CSV.replace("\n", "\r\n"), READS, "s"),
    moving("a value that a filter leaves out", CSV, CSV.replace("3,30", "3,31"),
           {"a": "SELECT v, w FROM @s WHERE v < 25", "r": "SELECT sum(v) AS v FROM @a"}, "s a"),
    moving("a value behind a view that does not read it", CSV, CSV.replace(",7", ",8"), {"a": "view:SELECT id, v, w FROM @s", "r": "SELECT sum(v) AS v FROM @a"}, "s a"),
]  # fmt: skip

CASES = [*NOTHING, *COLUMNS, *TYPES, *ROWS, *WINDOWS, *GRAPHS, *DATA]
