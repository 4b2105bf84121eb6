"""test --update writes what comes out now, and leaves the rest of the file as it stands."""

from __future__ import annotations

from tests.unit_tests.conftest import outcomes

FILE = """
    # what this is about
    name: one
    node: totals  # the node
    inputs:
      paid:
        - {country: ID, amount: 1}   # a comment
        - {country: ID, amount: 2}
    expect:
      # so many
      row_count: 7  # rows
      rows:
          - {country: ID, amount: 9, orders: 9}
          # in the way
          - {country: XX, amount: 1, orders: 1}

      # the end
      tolerance: 0.1
    ---
    name: two
    node: totals
    inputs: {paid: [{country: MY, amount: 1}]}
    expect:
      - {country: MY, orders: 1, amount: 1.0}
    """


def test_comments_and_layout_are_kept(shop):
    shop.write("tests/a.yml", FILE)
    before = shop.read("tests/a.yml")
    done = shop.cli("test", "--update").assert_exit(0)
    assert "transform.totals::one: wrote row_count and rows; 1 comment among the rows gone" in done.stderr
    head, tail = before.index("  row_count"), before.index("  tolerance")
    text = shop.read("tests/a.yml")
    assert text[:head] == before[:head]
    assert text.endswith(before[tail:])
    assert "  row_count: 1  # rows\n  rows:\n      - {country: ID, amount: 3, orders: 2}\n\n  # the end\n" in text


def test_what_passes_is_left_alone(shop):
    shop.write("tests/a.yml", FILE.partition("    ---\n")[2])
    before = shop.read("tests/a.yml")
    assert "nothing to update" in shop.cli("test", "--update").assert_exit(0).stderr
    assert shop.read("tests/a.yml") == before


def test_ctes_partial_columns_and_line_ends(shop):
    shop.write(
        "tests/a.yml",
        b"name: a\r\nnode: paid\r\ninputs:\r\n  source.users: [{id: 1, country: ID}]\r\n"
        b"  source.orders: [{id: 1, user_id: 1, amount: 5, day: 2026-01-01}]\r\n"
        b"expect:\r\n  partial: columns\r\n  rows: [{id: 2}]\r\n  ctes:\r\n    big:\r\n      partial: true\r\n      rows:\r\n      - {amount: 7}\r\n",
    )
    shop.cli("test", "--update").assert_exit(0)
    text = (shop.root / "tests/a.yml").read_bytes()
    assert b"\n" not in text.replace(b"\r\n", b"")
    assert text.endswith(
        b"  rows:\r\n    - {id: 1}\r\n  ctes:\r\n    big:\r\n      partial: true\r\n      rows:\r\n      - {amount: 5}\r\n"
    )


def test_what_cannot_be_written_is_said(shop):
    shop.write(
        "tests/a.yml",
        "name: a\nnode: totals\ninputs: {paid: [{country: MY, amount: 1}]}\nexpect: {rows: [{country: X, orders: 1, amount: 1}]}\n",
    )
    shop.write(
        "tests/b.yml",
        'name: b\nnode: totals\ninputs: {paid: [{country: MY, amount: 1}]}\nexpect:\n  csv: "country,orders,amount\\nX,1,1"\n',
    )
    shop.write("tests/c.yml", "name: c\nnode: totals\ninputs: {paid: [{country: MY, amount: 1}]}\nexpect:\n  columns: [country]\n")
    before = [shop.read(f"tests/{n}.yml") for n in "abc"]
    said = shop.cli("test", "--update").assert_exit(1).stderr
    assert "totals::a: not updated: 'rows' stands on the line of something else" in said
    assert "totals::b: left alone: rows are csv" in said
    assert "totals::c: the columns are yours to change" in said
    assert [shop.read(f"tests/{n}.yml") for n in "abc"] == before


def test_no_rows_and_rows_again(shop):
    shop.write(
        "tests/a.yml",
        "name: a\nnode: totals\ninputs:\n  paid: {columns: {country: VARCHAR, amount: INTEGER}, rows: []}\nexpect:\n  - {country: X, orders: 1, amount: 1}\n",
    )
    shop.cli("test", "--update").assert_exit(0)
    assert shop.read("tests/a.yml").endswith("expect: []\n")
    shop.edit("tests/a.yml", "rows: []", "rows: [{country: ID, amount: 4}]")
    shop.cli("test", "--update").assert_exit(0)
    assert outcomes(shop)["a"].status == "passed"
