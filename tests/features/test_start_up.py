"""A project with features starts as quickly as any."""

from __future__ import annotations

import json
import subprocess
import sys

REPORT = """
import json, sys
from seeknal.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert end.code == 0
print("\\n" + json.dumps(sorted(sys.modules)))
"""


def test_a_run_that_builds_nothing_imports_neither_engine_nor_parsers(built):
    built.write("seeknal/churn.yml", "kind: training_set\nname: churn\nspine: source.labels\nas_of: asked_at\nfeatures: [spend.*]\n")
    built.cli("run").assert_success()
    built.cli("run").assert_success()
    done = subprocess.run([sys.executable, "-c", REPORT, "run"], cwd=built.root, capture_output=True, text=True, check=True, timeout=60)
    modules = {m.partition(".")[0] for m in json.loads(done.stdout.rstrip().rpartition("\n")[2])}
    assert not modules & {"pydantic", "jinja2", "sqlglot", "rich", "duckdb", "pyarrow", "yaml"}
