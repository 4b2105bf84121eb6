"""Nodes written in Python: what goes in and comes out, when they are built again, and where their errors are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectFolder, ProjectMaker

NUMBERS = {
    "data/a.csv": "id,v\n1,10\n2,20\n",
    "data/b.csv": "id,v\n1,7\n",
    "seeknal/a.yml": "kind: source\nname: a\ntype: csv\ntable: data/a.csv\n",
    "seeknal/b.yml": "kind: source\nname: b\ntype: csv\ntable: data/b.csv\n",
}

COUNTS = """\
import pyarrow as pa
from seeknal import transform


@transform(name="counts", inputs=["source.a", "source.b"])
def counts(first, second):
    return pa.table({"first": [first.num_rows], "second": [second.num_rows]})
"""

TOTAL = """\
import pyarrow as pa
import pyarrow.compute as pc
from seeknal import transform


@transform(name="total", inputs=["source.a"])
def total(rows: pa.Table) -> pa.Table:
    return pa.table({"total": [pc.sum(rows["v"]).as_py()]})
"""


@pytest.fixture
def total(project: ProjectMaker) -> ProjectFolder:
    folder = project({**NUMBERS, "seeknal/total.py": TOTAL})
    folder.run().assert_success()
    return folder


@pytest.mark.parametrize(
    ("imports", "annotation", "body"),
    [
        ("import pyarrow as pa", "pa.Table", "return rows.append_column('w', rows['v'])"),
        ("import pyarrow as pa", "pa.RecordBatchReader", "return rows.read_all().append_column('w', pa.array([10, 20]))"),
        ("import pandas as pd", "pd.DataFrame", "return rows.assign(w=rows.v)"),
        ("import polars as pl", "pl.DataFrame", "return rows.with_columns(w=pl.col('v'))"),
        ("import polars as pl", "pl.LazyFrame", "return rows.with_columns(w=pl.col('v')).collect()"),
    ],
)
def test_a_function_gets_what_its_annotation_asks_for(project: ProjectMaker, imports: str, annotation: str, body: str) -> None:
    code = f"{imports}\nfrom seeknal import transform\n\n@transform(inputs=['source.a'])\ndef t(rows: {annotation}):\n    {body}\n"
    folder = project({**NUMBERS, "seeknal/t.py": code})
    folder.run().assert_success()
    assert folder.rows("transform.t") == [(1, 10, 10), (2, 20, 20)]


def test_a_polars_lazy_frame_can_be_returned(project: ProjectMaker) -> None:
    code = """
        import polars as pl
        from seeknal import transform

        @transform(inputs=["source.a"])
        def t(rows: pl.LazyFrame) -> pl.LazyFrame:
            return rows.select(pl.col("id"))
        """
    folder = project({**NUMBERS, "seeknal/t.py": code})
    outcome = folder.run()
    if outcome.exit_code:
        outcome.assert_failed("SK-PY-011")
        assert "seeknal/t.py" in outcome.output
    else:
        assert folder.rows("transform.t") == [(1,), (2,)]


def test_sql_reads_a_python_node_and_the_other_way_round(project: ProjectMaker) -> None:
    folder = project({**NUMBERS, "seeknal/total.py": TOTAL, "seeknal/after.sql": "SELECT total + 1 AS n FROM {{ ref('total') }}"})
    folder.run().assert_success()
    assert folder.rows("transform.after") == [(31,)]


def test_a_source_in_python_is_called_in_every_run_and_equal_rows_change_nothing_downstream(project: ProjectMaker) -> None:
    code = """
        from pathlib import Path

        import pyarrow as pa
        from seeknal import source

        @source()
        def here() -> pa.Table:
            return pa.table({"n": [int(Path(__file__).with_name("n.txt").read_text())]})
        """
    folder = project({"seeknal/here.py": code, "seeknal/n.txt": "1", "seeknal/after.sql": "SELECT n + 1 AS n FROM {{ ref('here') }}"})
    folder.run().assert_success()
    again = folder.run().assert_success()
    assert again.reused == {"source.here", "transform.after"}
    folder.write("seeknal/n.txt", "2")
    assert folder.run().assert_success().built == {"source.here", "transform.after"}
    assert folder.rows("transform.after") == [(3,)]


def test_zero_rows_keep_their_columns(project: ProjectMaker) -> None:
    code = """
        import pyarrow as pa
        from seeknal import transform

        @transform(inputs=["source.a"])
        def none(rows: pa.Table) -> pa.Table:
            return rows.slice(0, 0)
        """
    folder = project({**NUMBERS, "seeknal/none.py": code, "seeknal/after.sql": "SELECT sum(v) AS v, count(*) AS n FROM {{ ref('none') }}"})
    folder.run().assert_success()
    assert (folder.columns("transform.none"), folder.rows("transform.none")) == (("id", "v"), [])
    assert folder.rows("transform.after") == [(None, 0)]


# When it is built again


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@transform(name", "# a comment\n@transform(name"),
        ("    return", '    """What it is for."""\n    return'),
        ("total(rows: pa.Table) -> pa.Table:", "total(rows: pa.Table) -> pa.Table:  # noqa"),
    ],
    ids=["comment", "docstring", "trailing comment"],
)
def test_comments_and_docstrings_build_nothing(total: ProjectFolder, old: str, new: str) -> None:
    total.edit("seeknal/total.py", old, new)
    assert total.run().assert_success().built == set()


def test_an_edit_of_the_function_builds_it(total: ProjectFolder) -> None:
    total.edit("seeknal/total.py", ".as_py()]", ".as_py() + 1]")
    outcome = total.run().assert_success()
    assert outcome.built == {"transform.total"}
    assert outcome.reason("transform.total") == "content changed"
    assert total.rows("transform.total") == [(31,)]


def test_swapped_inputs_are_another_question(project: ProjectMaker) -> None:
    folder = project({**NUMBERS, "seeknal/counts.py": COUNTS})
    folder.run().assert_success()
    assert folder.rows("transform.counts") == [(2, 1)]
    folder.edit("seeknal/counts.py", '"source.a", "source.b"', '"source.b", "source.a"')
    folder.run().assert_success()
    assert folder.rows("transform.counts") == [(1, 2)]


def test_one_node_can_be_two_inputs(project: ProjectMaker) -> None:
    folder = project({**NUMBERS, "seeknal/counts.py": COUNTS.replace('"source.b"', '"source.a"')})
    folder.run().assert_success()
    assert folder.rows("transform.counts") == [(2, 2)]


def test_a_constant_of_the_module_counts(project: ProjectMaker) -> None:
    folder = project({**NUMBERS, "seeknal/total.py": TOTAL.replace("\n\n\n", "\n\nRATE = 2\n\n").replace(".as_py()", ".as_py() * RATE")})
    folder.run().assert_success()
    folder.edit("seeknal/total.py", "RATE = 2", "RATE = 3")
    folder.run().assert_success()
    assert folder.rows("transform.total") == [(90,)]


def test_a_decorator_of_ones_own_counts(project: ProjectMaker) -> None:
    code = """
        import pyarrow as pa
        from seeknal import transform

        def times(n):
            def wrap(function):
                def inner(rows):
                    return pa.table({"n": [function(rows).num_rows * n]})
                return inner
            return wrap

        @transform(inputs=["source.a"])
        @times(2)
        def t(rows):
            return rows
        """
    folder = project({**NUMBERS, "seeknal/t.py": code})
    folder.run().assert_success()
    assert folder.rows("transform.t") == [(4,)]
    folder.edit("seeknal/t.py", "@times(2)", "@times(5)")
    folder.run().assert_success()
    assert folder.rows("transform.t") == [(10,)]


def test_another_node_of_the_file_that_is_called_counts_and_one_that_is_not_does_not(project: ProjectMaker) -> None:
    code = """
        import pyarrow as pa
        from seeknal import transform

        @transform(inputs=["source.a"])
        def one(rows):
            return pa.table({"n": [1]})

        @transform(inputs=["source.a"])
        def uses_one(rows):
            return pa.table({"n": [one(rows)["n"][0].as_py() + 10]})

        @transform(inputs=["source.a"])
        def alone(rows):
            return pa.table({"n": [0]})
        """
    folder = project({**NUMBERS, "seeknal/t.py": code})
    folder.run().assert_success()
    folder.edit("seeknal/t.py", '{"n": [1]}', '{"n": [2]}')
    assert folder.run().assert_success().built == {"transform.one", "transform.uses_one"}
    assert folder.rows("transform.uses_one") == [(12,)]


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("seeknal/rates.py", "from rates import RATE"),
        ("rates.py", "import rates; RATE = rates.RATE"),
        ("lib/rates.py", "from lib.rates import RATE"),
        ("lib/__init__.py", "from lib import RATE"),
        ("seeknal/lib/rates.py", "import lib.rates\nRATE = lib.rates.RATE"),
    ],
)
def test_a_module_of_the_project_that_is_imported_counts(project: ProjectMaker, module: str, statement: str) -> None:
    code = TOTAL.replace("import pyarrow as pa\n", f"import pyarrow as pa\n{statement}\n", 1).replace(".as_py()", ".as_py() * RATE")
    folder = project({**NUMBERS, module: "RATE = 2\n", "seeknal/total.py": code})
    folder.run().assert_success()
    assert folder.rows("transform.total") == [(60,)]
    folder.write(module, "RATE = 3\n")
    outcome = folder.run().assert_success()
    assert outcome.built == {"transform.total"}
    assert folder.rows("transform.total") == [(90,)]


def test_a_module_imported_by_an_imported_one_counts(project: ProjectMaker) -> None:
    code = TOTAL.replace("import pyarrow as pa\n", "import pyarrow as pa\nfrom lib.rates import RATE\n", 1).replace("_py()", "_py() * RATE")
    folder = project(
        {**NUMBERS, "lib/rates.py": "from .base import BASE\nRATE = BASE\n", "lib/base.py": "BASE = 2\n", "seeknal/total.py": code}
    )
    folder.run().assert_success()
    folder.write("lib/base.py", "BASE = 4\n")
    folder.run().assert_success()
    assert folder.rows("transform.total") == [(120,)]


def test_the_package_around_an_imported_module_counts(project: ProjectMaker) -> None:
    code = TOTAL.replace("import pyarrow as pa\n", "import pyarrow as pa\nfrom lib.rates import rate\n", 1).replace(
        "_py()", "_py() * rate()"
    )
    files = {"lib/__init__.py": "RATE = 2\n", "lib/rates.py": "import lib\ndef rate():\n    return lib.RATE\n", "seeknal/total.py": code}
    folder = project({**NUMBERS, **files})
    folder.run().assert_success()
    folder.write("lib/__init__.py", "RATE = 5\n")
    folder.run().assert_success()
    assert folder.rows("transform.total") == [(150,)]


def test_an_import_inside_the_function_works_and_counts(project: ProjectMaker) -> None:
    code = TOTAL.replace("    return", "    from lib.rates import RATE\n    return").replace("_py()", "_py() * RATE")
    folder = project({**NUMBERS, "lib/rates.py": "RATE = 2\n", "seeknal/total.py": code})
    folder.run().assert_success()
    assert folder.rows("transform.total") == [(60,)]
    folder.write("lib/rates.py", "RATE = 3\n")
    folder.run().assert_success()
    assert folder.rows("transform.total") == [(90,)]


def test_two_projects_with_modules_of_one_name_do_not_mix(project: ProjectMaker) -> None:
    code = TOTAL.replace("import pyarrow as pa\n", "import pyarrow as pa\nfrom rates import RATE\n", 1).replace("_py()", "_py() * RATE")
    one = project({**NUMBERS, "seeknal/rates.py": "RATE = 1\n", "seeknal/total.py": code})
    two = project({**NUMBERS, "seeknal/rates.py": "RATE = 2\n", "seeknal/total.py": code})
    one.run().assert_success()
    two.run().assert_success()
    assert (one.rows("transform.total"), two.rows("transform.total")) == ([(30,)], [(60,)])


def test_a_run_leaves_no_compiled_files_among_the_projects_own(total: ProjectFolder) -> None:
    assert not list(total.root.glob("seeknal/**/__pycache__"))


# What is wrong with it


def test_an_exception_is_shown_at_the_users_line(project: ProjectMaker) -> None:
    code = TOTAL.replace("    return", "    rows = rows['nothing']\n    return")
    outcome = project({**NUMBERS, "seeknal/total.py": code}).run()
    outcome.assert_failed("SK-PY-010", exit_code=1)
    assert "seeknal/total.py:8:" in outcome.output
    assert "nothing" in outcome.output


def test_an_exception_in_an_imported_module_is_shown_there(project: ProjectMaker) -> None:
    code = TOTAL.replace("import pyarrow as pa\n", "import pyarrow as pa\nfrom lib.rates import rate\n", 1).replace(
        "_py()", "_py() * rate()"
    )
    outcome = project({**NUMBERS, "lib/rates.py": "def rate():\n\n    return 1 / 0\n", "seeknal/total.py": code}).run()
    outcome.assert_failed("SK-PY-010")
    assert "lib/rates.py:3:" in outcome.output


@pytest.mark.parametrize(("value", "word"), [("None", "NoneType"), ("[1, 2]", "list"), ("{'a': [1]}", "dict"), ("'x'", "str")])
def test_a_return_value_that_is_no_table_is_refused(project: ProjectMaker, value: str, word: str) -> None:
    code = f"from seeknal import transform\n\n@transform(inputs=['source.a'])\ndef t(rows):\n    return {value}\n"
    outcome = project({**NUMBERS, "seeknal/t.py": code}).run()
    outcome.assert_failed("SK-PY-011", exit_code=1)
    assert word in outcome.output
    assert "seeknal/t.py:4" in outcome.output


def test_a_missing_package_is_named_with_how_to_install_it(project: ProjectMaker) -> None:
    outcome = project({**NUMBERS, "seeknal/total.py": "import no_such_package\n" + TOTAL}).run()
    outcome.assert_failed("SK-PY-010", exit_code=1)
    assert "pip install no_such_package" in outcome.output
    assert "seeknal/total.py:1:" in outcome.output


@pytest.mark.parametrize(
    ("code", "error", "place"),
    [
        ("@transform(inputs=['source.a'])\nasync def t(rows):\n    return rows\n", "SK-PY-003", "seeknal/t.py:3"),
        ("@transform(inputs=NAMES)\ndef t(rows):\n    return rows\n", "SK-PY-002", "seeknal/t.py:2"),
        ("@transform(name='t' + '2', inputs=['source.a'])\ndef t(rows):\n    return rows\n", "SK-PY-002", "seeknal/t.py:2"),
        ("@transform(**ARGS)\ndef t(rows):\n    return rows\n", "SK-PY-002", "seeknal/t.py:2"),
        ("@transform('t')\ndef t(rows):\n    return rows\n", "SK-PY-002", "seeknal/t.py:2"),
        ("@transform(inputs=['source.a'])\ndef t(rows, more):\n    return rows\n", "SK-PY-004", "seeknal/t.py:3"),
        ("@transform(inputs=['source.a'])\ndef t():\n    return rows\n", "SK-PY-004", "seeknal/t.py:3"),
        ("@transform(inputs=['source.aa'])\ndef t(rows):\n    return rows\n", "SK-REF-001", "seeknal/t.py:2:20"),
        ("@transform(inputs=['source.a'], tag='x')\ndef t(rows):\n    return rows\n", "SK-KEY-001", "seeknal/t.py:2:33"),
        ("@transform(inputs=['source.a'])\ndef t(rows)\n    return rows\n", "SK-PY-001", "seeknal/t.py:3"),
        ("@transform(inputs='source.a')\ndef t(rows):\n    return rows\n", None, "seeknal/t.py"),
        ("@transform(inputs=[1])\ndef t(rows):\n    return rows\n", "SK-KEY-003", "seeknal/t.py:2"),
        ("@transform(name='a b', inputs=['source.a'])\ndef t(rows):\n    return rows\n", "SK-KEY-004", "seeknal/t.py:2"),
        ("@transform(inputs=['source.a'])\ndef t(rows):\n    return '\\\n", "SK-PY-001", "seeknal/t.py"),
    ],
)
def test_what_cannot_be_read_without_running_it_is_refused_in_its_place(project: ProjectMaker, code: str, error: str, place: str) -> None:
    outcome = project({**NUMBERS, "seeknal/t.py": "from seeknal import transform\n" + code}).run()
    outcome.assert_failed(error, exit_code=2)
    assert place in outcome.output


def test_a_file_is_not_run_by_parsing(project: ProjectMaker) -> None:
    folder = project({**NUMBERS, "seeknal/total.py": "raise SystemExit('run')\n" + TOTAL})
    assert "transform.total" in folder.open().nodes


@pytest.mark.parametrize(
    "statement", ["raise SystemExit(3)", "import sys; sys.exit()", "raise KeyboardInterrupt", "raise BaseException('x')"]
)
def test_a_function_that_tries_to_end_the_process_fails_like_any_other(project: ProjectMaker, statement: str) -> None:
    code = TOTAL.replace("    return", f"    {statement}\n    return")
    folder = project({**NUMBERS, "seeknal/total.py": code})
    done = folder.cli("run")
    done.assert_failed(exit_code=1)
    assert "transform.total" in done.output


def test_deep_and_odd_python_is_an_error_and_not_a_crash(project: ProjectMaker) -> None:
    for text in ["x = " + "(" * 3000 + ")" * 3000, "x = '" + "\\N{nothing}" + "'", "def f(:\n", "\tx = 1\n  y = 2\n", "x = 1\f\x01"]:
        folder = project({"seeknal/odd.py": text + "\n"})
        assert folder.run().exit_code in (0, 2)
