"""Edits of small projects, each with what a plan has to say about it and what a run has to build. Written by hand, from the rules.

A name without a slash is a transform: `a` is the file `seeknal/a.sql` and the node `transform.a`. A Parquet file is written as the query it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    Files = Mapping[str, str | None]
    """Texts by name or path; None deletes."""


@dataclass(frozen=True)
class Expected:
    """What a plan says of one node. What is None is not looked at; `edits` are `KIND` or `KIND column`."""

    change: str | None = None
    category: str | None = None
    edits: frozenset[str] | None = None
    via: frozenset[str] | None = None
    optional: bool = False


@dataclass(frozen=True)
class Case:
    """One edit. `built` are the nodes a run builds; `either` those of which that is not said. `changes` is None where the plan cannot know yet."""

    name: str
    before: Files
    after: Files
    changes: Mapping[str, Expected] | None
    built: str = ""
    either: str = ""
    between: tuple[Files, ...] = ()
    xfail: str = ""


def breaking(*edits: str) -> Expected:
    """A node that was edited, and whose readers notice."""
    return Expected("modified", "BREAKING", frozenset(edits) or None)


def harmless(*edits: str) -> Expected:
    """A node that was edited, and whose readers do not notice."""
    return Expected("modified", "NON_BREAKING", frozenset(edits) or None)


def modified(*edits: str) -> Expected:
    """A node that was edited, where the rules leave the category open."""
    return Expected("modified", None, frozenset(edits) or None)


def via(*columns: str) -> Expected:
    """A node that was not edited and reads, through these columns, what was."""
    return Expected("indirect", "INDIRECT", None, frozenset(columns) or None)


METADATA = Expected("modified", "METADATA", frozenset({"METADATA_CHANGED"}))
ADDED = Expected("added")
REMOVED = Expected("removed")
ANYTHING = Expected(optional=True)

ROWS = (
    "(1, 10, 5, 2, 'paid', DATE '2026-01-01', ['new', 'gift'], {'city': 'Rome', 'zip': 1})",
    "(2, 11, 7, 1, 'open', DATE '2026-01-01', ['gift'], {'city': 'Oslo', 'zip': 2})",
    "(3, 10, 20, 4, 'paid', DATE '2026-01-02', []::VARCHAR[], {'city': 'Rome', 'zip': 1})",
    "(4, 12, 1, 3, 'void', DATE '2026-01-03', ['new', 'sale'], {'city': 'Bern', 'zip': 3})",
    "(5, 11, 7, 1, 'paid', DATE '2026-01-02', ['sale'], {'city': 'Oslo', 'zip': 2})",
)


def orders(*rows: str, select: str = "*") -> str:
    """The query that makes the orders."""
    return f"SELECT {select} FROM (VALUES {', '.join(rows or ROWS)}) AS t(order_id, customer_id, amount, quantity, status, day, tags, info)"


CUSTOMERS = "customer_id,name,country,tier\n10,Ann,ID,1\n11,Bob,SG,2\n12,Cid,ID,2\n13,Dee,MY,1\n"
PROJECT = "seeknal_project.yml"
ORDERS_YML, CUSTOMERS_YML = "seeknal/orders.yml", "seeknal/customers.yml"
ORDERS_FILE, CUSTOMERS_FILE = "data/orders.parquet", "data/customers.csv"
SOURCES = {
    ORDERS_YML: "kind: source\nname: orders\ntype: parquet\ntable: data/orders.parquet\n",
    CUSTOMERS_YML: "kind: source\nname: customers\ntype: csv\ntable: data/customers.csv\n",
    ORDERS_FILE: orders(),
    CUSTOMERS_FILE: CUSTOMERS,
}
VIEW = "/* ---\nmaterialized: view\n--- */\n"


def front(text: str, sql: str) -> str:
    """A query with front matter."""
    return f"/* ---\n{text}\n--- */\n{sql}"


def picked(*columns: str, more: str = "") -> str:
    """A selection of the orders."""
    return f"SELECT {', '.join(columns)} FROM source.orders{more}"


# Ways of writing -------------------------------------------------------------------------------------------------------

PAID = {
    "a": "SELECT order_id, amount * 2 AS double FROM source.orders WHERE status = 'paid'",
    "b": "SELECT sum(double) AS total FROM transform.a",
}
WITH = {
    "a": "WITH p AS (SELECT order_id, amount FROM source.orders WHERE status = 'paid') SELECT order_id, amount FROM p",
    "b": "SELECT sum(amount) AS total FROM transform.a",
}
PAIRS = {
    "a": "SELECT x.order_id, x.amount FROM source.orders x JOIN source.orders y ON x.order_id = y.order_id + 1",
    "b": "SELECT sum(amount) AS total FROM transform.a",
}
EXCHANGED = "SELECT y.order_id, y.amount FROM source.orders y JOIN source.orders x ON y.order_id = x.order_id + 1"
TWO_CTES = (
    "WITH {0} AS (SELECT amount FROM source.orders WHERE status = 'paid'), {1} AS (SELECT amount FROM source.orders WHERE status <> 'paid')"
)
EXCHANGING = {
    "a": f"{TWO_CTES.format('p', 'q')} SELECT amount FROM p",
    "b": "SELECT sum(amount) AS total FROM transform.a",
}
WRITING = [
    Case(
        "whitespace_and_comments",
        PAID,
        {"a": "SELECT  order_id, -- which\n  amount*2 AS double /* twice */\nFROM source.orders\nWHERE status='paid';\n"},
        {},
    ),
    Case("keyword_case", PAID, {"a": "select order_id, amount * 2 as double from source.orders where status = 'paid'"}, {}),
    Case("function_case", PAID, {"b": "SELECT SUM(double) AS total FROM transform.a"}, {}),
    Case("quoting", PAID, {"a": """SELECT "order_id", "amount" * 2 AS "double" FROM source.orders WHERE "status" = 'paid'"""}, {}),
    Case("as_left_out", {"a": picked("order_id", "amount * 2 AS twice")}, {"a": picked("order_id", "amount * 2 twice")}, {}),
    Case("table_alias_added", PAID, {"a": "SELECT o.order_id, o.amount * 2 AS double FROM source.orders AS o WHERE o.status = 'paid'"}, {}),
    Case("ref_instead_of_name", PAID, {"b": "SELECT sum(double) AS total FROM {{ ref('a') }}"}, {}),
    Case(
        "moved_into_yaml",
        PAID,
        {"b": None, "seeknal/nodes/b.yml": "kind: transform\nname: b\nsql: SELECT sum(double) AS total FROM {{ ref('a') }}\n"},
        {},
    ),
    Case(
        "not_equal_spelled_otherwise",
        {"a": picked("order_id", more=" WHERE amount <> 7")},
        {"a": picked("order_id", more=" WHERE amount != 7")},
        {},
    ),
    Case(
        "cast_spelled_otherwise",
        {"a": picked("amount::BIGINT AS n")},
        {"a": picked("CAST(amount AS BIGINT) AS n")},
        {},
    ),
    Case("cte_renamed", WITH, {"a": WITH["a"].replace("WITH p", "WITH chosen").replace("FROM p", "FROM chosen")}, {}),
    Case(
        "cte_inlined",
        WITH,
        {"a": "SELECT order_id, amount FROM source.orders WHERE status = 'paid'"},
        {"a": ANYTHING, "b": ANYTHING},
        either="a",
    ),
    Case(
        "cte_column_nobody_takes",
        WITH,
        {
            "a": "WITH p AS (SELECT order_id, amount, quantity + 1 AS n FROM source.orders WHERE status = 'paid') SELECT order_id, amount FROM p",
            "b": "SELECT sum(amount) AS total FROM transform.a",
        },
        {"a": ANYTHING},
        either="a",
    ),
    Case(
        "cte_nobody_uses",
        WITH,
        {
            "a": "WITH z AS (SELECT 1 AS one), p AS (SELECT order_id, amount FROM source.orders WHERE status = 'paid') SELECT order_id, amount FROM p"
        },
        {"a": ANYTHING},
        either="a",
    ),
    Case("aliases_exchanged_everywhere", PAIRS, {"a": EXCHANGED}, {}),
    Case(
        "aliases_exchanged_in_the_selection_only",
        PAIRS,
        {"a": "SELECT y.order_id, y.amount FROM source.orders x JOIN source.orders y ON x.order_id = y.order_id + 1"},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED order_id", "COLUMN_EXPRESSION_CHANGED amount"), "b": via("a.amount")},
        "a b",
    ),
    Case("ctes_exchange_names_and_uses", EXCHANGING, {"a": f"{TWO_CTES.format('q', 'p')} SELECT amount FROM q"}, {}),
    Case(
        "ctes_exchange_names_only",
        EXCHANGING,
        {"a": f"{TWO_CTES.format('q', 'p')} SELECT amount FROM p"},
        {"a": breaking(), "b": via()},
        "a b",
    ),
    Case(
        "case_inside_a_text",
        PAID,
        {"a": "SELECT order_id, amount * 2 AS double FROM source.orders WHERE status = 'PAID'"},
        {"a": breaking("FILTER_CHANGED"), "b": via("a.*")},
        "a b",
    ),
    Case(
        "space_inside_a_text",
        {"a": picked("order_id", "'a b' AS label"), "b": "SELECT label FROM transform.a"},
        {"a": picked("order_id", "'a  b' AS label")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED label"), "b": via("a.label")},
        "a b",
    ),
    Case(
        "text_becomes_a_column",
        {"a": picked("order_id", "'status' AS label"), "b": "SELECT label FROM transform.a", "c": "SELECT order_id FROM transform.a"},
        {"a": picked("order_id", '"status" AS label')},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED label"), "b": via("a.label")},
        "a b",
    ),
    Case(
        "sum_is_not_folded",
        {"a": picked("order_id", "amount + 1 + 1 AS more"), "b": "SELECT more FROM transform.a"},
        {"a": picked("order_id", "amount + 2 AS more")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED more"), "b": via("a.more")},
        "a",
    ),
    Case(
        "constant_is_not_folded",
        {"a": picked("order_id", "1 + 1 AS two"), "b": "SELECT two FROM transform.a"},
        {"a": picked("order_id", "2 AS two")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED two"), "b": via("a.two")},
        "a",
    ),
    Case(
        "twice_is_the_sum_with_itself",
        {"a": picked("order_id", "amount * 2 AS double"), "b": "SELECT double FROM transform.a"},
        {"a": picked("order_id", "amount + amount AS double")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED double"), "b": via("a.double")},
        "a",
    ),
    Case(
        "factors_swapped",
        {"a": picked("order_id", "amount * quantity AS worth"), "b": "SELECT worth FROM transform.a"},
        {"a": picked("order_id", "quantity * amount AS worth")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED worth"), "b": via("a.worth")},
        "a",
    ),
]

# Columns ---------------------------------------------------------------------------------------------------------------

ALL = ("order_id", "customer_id", "amount", "quantity", "status")
COLUMNS = {
    "a": picked(*ALL),
    "b": "SELECT customer_id, sum(amount) AS total FROM transform.a GROUP BY customer_id",
    "c": "SELECT order_id FROM transform.a WHERE status = 'paid'",
    "n": "SELECT count(*) AS n FROM transform.a",
}
STAR = {**COLUMNS, "s": "SELECT * FROM transform.a"}


def replaced(**columns: str) -> str:
    """The selection of COLUMNS with some columns otherwise; an empty text leaves one out."""
    return picked(*(columns.get(c, c) for c in ALL if columns.get(c, c)))


SIGNED = {
    "a": picked("order_id", "amount"),
    "b": "SELECT order_id % 2 AS odd, sum(amount) AS total FROM transform.a GROUP BY odd",
    "c": "SELECT total FROM transform.b WHERE total > 10",
}
CHAIN = {
    "a": picked("order_id", "amount", "quantity"),
    "b": "SELECT order_id, amount + 1 AS amount, quantity FROM transform.a",
    "c": "SELECT order_id, amount * 2 AS amount, quantity FROM transform.b",
    "d": "SELECT order_id, amount AS price, quantity FROM transform.c",
    "e": "SELECT sum(price) AS total FROM transform.d",
    "x": "SELECT sum(quantity) AS total FROM transform.d",
    "y": "SELECT quantity FROM transform.b",
    "z": "SELECT count(*) AS n FROM transform.c",
}
CHANGING = [
    Case("column_added_at_the_end", COLUMNS, {"a": picked(*ALL, "day")}, {"a": harmless("COLUMN_ADDED day")}, "a"),
    Case("column_added_in_front", COLUMNS, {"a": picked("day", *ALL)}, {"a": harmless("COLUMN_ADDED day")}, "a"),
    Case(
        "column_added_under_a_star",
        STAR,
        {"a": picked(*ALL, "day")},
        {"a": harmless("COLUMN_ADDED day"), "s": via("a.day")},
        "a s",
    ),
    Case("column_removed_that_nobody_reads", COLUMNS, {"a": replaced(quantity="")}, {"a": harmless("COLUMN_REMOVED quantity")}, "a"),
    Case(
        "column_removed_under_a_star",
        STAR,
        {"a": replaced(quantity="")},
        {"a": breaking("COLUMN_REMOVED quantity"), "s": via("a.quantity")},
        "a s",
    ),
    Case(
        "column_removed_with_its_reader_edited",
        COLUMNS,
        {"a": replaced(status=""), "c": "SELECT order_id FROM transform.a WHERE amount > 5"},
        {"a": harmless("COLUMN_REMOVED status"), "c": harmless("FILTER_CHANGED")},
        "a c",
    ),
    Case(
        "column_removed_and_another_of_the_scope_around_takes_its_place",
        {
            "a": picked("order_id", "status"),
            "b": "SELECT o.order_id FROM source.orders o WHERE EXISTS (SELECT 1 FROM transform.a x WHERE status = 'void')",
        },
        {"a": picked("order_id")},
        {"a": breaking("COLUMN_REMOVED status"), "b": via("a.status")},
        "a b",
    ),
    Case(
        "column_added_takes_the_place_of_one_of_the_scope_around",
        {
            "a": picked("order_id"),
            "b": "SELECT o.order_id FROM source.orders o WHERE EXISTS (SELECT 1 FROM transform.a x WHERE status = 'void')",
        },
        {"a": picked("order_id", "status")},
        {"a": harmless("COLUMN_ADDED status"), "b": via("a.status")},
        "a b",
    ),
    Case(
        "expression_changed_that_somebody_reads",
        COLUMNS,
        {"a": replaced(amount="amount * 2 AS amount")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "b": via("a.amount")},
        "a b",
    ),
    Case(
        "expression_changed_that_only_a_filter_reads",
        COLUMNS,
        {"a": replaced(status="upper(status) AS status")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED status"), "c": via("a.status")},
        "a c",
    ),
    Case(
        "expression_changed_that_only_groups",
        COLUMNS,
        {"a": replaced(customer_id="customer_id % 2 AS customer_id")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED customer_id"), "b": via("a.customer_id")},
        "a b",
    ),
    Case(
        "expression_changed_that_nobody_reads",
        COLUMNS,
        {"a": replaced(quantity="quantity + 1 AS quantity")},
        {"a": harmless("COLUMN_EXPRESSION_CHANGED quantity")},
        "a",
    ),
    Case(
        "expression_changed_under_a_star",
        STAR,
        {"a": replaced(quantity="quantity + 1 AS quantity")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED quantity"), "s": via("a.quantity")},
        "a s",
    ),
    Case(
        "column_renamed_that_nobody_reads",
        COLUMNS,
        {"a": replaced(quantity="quantity AS pieces")},
        {"a": harmless("COLUMN_RENAMED quantity")},
        "a",
    ),
    Case(
        "column_renamed_under_a_star",
        STAR,
        {"a": replaced(quantity="quantity AS pieces")},
        {"a": breaking("COLUMN_RENAMED quantity"), "s": via("a.quantity", "a.pieces")},
        "a s",
    ),
    Case(
        "column_renamed_with_its_reader",
        COLUMNS,
        {
            "a": replaced(amount="amount AS price"),
            "b": "SELECT customer_id, sum(price) AS total FROM transform.a GROUP BY customer_id",
        },
        {"a": harmless("COLUMN_RENAMED amount"), "b": harmless("COLUMN_EXPRESSION_CHANGED total")},
        "a b",
    ),
    Case(
        "column_renamed_and_changed",
        COLUMNS,
        {"a": replaced(quantity="quantity + 1 AS pieces")},
        {"a": harmless("COLUMN_REMOVED quantity", "COLUMN_ADDED pieces")},
        "a",
    ),
    Case("columns_reordered", COLUMNS, {"a": picked(*reversed(ALL))}, {"a": harmless()}, "a"),
    Case(
        "columns_exchange_expressions",
        COLUMNS,
        {"a": replaced(amount="quantity AS amount", quantity="amount AS quantity")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount", "COLUMN_EXPRESSION_CHANGED quantity"), "b": via("a.amount")},
        "a b",
    ),
    Case(
        "several_edits_of_one_query",
        COLUMNS,
        {"a": picked("order_id", "customer_id", "amount + 1 AS amount", "status", "day")},
        {
            "a": breaking("COLUMN_EXPRESSION_CHANGED amount", "COLUMN_REMOVED quantity", "COLUMN_ADDED day"),
            "b": via("a.amount"),
        },
        "a b",
    ),
    Case(
        "two_edits_that_cancel",
        SIGNED,
        {
            "a": picked("order_id", "-amount AS amount"),
            "b": "SELECT order_id % 2 AS odd, sum(-amount) AS total FROM transform.a GROUP BY odd",
        },
        {
            "a": breaking("COLUMN_EXPRESSION_CHANGED amount"),
            "b": breaking("COLUMN_EXPRESSION_CHANGED total"),
            "c": via("b.total"),
        },
        "a b",
    ),
    Case(
        "edit_above_an_edit_that_only_adds",
        SIGNED,
        {
            "a": picked("order_id", "amount * 3 AS amount"),
            "b": "SELECT order_id % 2 AS odd, sum(amount) AS total, count(*) AS n FROM transform.a GROUP BY odd",
        },
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "b": modified(), "c": via("b.total")},
        "a b c",
    ),
    Case(
        "edit_through_five_nodes_by_one_column",
        CHAIN,
        {"a": picked("order_id", "amount * 3 AS amount", "quantity")},
        {
            "a": breaking("COLUMN_EXPRESSION_CHANGED amount"),
            "b": via("a.amount"),
            "c": via("b.amount"),
            "d": via("c.amount"),
            "e": via("d.price"),
        },
        "a b c d e",
    ),
    Case(
        "edit_through_five_nodes_that_one_of_them_swallows",
        {**CHAIN, "c": "SELECT order_id, sign(amount) AS amount, quantity FROM transform.b"},
        {"a": picked("order_id", "amount * 3 AS amount", "quantity")},
        {
            "a": breaking("COLUMN_EXPRESSION_CHANGED amount"),
            "b": via("a.amount"),
            "c": via("b.amount"),
            "d": via("c.amount"),
            "e": via("d.price"),
        },
        "a b c",
    ),
    Case(
        "column_added_far_above",
        CHAIN,
        {"a": picked("order_id", "amount", "quantity", "status")},
        {"a": harmless("COLUMN_ADDED status")},
        "a",
    ),
    Case(
        "alias_used_by_the_column_beside_it",
        {
            "a": picked("order_id", "amount * 2 AS double", "double + 1 AS odd"),
            "b": "SELECT odd FROM transform.a",
            "c": "SELECT order_id FROM transform.a",
        },
        {"a": picked("order_id", "amount * 3 AS double", "double + 1 AS odd")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED double", "COLUMN_EXPRESSION_CHANGED odd"), "b": via("a.odd")},
        "a b",
    ),
    Case(
        "column_added_takes_the_place_of_an_alias",
        {"a": picked("order_id", "amount"), "b": "SELECT order_id, amount * 2 AS net, net + 1 AS more FROM transform.a"},
        {"a": picked("order_id", "amount", "quantity AS net")},
        {"a": harmless("COLUMN_ADDED net"), "b": via()},
        "a b",
    ),
    Case(
        "column_added_takes_the_place_of_an_alias_in_a_filter",
        {"a": picked("order_id", "amount"), "b": "SELECT order_id, amount * 2 AS net FROM transform.a WHERE net > 10"},
        {"a": picked("order_id", "amount", "quantity * 4 AS net")},
        {"a": harmless("COLUMN_ADDED net"), "b": via()},
        "a b",
    ),
    Case(
        "whole_rows_taken_as_one_value",
        {"a": picked("order_id", "amount"), "b": "SELECT x FROM transform.a AS x"},
        {"a": picked("order_id", "amount", "status")},
        {"a": harmless("COLUMN_ADDED status"), "b": via("a.status")},
        "a b",
    ),
    Case(
        "filter_of_an_aggregate",
        {
            "a": picked(
                "customer_id", "sum(amount) AS total", "sum(amount) FILTER (WHERE status = 'paid') AS paid", more=" GROUP BY customer_id"
            ),
            "b": "SELECT paid FROM transform.a",
            "c": "SELECT total FROM transform.a",
        },
        {
            "a": picked(
                "customer_id", "sum(amount) AS total", "sum(amount) FILTER (WHERE status = 'open') AS paid", more=" GROUP BY customer_id"
            )
        },
        {"a": breaking("COLUMN_EXPRESSION_CHANGED paid"), "b": via("a.paid")},
        "a b",
    ),
    Case(
        "order_inside_an_aggregate",
        {
            "a": picked("customer_id", "string_agg(status, ',' ORDER BY order_id) AS seen", "count(*) AS n", more=" GROUP BY customer_id"),
            "b": "SELECT seen FROM transform.a",
            "c": "SELECT n FROM transform.a",
        },
        {
            "a": picked(
                "customer_id", "string_agg(status, ',' ORDER BY order_id DESC) AS seen", "count(*) AS n", more=" GROUP BY customer_id"
            )
        },
        {"a": breaking("COLUMN_EXPRESSION_CHANGED seen"), "b": via("a.seen")},
        "a b",
    ),
    Case(
        "branch_of_a_case",
        {
            "a": picked("order_id", "CASE WHEN amount > 6 THEN 'big' ELSE 'small' END AS size"),
            "b": "SELECT size, count(*) AS n FROM transform.a GROUP BY size",
        },
        {"a": picked("order_id", "CASE WHEN amount > 9 THEN 'big' ELSE 'small' END AS size")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED size"), "b": via("a.size")},
        "a b",
    ),
]

# Versions gone back to ------------------------------------------------------------------------------------------------

REVERTING = [
    Case(
        "going_back_builds_nothing",
        COLUMNS,
        {"a": COLUMNS["a"]},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "b": via("a.amount")},
        between=({"a": replaced(amount="amount * 2 AS amount")},),
    ),
    Case(
        "going_back_two_versions_builds_nothing",
        COLUMNS,
        {"a": COLUMNS["a"]},
        {"a": breaking("FILTER_CHANGED"), "b": via("a.*"), "c": via("a.*"), "n": via("a.*")},
        between=({"a": replaced(amount="amount * 2 AS amount")}, {"a": picked(*ALL, more=" WHERE quantity > 1")}),
    ),
    Case("data_that_went_back", COLUMNS, {ORDERS_FILE: orders()}, {}, between=({ORDERS_FILE: orders(*ROWS[:3])},), either="source.orders"),
]

# Types -----------------------------------------------------------------------------------------------------------------


def typed(name: str, old: str, new: str, change: Expected, *, read: bool = True) -> Case:
    """A column of another type; `b` reads it or the column beside it."""
    before = {
        "a": picked("order_id", f"{old} AS x"),
        "b": f"SELECT {'x' if read else 'order_id'} FROM transform.a",
    }
    reached = {"b": via("a.x")} if read else {}
    return Case(name, before, {"a": picked("order_id", f"{new} AS x")}, {"a": change, **reached}, "a b" if read else "a")


WIDENED, NARROWED = "COLUMN_TYPE_WIDENED x", "COLUMN_TYPE_NARROWED x"
TYPES = [
    typed("integer_to_bigint", "amount::INTEGER", "amount::BIGINT", harmless(WIDENED)),
    typed("integer_to_bigint_that_nobody_reads", "amount::INTEGER", "amount::BIGINT", harmless(WIDENED), read=False),
    typed("bare_column_to_bigint", "amount", "amount::BIGINT", harmless(WIDENED)),
    typed("integer_to_double", "amount::INTEGER", "amount::DOUBLE", harmless(WIDENED)),
    typed("bigint_to_integer", "amount::BIGINT", "amount::INTEGER", breaking(NARROWED)),
    typed("bigint_to_integer_that_nobody_reads", "amount::BIGINT", "amount::INTEGER", harmless(NARROWED), read=False),
    typed("cast_taken_away", "amount::BIGINT", "amount", breaking(NARROWED)),
    typed("text_to_integer", "amount::VARCHAR", "amount::VARCHAR::INTEGER", breaking()),
    typed("integer_to_text", "amount::INTEGER", "amount::VARCHAR", breaking(NARROWED)),
    typed("decimal_of_more_digits", "amount::DECIMAL(10,2)", "amount::DECIMAL(12,2)", harmless(WIDENED)),
    typed("decimal_of_smaller_scale", "amount::DECIMAL(10,2)", "amount::DECIMAL(10,1)", breaking(NARROWED)),
    typed("decimal_of_greater_scale_and_fewer_digits_before_it", "amount::DECIMAL(10,2)", "amount::DECIMAL(10,3)", breaking(NARROWED)),
    typed("decimal_of_greater_scale_and_precision", "amount::DECIMAL(10,2)", "amount::DECIMAL(11,3)", harmless(WIDENED)),
    typed("date_to_timestamp", "day::DATE", "day::TIMESTAMP", harmless(WIDENED)),
    typed("timestamp_to_date", "day::TIMESTAMP", "day::DATE", breaking(NARROWED)),
    Case(
        "cast_to_the_type_it_has",
        {"a": picked("order_id", "amount AS x"), "b": "SELECT x FROM transform.a"},
        {"a": picked("order_id", "amount::INTEGER AS x")},
        {"a": modified(), "b": via("a.x")},
        "a",
    ),
]

# Values that are easily taken for one another -------------------------------------------------------------------------


def told_apart(name: str, old: str, new: str, read: str) -> Case:
    """A column of another value, which `b` makes visible."""
    before = {"a": picked("order_id", f"{old} AS x"), "b": f"SELECT order_id, {read} AS y FROM transform.a"}
    changes = {"a": breaking("COLUMN_EXPRESSION_CHANGED x"), "b": via("a.x")}
    return Case(name, before, {"a": picked("order_id", f"{new} AS x")}, changes, "a b")


VALUES = [
    told_apart("zero_and_negative_zero", "(amount * 0)::DOUBLE", "-((amount * 0)::DOUBLE)", "x::VARCHAR"),
    told_apart("null_and_empty_text", "NULL::VARCHAR", "upper('')", "x IS NULL"),
    told_apart("null_and_a_text_that_says_so", "NULL::VARCHAR", "upper('null')", "x IS NULL"),
    told_apart("empty_list_and_list_of_null", "[]::INTEGER[]", "[NULL]::INTEGER[]", "len(x)"),
    told_apart("null_and_struct_of_null", "NULL::STRUCT(k INTEGER)", "{'k': NULL::INTEGER}", "x IS NULL"),
    told_apart("list_in_another_order", "[1, 2]", "[2, 1]", "x[1]"),
    told_apart("composed_and_decomposed_letters", "chr(233)", "'e' || chr(769)", "length(x)"),
    told_apart("space_at_the_end", "'a'", "'a' || ' '", "length(x)"),
    told_apart("nearest_double", "0.3::DOUBLE", "0.1::DOUBLE + 0.2::DOUBLE", "x = 0.3::DOUBLE"),
    told_apart("infinity_and_not_a_number", "'inf'::DOUBLE", "'nan'::DOUBLE", "isnan(x)"),
    Case(
        "duplicates_become_other_duplicates",
        {"a": picked("amount"), "b": "SELECT max(amount) AS most FROM transform.a WHERE amount < 10"},
        {"a": picked("CASE amount WHEN 7 THEN 8 ELSE amount END AS amount")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "b": via("a.amount")},
        "a b",
    ),
    Case(
        "letters_move_from_one_column_to_the_next",
        {"a": picked("status AS x", "'y' || status AS y"), "b": "SELECT length(x) AS n, y FROM transform.a"},
        {"a": picked("status || 'y' AS x", "status || '' AS y")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED x", "COLUMN_EXPRESSION_CHANGED y"), "b": via("a.x", "a.y")},
        "a b",
    ),
    Case(
        "values_change_names",
        {"a": picked("amount AS x", "amount AS y", "1 AS z"), "b": "SELECT sum(x) - sum(y) AS none, x FROM transform.a GROUP BY x"},
        {"a": picked("amount AS y", "amount AS x", "1 AS z")},
        {"a": harmless()},
        "a",
    ),
]

# Rows ------------------------------------------------------------------------------------------------------------------

REACHED = {"b": via("a.*"), "c": via("a.*"), "n": via("a.*")}
SORTED = {
    "a": picked("order_id", "amount", more=" ORDER BY amount DESC, order_id LIMIT 2"),
    "b": "SELECT sum(amount) AS total FROM transform.a",
    "n": "SELECT count(*) AS n FROM transform.a",
}
JOINED = {
    "a": "SELECT c.customer_id, c.name, o.amount FROM source.customers c LEFT JOIN source.orders o ON o.customer_id = c.customer_id",
    "b": "SELECT sum(amount) AS total FROM transform.a",
    "n": "SELECT count(*) AS n FROM transform.a",
}
GROUPED = {
    "a": picked("customer_id", "sum(amount) AS total", more=" GROUP BY customer_id"),
    "b": "SELECT sum(total) AS total FROM transform.a",
    "n": "SELECT count(*) AS n FROM transform.a",
}
BY_ALL = {**GROUPED, "a": picked("customer_id", "sum(amount) AS total", more=" GROUP BY ALL")}
COUNTED = {"a": picked("DISTINCT customer_id"), "n": "SELECT count(*) AS n FROM transform.a"}
FIRSTS = {
    "a": picked("customer_id", "order_id", "amount", more=" QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY order_id) = 1"),
    "b": "SELECT sum(amount) AS total FROM transform.a",
    "n": "SELECT count(*) AS n FROM transform.a",
}
ROW_CHANGES = [
    Case("filter_added", COLUMNS, {"a": picked(*ALL, more=" WHERE quantity > 1")}, {"a": breaking("FILTER_CHANGED"), **REACHED}, "a b c n"),
    Case(
        "filter_added_that_all_rows_pass",
        COLUMNS,
        {"a": picked(*ALL, more=" WHERE len(tags) >= 0")},
        {"a": breaking("FILTER_CHANGED"), **REACHED},
        "a",
    ),
    Case(
        "filter_added_that_one_reader_notices",
        COLUMNS,
        {"a": picked(*ALL, more=" WHERE order_id <> 2")},
        {"a": breaking("FILTER_CHANGED"), **REACHED},
        "a b c n",
    ),
    Case(
        "filter_changed_and_every_reader_is_given_the_same",
        {"a": picked("status", "amount", more=" WHERE order_id = 2"), "b": "SELECT amount FROM transform.a"},
        {"a": picked("status", "amount", more=" WHERE order_id = 5")},
        {"a": breaking("FILTER_CHANGED"), "b": via("a.*")},
        "a",
    ),
    Case(
        "filter_changed_that_nobody_reads",
        {"a": picked("order_id", more=" WHERE amount > 5")},
        {"a": picked("order_id", more=" WHERE amount > 6")},
        {"a": harmless("FILTER_CHANGED")},
        "a",
    ),
    Case(
        "filter_taken_away",
        PAID,
        {"a": picked("order_id", "amount * 2 AS double")},
        {"a": breaking("FILTER_CHANGED"), "b": via("a.*")},
        "a b",
    ),
    Case(
        "filter_of_a_cte",
        WITH,
        {"a": "WITH p AS (SELECT order_id, amount FROM source.orders WHERE status = 'open') SELECT order_id, amount FROM p"},
        {"a": breaking("FILTER_CHANGED"), "b": via("a.*")},
        "a b",
    ),
    Case(
        "column_of_a_cte",
        WITH,
        {"a": "WITH p AS (SELECT order_id, amount + 1 AS amount FROM source.orders WHERE status = 'paid') SELECT order_id, amount FROM p"},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "b": via("a.amount")},
        "a b",
    ),
    Case(
        "order_of_rows",
        {"a": picked("order_id", "amount", more=" ORDER BY amount"), "b": "SELECT sum(amount) AS total FROM transform.a"},
        {"a": picked("order_id", "amount", more=" ORDER BY order_id DESC")},
        {"a": harmless("ORDER_CHANGED")},
        "a",
    ),
    Case("order_of_rows_added", COLUMNS, {"a": picked(*ALL, more=" ORDER BY amount")}, {"a": harmless("ORDER_CHANGED")}, "a"),
    Case(
        "order_under_a_limit",
        SORTED,
        {"a": picked("order_id", "amount", more=" ORDER BY amount, order_id LIMIT 2")},
        {"a": breaking(), "b": via("a.*"), "n": via("a.*")},
        "a b",
    ),
    Case(
        "limit",
        SORTED,
        {"a": picked("order_id", "amount", more=" ORDER BY amount DESC, order_id LIMIT 3")},
        {"a": breaking(), "b": via("a.*"), "n": via("a.*")},
        "a b n",
    ),
    Case(
        "limit_larger_than_the_rows",
        {**SORTED, "a": picked("order_id", "amount", more=" ORDER BY amount LIMIT 10")},
        {"a": picked("order_id", "amount", more=" ORDER BY amount LIMIT 20")},
        {"a": breaking(), "b": via("a.*"), "n": via("a.*")},
        "a",
    ),
    Case(
        "offset",
        SORTED,
        {"a": picked("order_id", "amount", more=" ORDER BY amount DESC, order_id LIMIT 2 OFFSET 1")},
        {"a": breaking(), "b": via("a.*"), "n": via("a.*")},
        "a b",
    ),
    Case(
        "values_that_a_limit_sorts_by",
        {
            "a": picked("order_id", "amount", "status"),
            "s": "SELECT order_id, status FROM transform.a ORDER BY amount, order_id LIMIT 2",
            "b": "SELECT status FROM transform.s",
        },
        {"a": picked("order_id", "-amount AS amount", "status")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "s": via("a.amount"), "b": via("s.*")},
        "a s b",
    ),
    Case(
        "left_join_to_inner_join",
        JOINED,
        {"a": "SELECT c.customer_id, c.name, o.amount FROM source.customers c JOIN source.orders o ON o.customer_id = c.customer_id"},
        {"a": breaking("JOIN_CHANGED"), "b": via("a.*"), "n": via("a.*")},
        "a b n",
    ),
    Case(
        "join_condition",
        JOINED,
        {"a": f"{JOINED['a']} AND o.quantity > 1"},
        {"a": breaking("JOIN_CHANGED"), "b": via("a.*"), "n": via("a.*")},
        "a b n",
    ),
    Case(
        "join_added",
        COLUMNS,
        {"a": f"{picked(*('o.' + c for c in ALL))} o JOIN source.customers c ON c.customer_id = o.customer_id"},
        {"a": breaking("JOIN_CHANGED"), **REACHED},
        "a",
    ),
    Case(
        "condition_moved_from_where_to_on",
        {**JOINED, "a": f"{JOINED['a']} WHERE o.quantity > 1"},
        {"a": f"{JOINED['a']} AND o.quantity > 1"},
        {"a": breaking("JOIN_CHANGED", "FILTER_CHANGED"), "b": via("a.*"), "n": via("a.*")},
        "a b n",
    ),
    Case(
        "read_from_somewhere_else",
        {"a": picked("customer_id"), "b": "SELECT sum(customer_id) AS s FROM transform.a"},
        {"a": "SELECT customer_id FROM source.customers"},
        {"a": breaking(), "b": via("a.*")},
        "a b",
    ),
    Case(
        "grouped_by_one_more",
        GROUPED,
        {"a": picked("customer_id", "sum(amount) AS total", more=" GROUP BY customer_id, status")},
        {"a": breaking("GROUPING_CHANGED"), "b": via("a.*"), "n": via("a.*")},
        "a b n",
    ),
    Case(
        "group_by_all_grows_by_a_key",
        BY_ALL,
        {"a": picked("customer_id", "status", "sum(amount) AS total", more=" GROUP BY ALL")},
        {"a": breaking(), "b": via("a.*"), "n": via("a.*")},
        "a b n",
    ),
    Case(
        "group_by_all_grows_by_an_aggregate",
        BY_ALL,
        {"a": picked("customer_id", "sum(amount) AS total", "max(amount) AS best", more=" GROUP BY ALL")},
        {"a": harmless("COLUMN_ADDED best")},
        "a",
    ),
    Case(
        "group_gains_an_aggregate",
        GROUPED,
        {"a": picked("customer_id", "sum(amount) AS total", "max(amount) AS best", more=" GROUP BY customer_id")},
        {"a": harmless("COLUMN_ADDED best")},
        "a",
    ),
    Case(
        "aggregate_of_everything_appears",
        {"a": picked("amount"), "n": "SELECT count(*) AS n FROM transform.a"},
        {"a": picked("sum(amount) AS amount")},
        {"a": breaking(), "n": via("a.*")},
        "a n",
    ),
    Case(
        "aggregate_in_a_grown_expression",
        {"a": "SELECT 1 AS one FROM source.orders", "n": "SELECT count(*) AS n FROM transform.a"},
        {"a": "SELECT 1 + 0 * max(amount) AS one FROM source.orders"},
        {"a": breaking(), "n": via("a.*")},
        "a n",
    ),
    Case(
        "aggregate_added_beside_a_constant",
        {"a": "SELECT 1 AS one FROM source.orders", "n": "SELECT count(*) AS n FROM transform.a"},
        {"a": "SELECT 1 AS one, max(amount) AS best FROM source.orders"},
        {"a": breaking(), "n": via("a.*")},
        "a n",
    ),
    Case(
        "aggregate_of_everything_gains_another",
        {"a": picked("sum(amount) AS total"), "b": "SELECT total FROM transform.a"},
        {"a": picked("sum(amount) AS total", "count(*) AS n")},
        {"a": harmless("COLUMN_ADDED n")},
        "a",
    ),
    Case(
        "having_added",
        GROUPED,
        {"a": f"{GROUPED['a']} HAVING count(*) > 1"},
        {"a": breaking(), "b": via("a.*"), "n": via("a.*")},
        "a b n",
    ),
    Case("distinct_added", {**COUNTED, "a": picked("customer_id")}, {"a": COUNTED["a"]}, {"a": breaking(), "n": via()}, "a n"),
    Case(
        "distinct_gains_a_column_under_a_count",
        COUNTED,
        {"a": picked("DISTINCT customer_id", "status")},
        {"a": breaking(), "n": via()},
        "a n",
    ),
    Case(
        "distinct_gains_a_column_that_tells_no_more_rows_apart",
        COUNTED,
        {"a": picked("DISTINCT customer_id", "customer_id + 1 AS next")},
        {"a": breaking(), "n": via()},
        "a",
    ),
    Case(
        "distinct_loses_a_column",
        {"a": picked("DISTINCT customer_id", "status"), "b": "SELECT customer_id FROM transform.a"},
        {"a": picked("DISTINCT customer_id")},
        {"a": breaking(), "b": via()},
        "a b",
    ),
    Case(
        "distinct_has_a_column_computed_otherwise",
        {"a": picked("DISTINCT customer_id", "status"), "b": "SELECT customer_id FROM transform.a"},
        {"a": picked("DISTINCT customer_id", "status = 'void' AS status")},
        {"a": breaking(), "b": via()},
        "a b",
    ),
    Case(
        "distinct_over_a_star_above_which_a_column_is_added",
        {
            "a": picked("customer_id"),
            "d": "SELECT count(*) AS n FROM (SELECT DISTINCT * FROM transform.a)",
        },
        {"a": picked("customer_id", "status")},
        {"a": harmless("COLUMN_ADDED status"), "d": via()},
        "a d",
    ),
    Case(
        "distinct_on_gains_a_column",
        {
            "a": picked("DISTINCT ON (customer_id) customer_id", "amount", more=" ORDER BY customer_id, order_id"),
            "n": "SELECT count(*) AS n FROM transform.a",
        },
        {"a": picked("DISTINCT ON (customer_id) customer_id", "amount", "status", more=" ORDER BY customer_id, order_id")},
        {"a": modified(), "n": ANYTHING},
        "a",
    ),
    Case(
        "distinct_on_in_another_order",
        {
            "a": picked("DISTINCT ON (customer_id) customer_id", "amount", more=" ORDER BY customer_id, order_id"),
            "b": "SELECT sum(amount) AS total FROM transform.a",
        },
        {"a": picked("DISTINCT ON (customer_id) customer_id", "amount", more=" ORDER BY customer_id, order_id DESC")},
        {"a": breaking(), "b": via()},
        "a b",
    ),
    Case(
        "qualify",
        FIRSTS,
        {
            "a": picked(
                "customer_id", "order_id", "amount", more=" QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY order_id) <= 2"
            )
        },
        {"a": breaking(), "b": via("a.*"), "n": via("a.*")},
        "a b n",
    ),
    Case(
        "order_within_qualify",
        FIRSTS,
        {
            "a": picked(
                "customer_id", "order_id", "amount", more=" QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY order_id DESC) = 1"
            )
        },
        {"a": breaking(), "b": via("a.*"), "n": via("a.*")},
        "a b",
    ),
    Case(
        "partition_of_a_window",
        {
            "a": picked("order_id", "row_number() OVER (PARTITION BY customer_id ORDER BY order_id) AS place"),
            "b": "SELECT order_id, place FROM transform.a",
            "c": "SELECT order_id FROM transform.a",
        },
        {"a": picked("order_id", "row_number() OVER (PARTITION BY status ORDER BY order_id) AS place")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED place"), "b": via("a.place")},
        "a b",
    ),
    Case(
        "frame_of_a_window",
        {
            "a": picked("order_id", "sum(amount) OVER (ORDER BY order_id ROWS 1 PRECEDING) AS moving"),
            "b": "SELECT moving FROM transform.a",
            "c": "SELECT order_id FROM transform.a",
        },
        {"a": picked("order_id", "sum(amount) OVER (ORDER BY order_id ROWS 2 PRECEDING) AS moving")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED moving"), "b": via("a.moving")},
        "a b",
    ),
    Case(
        "named_window",
        {
            "a": picked("order_id", "sum(amount) OVER w AS running", more=" WINDOW w AS (ORDER BY order_id)"),
            "b": "SELECT running FROM transform.a",
            "c": "SELECT order_id FROM transform.a",
        },
        {"a": picked("order_id", "sum(amount) OVER w AS running", more=" WINDOW w AS (ORDER BY order_id DESC)")},
        {"a": breaking(), "b": via(), "c": ANYTHING},
        "a b",
    ),
]

# Positions and names that depend on others ----------------------------------------------------------------------------

NATURAL = {
    "a": picked("order_id", "customer_id", "amount"),
    "c": "SELECT customer_id, name FROM source.customers",
    "n": "SELECT count(*) AS n FROM transform.a NATURAL JOIN transform.c",
}
USING = {
    "a": picked("order_id", "customer_id", "amount"),
    "c": "SELECT customer_id, name FROM source.customers",
    "j": "SELECT order_id, name FROM transform.a JOIN transform.c USING (customer_id)",
}
NAMES = [
    Case(
        "ordinal_of_a_group_shifts",
        {
            "a": picked("status", "day", "count(*) AS n", more=" GROUP BY 1, 2"),
            "b": "SELECT sum(n) AS total FROM transform.a WHERE status = 'paid'",
        },
        {"a": picked("quantity", "status", "max(day) AS day", "count(*) AS n", more=" GROUP BY 1, 2")},
        {"a": breaking(), "b": via("a.*")},
        "a b",
    ),
    Case(
        "ordinal_of_an_order_shifts_under_a_limit",
        {
            "a": picked("order_id", "amount", more=" ORDER BY 2, 1 LIMIT 2"),
            "b": "SELECT sum(amount) AS total FROM transform.a",
        },
        {"a": picked("order_id", "status", "amount", more=" ORDER BY 2, 1 LIMIT 2")},
        {"a": breaking(), "b": via("a.*")},
        "a b",
    ),
    Case(
        "ordinal_of_an_order_shifts_without_a_limit",
        {"a": picked("order_id", "amount", more=" ORDER BY 2"), "b": "SELECT sum(amount) AS total FROM transform.a"},
        {"a": picked("order_id", "status", "amount", more=" ORDER BY 2")},
        {"a": harmless(), "b": ANYTHING},
        "a",
    ),
    Case(
        "ordinal_of_an_order_shifts_through_a_star",
        {
            "a": picked("order_id", "amount"),
            "s": "SELECT * FROM transform.a ORDER BY 2, 1 LIMIT 2",
            "b": "SELECT sum(amount) AS total FROM transform.s",
        },
        {"a": picked("order_id", "status", "amount")},
        {"a": harmless("COLUMN_ADDED status"), "s": via(), "b": via("s.*")},
        "a s b",
    ),
    Case(
        "order_by_all_under_a_limit",
        {
            "a": picked("amount", "order_id", more=" ORDER BY ALL LIMIT 2"),
            "b": "SELECT sum(amount) AS total FROM transform.a",
        },
        {"a": picked("status", "amount", "order_id", more=" ORDER BY ALL LIMIT 2")},
        {"a": breaking(), "b": via()},
        "a b",
    ),
    Case(
        "natural_join_shares_one_more",
        NATURAL,
        {"c": "SELECT customer_id, name, tier AS order_id FROM source.customers"},
        {"c": harmless("COLUMN_ADDED order_id"), "n": via()},
        "c n",
    ),
    Case(
        "natural_join_shares_no_more",
        NATURAL,
        {"c": "SELECT customer_id, name, tier FROM source.customers"},
        {"c": harmless("COLUMN_ADDED tier"), "n": ANYTHING},
        "c",
    ),
    Case(
        "natural_join_shares_one_less",
        {
            "a": picked("order_id", "customer_id", "quantity AS tier"),
            "c": "SELECT customer_id, tier FROM source.customers",
            "n": NATURAL["n"],
        },
        {"c": "SELECT customer_id, tier AS rank FROM source.customers"},
        {"c": breaking("COLUMN_RENAMED tier"), "n": via()},
        "c n",
    ),
    Case(
        "natural_join_over_a_star_above_which_a_column_is_added",
        {
            "r": "SELECT customer_id, name FROM source.customers",
            "c": "SELECT * FROM transform.r",
            "a": picked("order_id", "customer_id", "amount"),
            "n": "SELECT count(*) AS n FROM transform.a NATURAL JOIN transform.c",
        },
        {"r": "SELECT customer_id, name, tier AS amount FROM source.customers"},
        {"r": harmless("COLUMN_ADDED amount"), "c": via("r.amount"), "n": via()},
        "r c n",
    ),
    Case(
        "using_and_a_column_added",
        USING,
        {"c": "SELECT customer_id, name, tier FROM source.customers"},
        {"c": harmless("COLUMN_ADDED tier")},
        "c",
    ),
    Case(
        "using_and_its_key_computed_otherwise",
        USING,
        {"c": "SELECT customer_id + 1 AS customer_id, name FROM source.customers"},
        {"c": breaking("COLUMN_EXPRESSION_CHANGED customer_id"), "j": via("c.customer_id")},
        "c j",
    ),
    Case(
        "using_one_more",
        {**USING, "a": picked("order_id", "customer_id", "1 AS tier"), "c": "SELECT customer_id, name, tier FROM source.customers"},
        {"j": "SELECT order_id, name FROM transform.a JOIN transform.c USING (customer_id, tier)"},
        {"j": harmless("JOIN_CHANGED")},
        "j",
    ),
    Case(
        "semi_join_and_its_key",
        {
            "a": picked("customer_id", "amount"),
            "j": "SELECT name FROM source.customers SEMI JOIN transform.a USING (customer_id)",
        },
        {"a": picked("customer_id + 1 AS customer_id", "amount")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED customer_id"), "j": via("a.customer_id")},
        "a j",
    ),
    Case(
        "semi_join_and_another_column",
        {
            "a": picked("customer_id", "amount"),
            "j": "SELECT name FROM source.customers SEMI JOIN transform.a USING (customer_id)",
        },
        {"a": picked("customer_id", "amount * 2 AS amount")},
        {"a": harmless("COLUMN_EXPRESSION_CHANGED amount")},
        "a",
    ),
    Case(
        "natural_join_with_a_view_that_gains_a_column",
        {**NATURAL, "c": f"{VIEW}SELECT customer_id, name FROM source.customers"},
        {"c": f"{VIEW}SELECT customer_id, name, tier AS order_id FROM source.customers"},
        {"c": harmless("COLUMN_ADDED order_id"), "n": via()},
        "n",
        either="c",
    ),
    Case(
        "rollup",
        {"a": picked("status", "count(*) AS n", more=" GROUP BY status"), "b": "SELECT sum(n) AS n FROM transform.a"},
        {"a": picked("status", "count(*) AS n", more=" GROUP BY ROLLUP (status)")},
        {"a": breaking("GROUPING_CHANGED"), "b": via("a.*")},
        "a b",
    ),
    Case(
        "aggregate_of_distinct_values",
        {"a": picked("count(status) AS n", "sum(amount) AS total"), "b": "SELECT n FROM transform.a", "c": "SELECT total FROM transform.a"},
        {"a": picked("count(DISTINCT status) AS n", "sum(amount) AS total")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED n"), "b": via("a.n")},
        "a b",
    ),
    Case(
        "column_added_together_with_its_reader",
        {"a": picked("order_id", "amount"), "b": "SELECT order_id FROM transform.a"},
        {"a": picked("order_id", "amount", "day"), "b": "SELECT order_id, day FROM transform.a"},
        {"a": harmless("COLUMN_ADDED day"), "b": harmless("COLUMN_ADDED day")},
        "a b",
    ),
    Case(
        "pivot_and_a_column_added",
        {
            "a": picked("customer_id", "status", "amount"),
            "p": "SELECT * FROM (PIVOT transform.a ON status IN ('paid', 'open') USING sum(amount))",
        },
        {"a": picked("customer_id", "status", "amount", "day")},
        {"a": harmless("COLUMN_ADDED day"), "p": via()},
        "a p",
    ),
    Case(
        "pivot_and_a_value_computed_otherwise",
        {
            "a": picked("customer_id", "status", "amount"),
            "p": "SELECT * FROM (PIVOT transform.a ON status IN ('paid', 'open') USING sum(amount))",
        },
        {"a": picked("customer_id", "status", "amount * 2 AS amount")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "p": via()},
        "a p",
    ),
    Case(
        "unpivot_and_a_column_added",
        {
            "a": picked("order_id", "amount"),
            "u": "SELECT order_id, name, value FROM (UNPIVOT transform.a ON COLUMNS(* EXCLUDE (order_id)) INTO NAME name VALUE value)",
        },
        {"a": picked("order_id", "amount", "quantity")},
        {"a": harmless("COLUMN_ADDED quantity"), "u": via()},
        "a u",
    ),
]

# Stars -----------------------------------------------------------------------------------------------------------------


def starred(star: str) -> Files:
    """A star between `a` and `b`."""
    return {
        "a": picked("order_id", "amount", "quantity"),
        "s": f"SELECT {star} FROM transform.a",
        "b": "SELECT sum(amount) AS total FROM transform.s",
    }


DEEP = {
    "a": picked("order_id", "amount", "quantity"),
    "s": "SELECT * FROM transform.a",
    "t": "SELECT * FROM transform.s",
    "u": "SELECT t.* FROM transform.t AS t",
    "b": "SELECT sum(amount) AS total FROM transform.u",
    "c": "SELECT sum(quantity) AS total FROM transform.u",
}
MORE = picked("order_id", "amount", "quantity", "day")
DOUBLED = picked("order_id", "amount * 2 AS amount", "quantity")
PLUS = picked("order_id", "amount", "quantity + 1 AS quantity")
STARS = [
    Case("star_between_and_a_column_added", starred("*"), {"a": MORE}, {"a": harmless("COLUMN_ADDED day"), "s": via("a.day")}, "a s"),
    Case(
        "star_between_and_a_column_changed",
        starred("*"),
        {"a": DOUBLED},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "s": via("a.amount"), "b": via("s.amount")},
        "a s b",
    ),
    Case(
        "star_between_and_a_column_removed",
        starred("*"),
        {"a": picked("order_id", "amount")},
        {"a": breaking("COLUMN_REMOVED quantity"), "s": via("a.quantity")},
        "a s",
    ),
    Case(
        "star_chain_and_a_column_changed",
        DEEP,
        {"a": DOUBLED},
        {
            "a": breaking("COLUMN_EXPRESSION_CHANGED amount"),
            "s": via("a.amount"),
            "t": via("s.amount"),
            "u": via("t.amount"),
            "b": via("u.amount"),
        },
        "a s t u b",
    ),
    Case(
        "star_chain_and_a_column_added",
        DEEP,
        {"a": MORE},
        {"a": harmless("COLUMN_ADDED day"), "s": via("a.day"), "t": via("s.day"), "u": via("t.day")},
        "a s t u",
    ),
    Case(
        "star_replaced_by_the_columns_it_means",
        starred("*"),
        {"s": "SELECT order_id, amount, quantity FROM transform.a"},
        {"s": ANYTHING},
        either="s",
    ),
    Case(
        "star_without_a_column_that_changes",
        starred("* EXCLUDE (quantity)"),
        {"a": PLUS},
        {"a": harmless("COLUMN_EXPRESSION_CHANGED quantity")},
        "a",
    ),
    Case(
        "star_without_a_column_and_another_added",
        starred("* EXCLUDE (quantity)"),
        {"a": MORE},
        {"a": harmless("COLUMN_ADDED day"), "s": via("a.day")},
        "a s",
    ),
    Case(
        "star_leaves_out_one_more",
        starred("* EXCLUDE (quantity)"),
        {"s": "SELECT * EXCLUDE (quantity, order_id) FROM transform.a"},
        {"s": harmless("COLUMN_REMOVED order_id")},
        "s",
    ),
    Case(
        "star_that_replaces_and_what_it_replaces_changes",
        starred("* REPLACE (amount + 1 AS amount)"),
        {"a": DOUBLED},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "s": via("a.amount"), "b": via("s.amount")},
        "a s b",
    ),
    Case(
        "star_replaces_otherwise",
        starred("* REPLACE (amount + 1 AS amount)"),
        {"s": "SELECT * REPLACE (amount + 2 AS amount) FROM transform.a"},
        {"s": breaking("COLUMN_EXPRESSION_CHANGED amount"), "b": via("s.amount")},
        "s b",
    ),
    Case(
        "star_that_renames_and_what_it_renames_changes",
        {
            **starred("* RENAME (amount AS price)"),
            "b": "SELECT sum(price) AS total FROM transform.s",
            "c": "SELECT quantity FROM transform.s",
        },
        {"a": DOUBLED},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "s": via("a.amount"), "b": via("s.price"), "c": ANYTHING},
        "a s b",
    ),
    Case(
        "columns_by_pattern_and_one_added_that_matches",
        starred("COLUMNS('amount|day')"),
        {"a": MORE},
        {"a": harmless("COLUMN_ADDED day"), "s": via(), "b": ANYTHING},
        "a s",
    ),
    Case(
        "columns_by_pattern_and_one_changed_that_matches",
        starred("COLUMNS('am|qu')"),
        {"a": DOUBLED},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "s": via(), "b": via()},
        "a s b",
    ),
    Case(
        "columns_all_at_once_and_one_added",
        {"a": picked("amount", "quantity"), "s": "SELECT sum(COLUMNS(*)) FROM transform.a"},
        {"a": picked("amount", "quantity", "order_id")},
        {"a": harmless("COLUMN_ADDED order_id"), "s": via()},
        "a s",
    ),
    Case(
        "star_of_one_side_of_a_join",
        {
            "a": picked("order_id", "customer_id"),
            "c": "SELECT customer_id, name FROM source.customers",
            "j": "SELECT a.* FROM transform.a a JOIN transform.c c ON a.customer_id = c.customer_id",
        },
        {"c": "SELECT customer_id, upper(name) AS name FROM source.customers"},
        {"c": harmless("COLUMN_EXPRESSION_CHANGED name")},
        "c",
    ),
    Case(
        "star_of_a_source_that_is_cut_down_to_columns",
        {"a": "SELECT * FROM source.orders", "b": "SELECT order_id, amount FROM transform.a"},
        {"a": picked("order_id", "amount")},
        {"a": harmless()},
        "a",
    ),
]

# Subqueries and set operations -----------------------------------------------------------------------------------------

EXISTING = {
    "a": picked("customer_id", "amount", "status"),
    "b": "SELECT c.name FROM source.customers c WHERE EXISTS (SELECT 1 FROM transform.a x WHERE x.customer_id = c.customer_id AND x.status = 'paid')",
    "n": "SELECT count(*) AS n FROM transform.b",
}
SCALAR = {
    "a": picked("customer_id", "amount", "status"),
    "b": "SELECT c.name, (SELECT max(x.amount) FROM transform.a x WHERE x.customer_id = c.customer_id) AS best FROM source.customers c",
    "d": "SELECT best FROM transform.b",
    "e": "SELECT name FROM transform.b",
}
LATERAL = {
    "a": picked("customer_id", "amount", "status"),
    "b": "SELECT c.name, l.best FROM source.customers c, LATERAL (SELECT max(x.amount) AS best FROM transform.a x WHERE x.customer_id = c.customer_id) l",
    "d": "SELECT best FROM transform.b",
}
IN = {
    "a": picked("customer_id", "amount"),
    "b": "SELECT name FROM source.customers WHERE customer_id IN (SELECT customer_id FROM transform.a)",
}
LOUD = picked("customer_id", "amount", "upper(status) AS status")
LARGER = picked("customer_id", "amount * 2 AS amount", "status")
UNION = {
    "a": "SELECT customer_id FROM source.orders UNION SELECT customer_id FROM source.customers",
    "n": "SELECT count(*) AS n FROM transform.a",
}
UNION_ALL = {
    "a": "SELECT customer_id, amount FROM source.orders UNION ALL SELECT customer_id, tier FROM source.customers",
    "b": "SELECT sum(amount) AS total FROM transform.a",
    "n": "SELECT count(*) AS n FROM transform.a",
}
RECURSIVE = "WITH RECURSIVE r(n, label) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, label || 'x' FROM r WHERE n < 3) SELECT n, label FROM r"
SUBQUERIES = [
    Case(
        "exists_and_a_column_it_reads",
        EXISTING,
        {"a": LOUD},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED status"), "b": via("a.status"), "n": via("b.*")},
        "a b n",
    ),
    Case("exists_and_a_column_it_does_not_read", EXISTING, {"a": LARGER}, {"a": harmless("COLUMN_EXPRESSION_CHANGED amount")}, "a"),
    Case(
        "exists_edited",
        EXISTING,
        {"b": EXISTING["b"].replace("'paid'", "'void'")},
        {"b": breaking("FILTER_CHANGED"), "n": via("b.*")},
        "b n",
    ),
    Case(
        "scalar_subquery_and_the_column_it_reads",
        SCALAR,
        {"a": LARGER},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "b": via("a.amount"), "d": via("b.best")},
        "a b d",
    ),
    Case("scalar_subquery_and_a_column_it_does_not_read", SCALAR, {"a": LOUD}, {"a": harmless("COLUMN_EXPRESSION_CHANGED status")}, "a"),
    Case(
        "scalar_subquery_edited",
        SCALAR,
        {"b": SCALAR["b"].replace("max(x.amount)", "min(x.amount)")},
        {"b": breaking("COLUMN_EXPRESSION_CHANGED best"), "d": via("b.best")},
        "b d",
    ),
    Case(
        "filter_of_a_scalar_subquery",
        SCALAR,
        {"b": SCALAR["b"].replace("= c.customer_id)", "= c.customer_id AND x.status = 'paid')")},
        {"b": breaking("COLUMN_EXPRESSION_CHANGED best"), "d": via("b.best")},
        "b d",
    ),
    Case(
        "lateral_and_the_column_it_reads",
        LATERAL,
        {"a": LARGER},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "b": via("a.amount"), "d": via()},
        "a b d",
    ),
    Case("lateral_and_a_column_it_does_not_read", LATERAL, {"a": LOUD}, {"a": harmless("COLUMN_EXPRESSION_CHANGED status")}, "a"),
    Case(
        "in_and_its_column",
        IN,
        {"a": picked("customer_id + 1 AS customer_id", "amount")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED customer_id"), "b": via("a.customer_id")},
        "a b",
    ),
    Case(
        "in_and_values_it_has_already",
        IN,
        {"a": picked("DISTINCT customer_id", "0 AS amount")},
        {"a": breaking(), "b": via()},
        "a b",
    ),
    Case(
        "union_gains_a_column_under_a_count",
        {**UNION, "a": "SELECT status FROM source.orders UNION SELECT country FROM source.customers"},
        {"a": "SELECT status, amount FROM source.orders UNION SELECT country, tier FROM source.customers"},
        {"a": breaking(), "n": via()},
        "a n",
    ),
    Case(
        "union_to_union_all",
        UNION,
        {"a": "SELECT customer_id FROM source.orders UNION ALL SELECT customer_id FROM source.customers"},
        {"a": breaking(), "n": via()},
        "a n",
    ),
    Case(
        "union_all_gains_a_column",
        UNION_ALL,
        {"a": "SELECT customer_id, amount, status FROM source.orders UNION ALL SELECT customer_id, tier, name FROM source.customers"},
        {"a": harmless("COLUMN_ADDED status")},
        "a",
    ),
    Case(
        "union_all_with_one_side_computed_otherwise",
        UNION_ALL,
        {"a": "SELECT customer_id, amount FROM source.orders UNION ALL SELECT customer_id, tier + 1 FROM source.customers"},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "b": via("a.amount")},
        "a b",
    ),
    Case(
        "union_all_gains_a_side",
        UNION_ALL,
        {"a": f"{UNION_ALL['a']} UNION ALL SELECT 0, 0"},
        {"a": breaking(), "b": via("a.*"), "n": via("a.*")},
        "a b n",
    ),
    Case(
        "union_all_with_its_sides_swapped",
        {
            **UNION_ALL,
            "a": "SELECT customer_id, amount FROM source.orders UNION ALL SELECT customer_id, quantity AS amount FROM source.orders",
        },
        {"a": "SELECT customer_id, quantity AS amount FROM source.orders UNION ALL SELECT customer_id, amount FROM source.orders"},
        {"a": breaking(), "b": via(), "n": ANYTHING},
        "a",
    ),
    Case(
        "union_all_by_name_and_columns_reordered",
        {
            **UNION_ALL,
            "a": "SELECT order_id, amount FROM source.orders UNION ALL BY NAME SELECT quantity AS amount, order_id FROM source.orders",
        },
        {"a": "SELECT order_id, amount FROM source.orders UNION ALL BY NAME SELECT order_id, quantity AS amount FROM source.orders"},
        {"a": ANYTHING, "b": ANYTHING, "n": ANYTHING},
        either="a",
    ),
    Case(
        "except_with_its_sides_swapped",
        {**UNION, "a": "SELECT customer_id FROM source.customers EXCEPT SELECT customer_id FROM source.orders"},
        {"a": "SELECT customer_id FROM source.orders EXCEPT SELECT customer_id FROM source.customers"},
        {"a": breaking(), "n": via()},
        "a n",
    ),
    Case(
        "intersect_over_stars_above_which_a_column_is_added",
        {
            "a": "SELECT customer_id FROM source.orders",
            "c": "SELECT customer_id FROM source.customers",
            "i": "SELECT * FROM transform.a INTERSECT SELECT * FROM transform.c",
            "n": "SELECT count(*) AS n FROM transform.i",
        },
        {
            "a": "SELECT customer_id, quantity AS tier FROM source.orders",
            "c": "SELECT customer_id, tier FROM source.customers",
        },
        {"a": harmless("COLUMN_ADDED tier"), "c": harmless("COLUMN_ADDED tier"), "i": via(), "n": via()},
        "a c i n",
    ),
    Case(
        "recursion_goes_further",
        {"a": RECURSIVE, "b": "SELECT max(n) AS n FROM transform.a"},
        {"a": RECURSIVE.replace("n < 3", "n < 4")},
        {"a": breaking(), "b": via()},
        "a b",
    ),
    Case(
        "recursion_renamed",
        {"a": RECURSIVE, "b": "SELECT max(n) AS n FROM transform.a"},
        {"a": RECURSIVE.replace("RECURSIVE r(", "RECURSIVE steps(").replace("FROM r", "FROM steps")},
        {},
    ),
    Case(
        "recursion_over_a_node",
        {
            "a": picked("order_id", "amount"),
            "r": "WITH RECURSIVE w(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM w WHERE n < (SELECT max(amount) FROM transform.a)) SELECT n FROM w",
            "n": "SELECT count(*) AS n FROM transform.r",
        },
        {"a": picked("order_id", "amount + 1 AS amount")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "r": via(), "n": via()},
        "a r n",
    ),
]

# Lists and structs -----------------------------------------------------------------------------------------------------

TAGGED = {
    "a": picked("order_id", "tags", "amount"),
    "u": "SELECT order_id, unnest(tags) AS tag FROM transform.a",
    "n": "SELECT count(*) AS n FROM transform.u",
    "c": "SELECT sum(amount) AS total FROM transform.a",
}
JOINED_TAGS = {**TAGGED, "u": "SELECT a.order_id, t.tag FROM transform.a AS a, unnest(a.tags) AS t(tag)"}
LONGER = picked("order_id", "list_append(tags, 'x') AS tags", "amount")
UNNESTED = {"a": breaking("COLUMN_EXPRESSION_CHANGED tags"), "u": via("a.tags"), "n": via("u.*")}
STRUCT = {
    "a": picked("order_id", "{'city': info.city, 'zip': info.zip} AS place"),
    "b": "SELECT place.city AS city FROM transform.a",
    "c": "SELECT order_id FROM transform.a",
    "s": "SELECT place FROM transform.a",
}
STRUCTURED = {"a": breaking(), "b": via("a.place"), "s": via("a.place")}
NESTED = [
    Case("lists_unnested_in_the_selection", TAGGED, {"a": LONGER}, UNNESTED, "a u n"),
    Case("lists_unnested_in_a_join", JOINED_TAGS, {"a": LONGER}, UNNESTED, "a u n"),
    Case(
        "lists_reordered_and_unnested",
        TAGGED,
        {"a": picked("order_id", "list_reverse(tags) AS tags", "amount")},
        UNNESTED,
        "a u",
    ),
    Case(
        "unnest_added",
        {"a": picked("order_id", "tags"), "n": "SELECT count(*) AS n FROM transform.a"},
        {"a": picked("order_id", "unnest(tags) AS tags")},
        {"a": breaking(), "n": via()},
        "a n",
    ),
    Case(
        "unnest_added_beside_another",
        {"a": picked("order_id", "unnest(tags) AS tag"), "n": "SELECT count(*) AS n FROM transform.a"},
        {"a": picked("order_id", "unnest(tags) AS tag", "unnest([1, 2, 3]) AS i")},
        {"a": breaking(), "n": via()},
        "a n",
    ),
    Case(
        "unnest_taken_away",
        {"a": picked("order_id", "unnest(tags) AS tag"), "n": "SELECT count(*) AS n FROM transform.a"},
        {"a": picked("order_id")},
        {"a": breaking(), "n": via()},
        "a n",
    ),
    Case(
        "field_of_a_struct_added",
        STRUCT,
        {"a": picked("order_id", "{'city': info.city, 'zip': info.zip, 'paid': status} AS place")},
        STRUCTURED,
        "a b s",
    ),
    Case(
        "field_of_a_struct_computed_otherwise",
        STRUCT,
        {"a": picked("order_id", "{'city': upper(info.city), 'zip': info.zip} AS place")},
        STRUCTURED,
        "a b s",
    ),
    Case(
        "fields_of_a_struct_reordered",
        STRUCT,
        {"a": picked("order_id", "{'zip': info.zip, 'city': info.city} AS place")},
        STRUCTURED,
        "a b s",
    ),
    Case(
        "star_of_a_struct_that_grows",
        {"a": STRUCT["a"], "b": "SELECT order_id, unnest(place) FROM transform.a"},
        {"a": picked("order_id", "{'city': info.city, 'zip': info.zip, 'paid': status} AS place")},
        {"a": breaking(), "b": via("a.place")},
        "a b",
    ),
    Case(
        "another_column_than_the_struct",
        STRUCT,
        {"a": picked("order_id + 1 AS order_id", "{'city': info.city, 'zip': info.zip} AS place")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED order_id"), "c": via("a.order_id")},
        "a c",
    ),
]

# Templates -------------------------------------------------------------------------------------------------------------

NET = "{% macro net(x) %}{{ x }} * 2{% endmacro %}"
MACRO = {
    "macros/net.sql": NET,
    "a": "SELECT order_id, {{ net('amount') }} AS net FROM source.orders",
    "b": "SELECT sum(net) AS total FROM transform.a",
    "c": "SELECT order_id FROM transform.a",
}
VARS = {
    PROJECT: "name: test\nversion: 1\nvars: {low: 5, unused: 1}\n",
    "a": "SELECT order_id, amount FROM source.orders WHERE amount > {{ var('low') }}",
    "b": "SELECT sum(amount) AS total FROM transform.a",
}
TEMPLATES = [
    Case(
        "macro_laid_out_otherwise",
        MACRO,
        {"macros/net.sql": "{% macro net(value) -%}\n  {{ value }}  *  2 /* twice */\n{%- endmacro %}"},
        {},
    ),
    Case(
        "macro_renders_otherwise",
        MACRO,
        {"macros/net.sql": NET.replace("* 2", "* 3")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED net"), "b": via("a.net")},
        "a b",
    ),
    Case(
        "macro_renders_what_gives_the_same",
        MACRO,
        {"macros/net.sql": "{% macro net(x) %}{{ x }} + {{ x }}{% endmacro %}"},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED net"), "b": via("a.net")},
        "a",
    ),
    Case("macro_added_that_nobody_calls", MACRO, {"macros/more.sql": "{% macro more() %}1{% endmacro %}"}, {}),
    Case("macro_written_out", MACRO, {"a": "SELECT order_id, amount * 2 AS net FROM source.orders"}, {}),
    Case("macro_moved_to_another_file", MACRO, {"macros/net.sql": None, "macros/sums.sql": NET}, {}),
    Case(
        "variable",
        VARS,
        {PROJECT: "name: test\nversion: 1\nvars: {low: 6, unused: 1}\n"},
        {"a": breaking("FILTER_CHANGED"), "b": via("a.*")},
        "a",
    ),
    Case("variable_that_nobody_uses", VARS, {PROJECT: "name: test\nversion: 1\nvars: {low: 5, unused: 2}\n"}, {}),
    Case("variable_written_out", VARS, {"a": "SELECT order_id, amount FROM source.orders WHERE amount > 5"}, {}),
    Case(
        "branch_of_a_template",
        {**VARS, "a": "SELECT order_id, amount FROM source.orders {% if var('unused') == 1 %}WHERE amount > 5{% endif %}"},
        {PROJECT: "name: test\nversion: 1\nvars: {low: 5, unused: 2}\n"},
        {"a": breaking("FILTER_CHANGED"), "b": via("a.*")},
        "a b",
    ),
]

# Metadata --------------------------------------------------------------------------------------------------------------

METADATA_ONLY = [
    Case("description", COLUMNS, {"a": front("description: All orders", picked(*ALL))}, {"a": METADATA}),
    Case("owner", COLUMNS, {"a": front("owner: me", picked(*ALL))}, {"a": METADATA}),
    Case("tags", COLUMNS, {"a": front("tags: [daily]", picked(*ALL))}, {"a": METADATA}),
    Case("meta", COLUMNS, {"a": front("meta: {x: 1}", picked(*ALL))}, {"a": METADATA}),
    Case("audits", COLUMNS, {"a": front("audits: [{type: row_count, min: 1}]", picked(*ALL))}, {"a": METADATA}),
    Case(
        "description_taken_away",
        {**COLUMNS, "a": front("description: All orders", picked(*ALL))},
        {"a": picked(*ALL)},
        {"a": METADATA},
    ),
    Case(
        "description_of_a_source",
        COLUMNS,
        {CUSTOMERS_YML: f"{SOURCES[CUSTOMERS_YML]}description: People\n"},
        {"source.customers": METADATA},
    ),
    Case(
        "description_and_formatting",
        COLUMNS,
        {"a": front("description: All orders", picked(*ALL).lower())},
        {"a": METADATA},
    ),
    Case(
        "description_and_a_column",
        COLUMNS,
        {"a": front("description: All orders", replaced(amount="amount * 2 AS amount"))},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount", "METADATA_CHANGED"), "b": via("a.amount")},
        "a b",
    ),
]

# Views -----------------------------------------------------------------------------------------------------------------

VIEWS = {
    "v": VIEW + picked("order_id", "amount * 2 AS double", "status"),
    "b": "SELECT sum(double) AS total FROM transform.v",
    "c": "SELECT order_id FROM transform.v WHERE status = 'paid'",
}
VIEW_CHAIN = {
    "v": VIEW + picked("order_id", "amount", "quantity"),
    "w": f"{VIEW}SELECT order_id, amount + 1 AS amount, quantity FROM transform.v",
    "x": f"{VIEW}SELECT * FROM transform.w",
    "b": "SELECT sum(amount) AS total FROM transform.x",
    "c": "SELECT sum(quantity) AS total FROM transform.x",
}
VIEW_CASES = [
    Case(
        "column_of_a_view",
        VIEWS,
        {"v": VIEW + picked("order_id", "amount * 3 AS double", "status")},
        {"v": breaking("COLUMN_EXPRESSION_CHANGED double"), "b": via("v.double")},
        "b",
        either="v",
    ),
    Case(
        "column_added_to_a_view",
        VIEWS,
        {"v": VIEW + picked("order_id", "amount * 2 AS double", "status", "day")},
        {"v": harmless("COLUMN_ADDED day")},
        either="v",
    ),
    Case(
        "column_of_a_view_that_nobody_reads",
        {**VIEWS, "v": VIEW + picked("order_id", "amount * 2 AS double", "status", "day")},
        {"v": VIEW + picked("order_id", "amount * 2 AS double", "status", "day + 1 AS day")},
        {"v": harmless()},
        either="v",
    ),
    Case(
        "filter_of_a_view",
        VIEWS,
        {"v": VIEW + picked("order_id", "amount * 2 AS double", "status", more=" WHERE quantity > 1")},
        {"v": breaking("FILTER_CHANGED"), "b": via("v.*"), "c": via("v.*")},
        "b c",
        either="v",
    ),
    Case(
        "chain_of_views_and_a_column",
        VIEW_CHAIN,
        {"v": VIEW + picked("order_id", "amount * 2 AS amount", "quantity")},
        {"v": breaking("COLUMN_EXPRESSION_CHANGED amount"), "w": via("v.amount"), "x": via("w.amount"), "b": via("x.amount")},
        "b",
        either="v w x",
    ),
    Case(
        "chain_of_views_and_data_that_one_reader_reads",
        {**VIEW_CHAIN, ORDERS_YML: f"{SOURCES[ORDERS_YML]}cache: true\n"},
        {ORDERS_FILE: orders(ROWS[0].replace("10, 5,", "10, 6,"), *ROWS[1:])},
        {},
        "source.orders b",
        either="v w x",
    ),
    Case("view_laid_out_otherwise", VIEWS, {"v": f"{VIEW}select order_id, amount*2 as double, status\nfrom source.orders -- all"}, {}),
    Case(
        "table_becomes_a_view",
        COLUMNS,
        {"a": VIEW + picked(*ALL)},
        {"a": Expected("modified", None, frozenset({"LOGIC_CHANGED"})), "b": ANYTHING, "c": ANYTHING, "n": ANYTHING},
        either="a b c n",
    ),
    Case(
        "view_becomes_a_table",
        VIEWS,
        {"v": picked("order_id", "amount * 2 AS double", "status")},
        {"v": Expected("modified", None, frozenset({"LOGIC_CHANGED"})), "b": ANYTHING, "c": ANYTHING},
        "v",
        either="b c",
    ),
]

# Nodes -----------------------------------------------------------------------------------------------------------------

EXPORT = "kind: exposure\nname: out\ntype: file\ninputs: [{ref: transform.a}]\nparams: {path: out/a.csv, format: csv}\n"
DASHBOARD = "kind: exposure\nname: board\ntype: dashboard\ninputs: [{ref: transform.a}]\nurl: https://example.com/board\n"
RULE = "kind: rule\nname: enough\ninputs: [{ref: transform.a}]\naudits: [{type: row_count, min: 1}]\n"
EXPORTED = {"a": picked("order_id", "amount"), "seeknal/out.yml": EXPORT}
SHOWN = {"a": picked("order_id", "amount"), "seeknal/board.yml": DASHBOARD}
RULED = {"a": picked("order_id", "amount"), "seeknal/rule.yml": RULE}
TRIPLED = picked("order_id", "amount * 3 AS amount")
NODES = [
    Case("node_added", COLUMNS, {"d": "SELECT total FROM transform.b"}, {"d": ADDED}, "d"),
    Case("node_added_that_reads_another_column", COLUMNS, {"d": "SELECT quantity FROM transform.a"}, {"d": ADDED}, "d"),
    Case("node_removed", COLUMNS, {"c": None}, {"c": REMOVED}),
    Case("node_disabled", COLUMNS, {"c": front("enabled: false", COLUMNS["c"])}, {"c": REMOVED}),
    Case(
        "node_removed_and_its_reader_reads_further_up",
        {"a": picked("order_id", "amount"), "b": "SELECT sum(amount) AS total FROM transform.a"},
        {"a": None, "b": "SELECT sum(amount) AS total FROM source.orders"},
        {"a": REMOVED, "b": harmless()},
        "b",
    ),
    Case(
        "node_renamed",
        {"a": picked("order_id", "amount"), "b": "SELECT sum(amount) AS total FROM transform.a", "c": "SELECT total FROM transform.b"},
        {"a": None, "z": picked("order_id", "amount"), "b": "SELECT sum(amount) AS total FROM transform.z"},
        {"a": REMOVED, "z": ADDED, "b": modified(), "c": via()},
        either="z b",
    ),
    Case(
        "node_added_between",
        {"a": picked("order_id", "amount"), "b": "SELECT sum(amount) AS total FROM transform.a", "c": "SELECT total FROM transform.b"},
        {"m": "SELECT order_id, amount FROM transform.a", "b": "SELECT sum(amount) AS total FROM transform.m"},
        {"m": ADDED, "b": breaking(), "c": via()},
        "m b",
    ),
    Case(
        "source_added",
        COLUMNS,
        {"seeknal/again.yml": SOURCES[CUSTOMERS_YML].replace("name: customers", "name: again")},
        {"source.again": ADDED},
        either="source.again",
    ),
    Case(
        "exposure_reads_what_changes",
        EXPORTED,
        {"a": TRIPLED},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "exposure.out": via("a.amount")},
        "a exposure.out",
    ),
    Case(
        "exposure_reads_what_is_added",
        EXPORTED,
        {"a": picked("order_id", "amount", "day")},
        {"a": harmless("COLUMN_ADDED day"), "exposure.out": via("a.day")},
        "a exposure.out",
    ),
    Case(
        "exposure_reads_what_is_removed",
        EXPORTED,
        {"a": picked("order_id")},
        {"a": breaking("COLUMN_REMOVED amount"), "exposure.out": via("a.amount")},
        "a exposure.out",
    ),
    Case(
        "exposure_reads_what_gives_the_same",
        EXPORTED,
        {"a": picked("order_id", "amount + 0 AS amount")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "exposure.out": via("a.amount")},
        "a",
    ),
    Case(
        "exposure_goes_elsewhere",
        EXPORTED,
        {"seeknal/out.yml": EXPORT.replace("out/a.csv", "out/b.csv")},
        {"exposure.out": harmless("LOGIC_CHANGED")},
        "exposure.out",
    ),
    Case("exposure_described", EXPORTED, {"seeknal/out.yml": f"{EXPORT}description: For the shop\n"}, {"exposure.out": METADATA}),
    Case("exposure_added", {"a": EXPORTED["a"]}, {"seeknal/out.yml": EXPORT}, {"exposure.out": ADDED}, "exposure.out"),
    Case(
        "dashboard_reads_what_changes",
        SHOWN,
        {"a": TRIPLED},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "exposure.board": via("a.amount")},
        "a",
        either="exposure.board",
    ),
    Case(
        "rule_reads_what_changes",
        RULED,
        {"a": TRIPLED},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "rule.enough": via("a.amount")},
        "a",
        either="rule.enough",
    ),
    Case(
        "rule_asks_for_more",
        RULED,
        {"seeknal/rule.yml": RULE.replace("min: 1", "min: 2")},
        {"rule.enough": METADATA},
        either="rule.enough",
    ),
]

# Python ----------------------------------------------------------------------------------------------------------------

TOTAL = """\
import pyarrow as pa
import pyarrow.compute as pc
from seeknal import transform
from rates import RATE


