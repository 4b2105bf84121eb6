"""create-test takes rows that belong together from live data, and what it writes passes."""

from __future__ import annotations

import pytest
from tests.unit_tests.conftest import SHOP, outcomes

from seeknal.unit_tests.capture import capture, write_new
from seeknal.unit_tests.loading import load_tests
from seeknal.unit_tests.running import run_tests

ORDERS = "id,user_id,amount,day\n" + "".join(f"{i},{i % 50 + 100},{i}.5,2026-01-{i % 28 + 1:02}\n" for i in range(1, 2000))
USERS = "id,country\n" + "".join(f"{i},{'ID' if i % 3 else 'MY'}\n" for i in range(1, 200))


@pytest.fixture
def live(project):
    folder = project({**SHOP, "data/orders.csv": ORDERS, "data/users.csv": USERS})
    folder.run().assert_success()
    return folder


def created(folder, node, rows=3):
    """The test that is captured, once it has passed."""
    opened = folder.open()
    captured = capture(opened, opened.find(node), rows, "prod")
    write_new(opened, f"tests/{node}.yml", captured.text)
    tests, invalid = load_tests(opened)
    assert not invalid
    assert {o.status for o in run_tests(opened, tests)} == {"passed"}
    return tests[0]


def rows_of(test, name):
    return [{k: v.value for k, v in row.items()} for row in test.inputs[name].rows]


def test_joins_match_and_filters_let_pass(live):
    test = created(live, "paid", 4)
    orders, users = rows_of(test, "source.orders"), rows_of(test, "source.users")
    assert len(orders) == 4
    assert {o["user_id"] for o in orders} == {u["id"] for u in users}
    assert all(o["amount"] > 1 for o in orders)
    assert len(test.expected.table.rows) == 4


def test_groups_are_made_of_a_few_rows_each(live):
    test = created(live, "totals", 2)
    paid = rows_of(test, "transform.paid")
    assert {p["country"] for p in paid} == {"ID", "MY"}
    assert len(paid) == 6


def test_what_an_outer_join_finds_is_in_it(project):
    folder = project(
        {
            "seeknal/a.sql": "SELECT range AS id FROM range(1000)",
            "seeknal/b.sql": "SELECT 900 AS id, 'late' AS note",
            "seeknal/q.sql": "SELECT a.id, coalesce(b.note, 'none') AS note FROM {{ ref('a') }} AS a LEFT JOIN {{ ref('b') }} AS b ON a.id = b.id",
        }
    )
    folder.run().assert_success()
    test = created(folder, "q", 2)
    assert rows_of(test, "transform.b") == [{"id": 900, "note": "late"}]
    assert {r["note"].value for r in test.expected.table.rows} == {"none", "late"}


SHAPES = [
    "SELECT * FROM {{ ref('paid') }} WHERE amount = (SELECT max(amount) FROM {{ ref('paid') }})",
    "SELECT id FROM {{ ref('paid') }} WHERE id IN (SELECT id FROM {{ ref('source.orders') }} WHERE amount > 1990)",
    "SELECT country FROM {{ ref('paid') }} GROUP BY country HAVING count(*) > 20",
    "SELECT id, row_number() OVER (PARTITION BY country ORDER BY id) AS n FROM {{ ref('paid') }} QUALIFY n = 1",
    "SELECT id, amount FROM {{ ref('paid') }} UNION ALL SELECT id, amount FROM {{ ref('source.orders') }} WHERE id > 1500",
    "SELECT count(*) AS n, sum(amount) AS s FROM {{ ref('paid') }}",
    "SELECT a.id, b.id AS other FROM {{ ref('paid') }} AS a JOIN {{ ref('paid') }} AS b ON b.id = a.id + 1 WHERE a.id > 700",
    "SELECT u.id FROM {{ ref('source.users') }} AS u WHERE NOT EXISTS (SELECT 1 FROM {{ ref('source.orders') }} AS o WHERE o.user_id = u.id)",
    "SELECT DISTINCT upper(country) AS c FROM {{ ref('paid') }} JOIN {{ ref('source.users') }} USING (country)",
    (
        "WITH a AS (SELECT user_id, sum(amount) AS s FROM {{ ref('source.orders') }} GROUP BY 1), b AS (SELECT * FROM a WHERE s > 10) "
        "SELECT b.*, u.country FROM b JOIN {{ ref('source.users') }} AS u ON u.id = b.user_id WHERE u.country = 'MY'"
    ),
    "SELECT unnest([id, id + 1]) AS i FROM {{ ref('paid') }} WHERE id = 77",
]


