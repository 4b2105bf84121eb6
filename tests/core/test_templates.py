"""Templates: what they may do, what they may not, and that neither time nor memory is theirs to waste."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from seeknal.errors import ProjectErrors

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectMaker


@pytest.mark.parametrize(
    ("template", "rows"),
    [
        ("SELECT {{ 1 + 2 }} AS n", [(3,)]),
        ("SELECT {% for i in range(3) %}{{ i }}{% if not loop.last %} + {% endif %}{% endfor %} AS n", [(3,)]),
        ("{% set xs = ['a', 'b'] %}SELECT '{{ xs | join('-') }}' AS s", [("a-b",)]),
        ("SELECT '{{ 'x' | upper }}' AS s, {{ [3, 1] | sort | first }} AS n", [("X", 1)]),
        ("{% macro one(n=1) %}{{ n }}{% endmacro %}SELECT {{ one() }} + {{ one(2) }} AS n", [(3,)]),
        ("SELECT '{{ this }}' AS t", [("transform_t",)]),
        ("{% if var('x', 0) > 1 %}SELECT 1 AS n{% else %}SELECT 2 AS n{% endif %}", [(2,)]),
        ("SELECT {{ {'a': 5}['a'] }} AS n, {{ 'abc'[1:] | length }} AS l", [(5, 2)]),
        ("SELECT {{ '%' }} 3 AS n", None),
        ("SELECT 7 {{ '%' }} 4 AS n", [(3,)]),
        ("{% raw %}SELECT '{{ x }}' AS s{% endraw %}", [("{{ x }}",)]),
    ],
)
def test_what_templates_can_do(project: ProjectMaker, template: str, rows: list[tuple] | None) -> None:
    folder = project({"seeknal/t.sql": template})
    outcome = folder.run()
    if rows is None:
        outcome.assert_failed(exit_code=2)
    else:
        outcome.assert_success()
        assert folder.rows("t") == rows


ESCAPES = [
    "''.__class__", "''.__class__.__mro__", "''['__class__']", "'' | attr('__class__')", "''|attr('__cla' ~ 'ss__')", "().__class__.__bases__[0].__subclasses__()", "{}.__class__.__init__.__globals__",
    "ref.__globals__", "ref.__code__", "ref.__closure__", "ref.__self__", "var.__globals__['os']", "env_var.__globals__.os.environ", "range.__self__", "this.__class__", "self.__init__.__globals__", "self._TemplateReference__context",
    "cycler.__init__.__globals__", "joiner.__init__.__globals__", "namespace.__init__.__globals__", "lipsum.__globals__", "lipsum()", "dict(a=1).__class__", "config", "request", "g", "get_flashed_messages",
    "'{0.__class__}'.format(1)", "'{0.__class__}'.format_map({'0': 1})", "'%s' % ref", "'{a.__init__.__globals__}'.format(a=ref)", "'%(a)s' | format(a=1)", "'x'.format", "'x'.__mod__", "''.join.__self__", "''.__add__", "[].append(1)", "[1].pop()", "{}.update({'a': 1})",
    "{}.setdefault('a', 1)", "[].sort()", "[].__init__", "caller", "varargs", "kwargs", "loop", "super()", "import os", "open('/etc/passwd')", "eval('1')", "exec('1')", "__import__('os')", "print(1)", "globals()", "getattr('', 'x')", "(1).__class__",
    "ref.func_globals", "(x for x in []).gi_frame", "[] | map(attribute='__class__') | list", "['a'] | map('upper') | list", "[ref] | map(attribute='__globals__') | list", "[''] | selectattr('__class__') | list", "[{'a': ref}] | groupby('a.__globals__') | list",
    "[ref] | sort(attribute='__globals__')", "[ref] | sum(attribute='__code__')", "[ref] | unique(attribute='__globals__') | list", "[ref] | rejectattr('__globals__') | list", "[ref] | max(attribute='__globals__')", "[ref] | min(attribute='__code__')",
    "ref|string|safe|forceescape", "joiner", "_counted.__self__", "_counted.__func__", "_joined.__globals__", "range(3).__class__", "range(3).__reduce__()", "range(3).__reduce_ex__(4)", "'x'.encode().__class__", "loop.__class__", "ref.__wrapped__", "var('x', ref).__globals__",
]  # fmt: skip


@pytest.mark.parametrize("expression", ESCAPES)
@pytest.mark.parametrize(
    "around",
    [
        "SELECT '{{{{ {} }}}}' AS x",
        "{{% set y = {} %}}SELECT '{{{{ y }}}}' AS x",
        "{{% for z in [1] %}}{{% if {} %}}SELECT 1 AS x{{% endif %}}{{% endfor %}}",
    ],
)
def test_there_is_no_way_out_of_the_sandbox(project: ProjectMaker, expression: str, around: str) -> None:
    folder = project({"seeknal/t.sql": around.format(expression)})
    try:
        text = folder.open().nodes["transform.t"].logic.sql
    except ProjectErrors:
        return
    for word in ("class", "builtin", "module", "environ", "bytecode", "generator", "root:"):
        assert word not in text, text


LOOPS = [
    "{{ 1.5 | round(1000000000, 'ceil') }}", "{{ (1).to_bytes(1000000000, 'big') | length }}", "{{ 1.5 | round(-1000000000, 'floor') }}",
    "{% for i in range(1000000000) %}x{% endfor %}", "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "{{ 'x' * 1000000000 }}", "{{ 'x' * 100000 * 100000 }}", "{{ [0] * 1000000000 }}", "{{ 10 ** 10 ** 10 }}", "{{ 2 ** 100000000 }}",
    "{{ 9 ** 9 ** 9 }}", "{{ 1 << 10000000000 }}", "{{ 'x' | center(1000000000) }}", "{{ 'x'.ljust(1000000000) }}", "{{ 'x'.rjust(10 ** 9) }}", "{{ 'x'.zfill(10 ** 9) }}", "{{ 'x'.center(10 ** 9) }}", "{{ '\\t'.expandtabs(1000000000) }}", "{{ '%1000000000d' % 1 }}",
    "{{ '%1000000000d' | format(1) }}", "{{ '{:1000000000}'.format(1) }}", "{{ 'a' | indent(1000000000) }}", "{{ 'a b' | wordwrap(1, wrapstring='x' * 900000) }}", "{{ ('a' * 900000).replace('a', 'b' * 900000) }}", "{{ ('a' * 900000) | replace('a', 'b' * 900000) }}",
    "{{ ('a' * 1000) | join('b' * 900000) }}", "{{ ('b' * 900000).join('a' * 900000) }}", "{% macro r() %}{{ r() }}{% endmacro %}{{ r() }}", "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
    "{% set x = 'x' * 900000 %}{% for i in range(100) %}{% set y = x ~ x %}{{ y }}{% endfor %}", "{% set ns = {'a': 'x'} %}{% for i in range(60) %}{% set x = (x or 'x') ~ (x or 'x') %}{% endfor %}", "{{ range(10 ** 18) }}", "{{ range(100000) | list | string | length }}{{ 'x' * 999999 }}{{ 'x' * 999999 }}",
    "{{ [[1] * 100000] * 100000 }}", "{{ (1, 2) * 100000000 }}", "{{ 'a' * -1 * -1000000000 }}", "{{ 3 * 'x' * 10 ** 9 }}", "{{ ('x' * 1000) * 1000 * 1000 }}", "{{ range(200000) | sum ** 100000 }}", "{{ ('x' * 1000000)|list|tojson|length }}{{ (('x' * 100000)|list * 9)|tojson }}",
    "{{ 'x' | truncate(1000000000) * 1000000 }}", "{{ ('x ' * 400000).split() | batch(1) | list | length }}", "{% for i in range(200000) %}{% endfor %}{% for i in range(200000) %}{% endfor %}", "{{ 1000000000 * [1] }}", "{{ ('a' * 500000) | urlencode * 10 }}", "{{ (10 ** 60) ** 60 ** 5 }}",
    "{% for i in range(3) recursive %}{{ loop(range(3)) }}{% endfor %}", "{{ ('é' * 900000) | urlencode | length }}{{ ('<' * 900000) | escape }}{{ ('<' * 900000) | e }}", "{{ [1] | tojson(indent=1000000000) }}", "{{ [[1]] | tojson(1000000000) }}", "{{ '1' | int(base=36) ** 99999999 }}",
    "{% set s = 'x' * 1000 %}{% for i in range(100000) %}{{ s }}{% endfor %}", "{{ 'x' | format * 1000000000 }}", "{{ ((('x' * 1000) | list) * 900) | join('y' * 900) }}", "{% call(x) range(1000000000) %}{% endcall %}", "{{ (range(200000) | list) * 200000 }}", "{{ ' ' * 999999 | wordcount }}" ,
]  # fmt: skip


@pytest.mark.parametrize("template", LOOPS, ids=range(len(LOOPS)))
def test_a_template_cannot_take_for_ever(project: ProjectMaker, template: str) -> None:
    folder = project({"seeknal/t.sql": f"SELECT 1 AS n -- {template}\n"})
    begun = time.process_time()
    try:
        text = folder.open().nodes["transform.t"].logic.sql
        assert len(text) < 2_000_000
    except ProjectErrors:
        pass
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "template",
    ["{% include 'x' %}", "{% import 'x' as y %}", "{% from 'x' import y %}", "{% extends 'x' %}", "{% include '/etc/passwd' %}", "{% include '../seeknal_project.yml' %}", "{{ nothing }}", "{{ ref }", "{% if %}", "{% endfor %}", "{{ ref('a', 'b', 'c') }}", "{{ ref() }}", "{{ ref(1) }}",
     "{{ var('nothing') }}", "{{ 1 / 0 }}", "{{ 'a' + 1 }}", "{{ [][5] }}", "{{ nothing.more }}", "{{ {}.a.b }}", "{% do 1 %}", "{% trans %}x{% endtrans %}", "{{ x | nothing }}", "{{ 1 is nothing }}", "{% set ref = 1 %}{{ ref('x') }}", "{{ loop }}", "{% break %}", "{{ ref('t') }}"],
)  # fmt: skip
def test_a_wrong_template_is_told_by_line(project: ProjectMaker, template: str) -> None:
    outcome = project({"seeknal/t.sql": f"SELECT 1 AS n\n\n  , '{template}' AS x"}).run().assert_failed(exit_code=2)
    assert "internal error" not in outcome.output
    assert "seeknal/t.sql:" in outcome.output or "cycle" in outcome.output


@pytest.mark.parametrize("template", ["{{ ref }}", "{{ var }}", "{% macro one() %}1{% endmacro %}{{ one }}", "{{ range }}"])
def test_a_function_that_is_not_called_is_a_mistake(project: ProjectMaker, template: str) -> None:
    outcome = project({"seeknal/t.sql": f"SELECT '{template}' AS x"}).run().assert_failed("SK-TPL-001", exit_code=2)
    assert "call it" in outcome.output


def test_a_wrong_macro_is_told_in_its_file(project: ProjectMaker) -> None:
    for text in ("{% macro x() %}\n{{ nothing( }}\n{% endmacro %}", "{% macro x() %}"):
        outcome = project({"macros/m.sql": text, "seeknal/t.sql": "SELECT {{ x() }}"}).run().assert_failed(exit_code=2)
        assert "macros/m.sql" in outcome.output


def test_macros_know_what_templates_know_and_each_other(project: ProjectMaker) -> None:
    folder = project({
        "macros/a.sql": "{% macro base() %}{{ ref('one') }}{% endmacro %}",
        "macros/b.sql": "{% macro plus(n) %}(SELECT n + {{ n }} AS n FROM {{ base() }}){% endmacro %}",
        "seeknal/one.sql": "SELECT 1 AS n",
        "seeknal/t.sql": "SELECT n FROM {{ plus(2) }}",
    })  # fmt: skip
    folder.run().assert_success()
    assert folder.rows("t") == [(3,)]
    assert folder.open().nodes["transform.t"].inputs == ("transform.one",)


def test_a_reference_in_a_branch_not_taken_is_no_edge(project: ProjectMaker) -> None:
    folder = project(
        {"seeknal/a.sql": "SELECT 1 AS n", "seeknal/t.sql": "{% if false %}SELECT * FROM {{ ref('a') }}{% else %}SELECT 2 AS n{% endif %}"}
    )
    assert folder.open().nodes["transform.t"].inputs == ()


def test_a_value_of_a_variable_is_text_and_never_a_template(project: ProjectMaker) -> None:
    folder = project({"seeknal/t.sql": "SELECT '{{ var('x') }}' AS s"}, x="{{ 1 + 1 }}")
    folder.run().assert_success()
    assert folder.rows("t") == [("{{ 1 + 1 }}",)]