@transform(name="p", inputs=["transform.a"])
def p(rows: pa.Table) -> pa.Table:
    return pa.table({"total": [pc.sum(rows["amount"]).as_py() * RATE]})
"""
PYTHON = {
    "seeknal/p.py": TOTAL,
    "seeknal/rates.py": "RATE = 2\nOTHER = 1\n",
    "a": picked("order_id", "amount"),
    "b": "SELECT total + 1 AS more FROM transform.p",
}
BY_HAND = {"p": breaking("LOGIC_CHANGED"), "b": via()}
PYTHON_CASES = [
    Case("python_comment", PYTHON, {"seeknal/p.py": TOTAL.replace("    return", "    # the sum\n    return")}, {}),
    Case("python_docstring", PYTHON, {"seeknal/p.py": TOTAL.replace("    return", '    """The sum."""\n    return')}, {"p": METADATA}),
    Case("python_body", PYTHON, {"seeknal/p.py": TOTAL.replace("pc.sum", "pc.max")}, BY_HAND, "p b"),
    Case("python_body_that_gives_the_same", PYTHON, {"seeknal/p.py": TOTAL.replace("() * RATE", "() * RATE + 0")}, BY_HAND, "p"),
    Case("python_module_it_imports", PYTHON, {"seeknal/rates.py": "RATE = 3\nOTHER = 1\n"}, BY_HAND, "p b"),
    Case("python_module_that_gives_the_same", PYTHON, {"seeknal/rates.py": "RATE = 2\nOTHER = 2\n"}, BY_HAND, "p"),
    Case(
        "python_reads_every_column",
        PYTHON,
        {"a": picked("order_id", "amount", "day")},
        {"a": harmless("COLUMN_ADDED day"), "p": via("a.day"), "b": via()},
        "a p",
    ),
    Case(
        "python_reads_the_columns_it_does_not_mention",
        PYTHON,
        {"a": picked("order_id + 1 AS order_id", "amount")},
        {"a": breaking("COLUMN_EXPRESSION_CHANGED order_id"), "p": via("a.order_id"), "b": via()},
        "a p",
    ),
    Case(
        "python_becomes_sql",
        PYTHON,
        {"seeknal/p.py": None, "p": "SELECT sum(amount)::BIGINT * 2 AS total FROM transform.a"},
        {"p": breaking(), "b": via()},
        "p",
    ),
]

# Sources and their data ------------------------------------------------------------------------------------------------

TIERS = {
    "a": "SELECT customer_id, tier FROM source.customers",
    "b": "SELECT customer_id, name FROM source.customers",
    "n": "SELECT count(*) AS n FROM source.customers",
    "s": "SELECT * FROM source.customers",
    "d": "SELECT sum(tier) AS tiers FROM transform.a",
}
COPIED = f"{SOURCES[ORDERS_YML]}cache: true\n"
READING = {
    ORDERS_YML: COPIED,
    "a": picked("amount"),
    "b": picked("order_id", "amount"),
    "c": picked("customer_id", "amount"),
    "d": picked("quantity"),
    "e": picked("amount", "quantity"),
    "n": "SELECT count(*) AS n FROM source.orders",
    "u": picked("DISTINCT status"),
    "k": "SELECT count(*) AS n FROM transform.u",
}
LINES = CUSTOMERS.splitlines(keepends=True)
AROUND = "customer_id,country,tier,name\n10,ID,1,Ann\n11,SG,2,Bob\n12,ID,2,Cid\n13,MY,1,Dee\n"


def swapped(**rows: str) -> str:
    """The orders with some of their rows otherwise, by number: `r1` is the first."""
    return orders(*(rows.get(f"r{i}", row) for i, row in enumerate(ROWS, 1)))


def with_amounts(first: int, third: int, fourth: int) -> str:
    """The orders with other amounts in the first, third and fourth."""
    return swapped(
        r1=ROWS[0].replace("10, 5,", f"10, {first},"),
        r3=ROWS[2].replace("10, 20,", f"10, {third},"),
        r4=ROWS[3].replace("12, 1,", f"12, {fourth},"),
    )


DATA = [
    Case("value_that_two_read", TIERS, {CUSTOMERS_FILE: CUSTOMERS.replace("MY,1", "MY,2")}, {}, "source.customers a s d"),
    Case("value_that_only_the_star_reads", TIERS, {CUSTOMERS_FILE: CUSTOMERS.replace("SG", "TH")}, {}, "source.customers s"),
    Case("row_more", TIERS, {CUSTOMERS_FILE: f"{CUSTOMERS}14,Eve,ID,3\n"}, {}, "source.customers a b n s d"),
    Case("row_more_of_nothing_new", TIERS, {CUSTOMERS_FILE: f"{CUSTOMERS}13,Dee,MY,1\n"}, {}, "source.customers a b n s d"),
    Case("row_instead_of_another", TIERS, {CUSTOMERS_FILE: CUSTOMERS.replace("13,Dee,MY,1", "14,Dee,MY,1")}, {}, "source.customers a b s"),
    Case("rows_of_a_csv_reordered", TIERS, {CUSTOMERS_FILE: "".join([LINES[0], *reversed(LINES[1:])])}, {}, "source.customers"),
    Case("columns_of_a_csv_reordered", TIERS, {CUSTOMERS_FILE: AROUND}, None, "source.customers s"),
    Case(
        "csv_gains_a_column",
        TIERS,
        {CUSTOMERS_FILE: "".join(f"{line.strip()},{'age' if i == 0 else i}\n" for i, line in enumerate(LINES))},
        None,
        "source.customers s",
    ),
    Case(
        "csv_gains_a_column_that_a_natural_join_shares",
        {"n": "SELECT count(*) AS n FROM source.customers NATURAL JOIN source.orders"},
        {CUSTOMERS_FILE: "".join(f"{line.strip()},{'quantity' if i == 0 else i}\n" for i, line in enumerate(LINES))},
        None,
        "source.customers n",
    ),
    Case(
        "csv_loses_a_column",
        TIERS,
        {CUSTOMERS_FILE: "customer_id,name,tier\n10,Ann,1\n11,Bob,2\n12,Cid,2\n13,Dee,1\n"},
        None,
        "source.customers s",
    ),
    Case(
        "whole_numbers_of_a_csv_become_fractions",
        TIERS,
        {CUSTOMERS_FILE: CUSTOMERS.replace(",1\n", ",1.0\n").replace(",2\n", ",2.0\n")},
        None,
        "source.customers a s d",
    ),
    Case("csv_quoted_otherwise", TIERS, {CUSTOMERS_FILE: CUSTOMERS.replace("Ann", '"Ann"').replace("\n", "\r\n")}, {}, "source.customers"),
    Case(
        "values_swapped_within_a_column",
        READING,
        {ORDERS_FILE: with_amounts(1, 20, 5)},
        {},
        "source.orders b c e",
    ),
    Case(
        "values_swapped_within_a_column_and_a_customer",
        READING,
        {ORDERS_FILE: with_amounts(20, 5, 1)},
        {},
        "source.orders b e",
    ),
    Case(
        "values_swapped_between_two_columns",
        {k: v for k, v in READING.items() if k not in ("b", "c")},
        {
            ORDERS_FILE: orders(
                select="order_id, customer_id, quantity AS amount, amount AS quantity, status, day, tags, info",
            )
        },
        {},
        "source.orders a d e",
    ),
    Case("rows_of_a_parquet_file_reordered", READING, {ORDERS_FILE: orders(*reversed(ROWS))}, {}, "source.orders"),
    Case("duplicate_row", READING, {ORDERS_FILE: orders(*ROWS, ROWS[0])}, {}, "source.orders a b c d e n u"),
    Case(
        "value_that_nobody_reads",
        READING,
        {ORDERS_FILE: swapped(r1=ROWS[0].replace("Rome", "Turin"))},
        {},
        "source.orders",
    ),
    Case(
        "parquet_gains_a_column",
        READING,
        {ORDERS_FILE: orders(select="*, 1 AS one")},
        None,
        "source.orders",
    ),
    Case(
        "source_reads_a_copy_elsewhere",
        {**TIERS, "data/copy.csv": CUSTOMERS},
        {CUSTOMERS_YML: SOURCES[CUSTOMERS_YML].replace("customers.csv", "copy.csv")},
        {
            "source.customers": breaking("SOURCE_CHANGED"),
            "a": via(),
            "b": via(),
            "n": via(),
            "s": via(),
            "d": via(),
        },
        "source.customers",
    ),
    Case(
        "source_reads_with_another_parameter",
        TIERS,
        {CUSTOMERS_YML: f"{SOURCES[CUSTOMERS_YML]}params: {{nullstr: MY}}\n"},
        {
            "source.customers": breaking("SOURCE_CHANGED"),
            "a": via(),
            "b": via(),
            "n": via(),
            "s": via(),
            "d": via(),
        },
        "source.customers s",
    ),
    Case(
        "source_that_nobody_reads",
        COLUMNS,
        {CUSTOMERS_YML: f"{SOURCES[CUSTOMERS_YML]}params: {{nullstr: MY}}\n"},
        {"source.customers": harmless("SOURCE_CHANGED")},
        "source.customers",
    ),
    Case(
        "data_and_query_together",
        {"a": picked("order_id", "amount"), "b": "SELECT sum(amount) AS total FROM transform.a", "c": "SELECT order_id FROM transform.a"},
        {
            ORDERS_FILE: swapped(r1=ROWS[0].replace("10, 5,", "10, 6,")),
            "a": picked("order_id", "amount - (order_id = 1)::INTEGER AS amount"),
        },
        {"a": breaking("COLUMN_EXPRESSION_CHANGED amount"), "b": via("a.amount")},
        "source.orders a",
    ),
]

CASES = [
    *WRITING,
    *CHANGING,
    *REVERTING,
    *TYPES,
    *VALUES,
    *ROW_CHANGES,
    *NAMES,
    *STARS,
    *SUBQUERIES,
    *NESTED,
    *TEMPLATES,
    *METADATA_ONLY,
    *VIEW_CASES,
    *NODES,
    *PYTHON_CASES,
    *DATA,
]