@pytest.mark.parametrize("sql", SHAPES)
def test_queries_of_all_shapes(live, sql):
    live.write("seeknal/q.sql", sql)
    test = created(live, "q", 2)
    assert test.expected.table.rows
    assert sum(len(t.rows) for t in test.inputs.values()) <= 700


def test_joins_match_through_ctes_that_group(live):
    live.write("seeknal/q.sql", SHAPES[9])
    test = created(live, "q", 2)
    orders, users = rows_of(test, "source.orders"), rows_of(test, "source.users")
    assert {o["user_id"] for o in orders} == {u["id"] for u in users}
    assert {u["country"] for u in users} == {"MY"}


def test_a_python_node(live):
    live.cli("create-test", "doubled").assert_exit(0)
    assert outcomes(live)["doubled_sample"].status == "passed"


TYPES = """
    SELECT * FROM (VALUES (
      1::TINYINT, 12345678901234567890123456789012345678::DECIMAL(38,0), 0.1::FLOAT, 'nan'::DOUBLE, 12.50::DECIMAL(9,2), true, '007', '2026-01-31',
      E'a "b"\\n{c}: #d', DATE '2026-01-31', TIMESTAMP '2026-01-31 10:00:00.5', TIMESTAMPTZ '2026-01-31 10:00:00+02',
      TIMESTAMP_NS '2026-01-31 10:00:00.123456789', TIME '10:00:00', '6f1e1c7e-7a3b-4a51-9a55-6f2f0b5f8f5d'::UUID, '\\xAA'::BLOB, '{"a": [1]}'::JSON,
      [1.5::DECIMAL(9,2), NULL], [{'a': 1, 'b': [DATE '2026-01-31']}], MAP {'k': 1}, {'yes': 'no'}, []::VARCHAR[], NULL::DATE, ' padded ', '', 'null', '~')
    ) AS t(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa)
    UNION ALL SELECT 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
      NULL, NULL, NULL, NULL, NULL
    """


def test_types_read_back_as_they_were(project):
    folder = project({"seeknal/a.sql": TYPES, "seeknal/q.sql": "SELECT * FROM {{ ref('a') }}"})
    folder.run().assert_success()
    test = created(folder, "q")
    assert len(test.expected.table.rows) == 2
    folder.edit(
        "tests/q.yml",
        "expect:",
        "expect:\n  columns: {m: TIMESTAMP_NS, e: 'DECIMAL(9,2)', p: BLOB, q: JSON, r: 'DECIMAL(9,2)[]', t: 'MAP(VARCHAR, INTEGER)'}\n  partial: true",
    )
    assert outcomes(folder)["q_sample"].status == "passed"


def test_a_clock_is_stopped(live):
    live.write("seeknal/q.sql", "SELECT id, now() AS seen FROM {{ ref('paid') }}")
    assert created(live, "q").spec.now


def test_a_file_that_exists_is_never_touched(live):
    live.write("tests/paid.yml", "# mine\n")
    live.cli("create-test", "paid").assert_failed("SK-TEST-013", exit_code=2)
    assert live.read("tests/paid.yml") == "# mine\n"
    live.cli("create-test", "paid", "--output", "seeknal/paid_test.yml").assert_failed("SK-TEST-013", exit_code=2)
    live.cli("create-test", "paid", "--output", "tests/sub/paid_2.yml", "--name", "mine").assert_exit(0)
    live.delete("tests/paid.yml")
    live.cli("create-test", "paid", "--name", "mine").assert_failed("SK-TEST-006", exit_code=2)
    live.cli("create-test", "paid").assert_exit(0)
    assert sorted(outcomes(live)) == ["mine", "paid_sample"]


def test_what_cannot_be_captured_is_said(project):
    folder = project(SHOP)
    folder.cli("create-test", "paid").assert_failed("SK-RUN-002", exit_code=1)
    folder.run().assert_success()
    folder.cli("create-test", "source.orders").assert_failed("SK-TEST-003", exit_code=2)
    folder.write("seeknal/q.sql", "SELECT id FROM {{ ref('paid') }} WHERE false")
    folder.cli("create-test", "q").assert_failed("SK-TEST-012", exit_code=2)
    folder.write("seeknal/q.sql", "SELECT id, random() AS r FROM {{ ref('paid') }}")
    folder.cli("create-test", "q").assert_failed("SK-TEST-014", exit_code=2)
    assert not (folder.root / "tests").exists()
