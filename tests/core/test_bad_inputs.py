"""Every broken project of the shared collection: each is refused, or works, the way its manifest says."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seeknal.testing.commands import seeknal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.testing import CommandOutcome

CASES = Path(__file__).resolve().parents[3] / "shared/cases/bad_inputs"
MANIFEST = json.loads((CASES / "manifest.json").read_text()) if CASES.is_dir() else {"cases": []}
FLATTENED = "048"
"""Its point is a link, which the collection could not keep; it has a test of its own below."""


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared collection of broken projects is not beside this clone")
def test_the_collection_is_there() -> None:
    assert len(MANIFEST["cases"]) > 40


@pytest.mark.parametrize("case", MANIFEST["cases"], ids=[c["id"] for c in MANIFEST["cases"]])
def test_a_broken_project_is_handled_as_the_manifest_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: dict[str, Any]) -> None:
    if case["id"].startswith(FLATTENED):
        pytest.skip("the link it is about was flattened in the collection")
    folder, canary = tmp_path / "p", tmp_path / "canary"
    shutil.copytree(CASES / "base", folder)
    monkeypatch.delenv("STARROCKS_PASSWORD", raising=False)
    env = case.get("env", {})
    if case["command"] == "run" and "previous_good_outputs_kept" in case["invariants"]:
        assert _seeknal(folder, "run", env=env).exit_code == 0
    before = _tree(folder / "target")
    if (CASES / case["dir"]).exists():  # the collection cannot keep an empty folder
        shutil.copytree(CASES / case["dir"], folder, dirs_exist_ok=True, symlinks=True)
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and b"@CANARY@" in path.read_bytes():
            path.write_bytes(path.read_bytes().replace(b"@CANARY@", str(canary).encode()))
    done = _seeknal(folder, case["command"], *(a.replace("@CANARY@", str(canary)) for a in case.get("args", [])), env=env)
    _judge(case, done, _tree(folder), before)
    assert not canary.exists(), "the project's text was executed"


def _judge(case: dict[str, Any], done: CommandOutcome, tree: dict[str, bytes], before: dict[str, bytes]) -> None:
    output = done.stdout + done.stderr
    assert "Traceback (most recent call last)" not in output
    assert "internal error" not in output, output
    assert done.exit_code >= 0, f"killed by signal {-done.exit_code}"
    if case["exit"] == "zero":
        assert done.exit_code == 0, output
    if case["exit"] == "nonzero":
        assert done.exit_code != 0, output
        assert done.exit_code == (2 if case["stage"] == "parse" else done.exit_code), output
        if case["file"]:
            assert Path(case["file"]).name in output
        if case["line"]:
            lines = case["line"] if isinstance(case["line"], list) else [case["line"]]
            assert any(f":{line}:" in output or f"line {line}" in output for line in lines), output
        if case["must_mention_any"]:
            assert any(word in output for word in case["must_mention_any"]), output
    for word in case["must_not_mention"]:
        assert word not in output
        if word.startswith("S3CRET"):
            holders = [n for n, data in tree.items() if word.encode() in data and not n.startswith("profiles")]
            assert not holders, f"{word} is in {holders}"
    if "target_unchanged" in case["invariants"]:
        after = {n.removeprefix("target/"): d for n, d in tree.items() if n.startswith("target/")}
        only = case["dir"].endswith("future")
        assert only or _without_savings(after) == _without_savings(before)


def _without_savings(tree: dict[str, bytes]) -> dict[str, str]:
    """Every file but those that only save time: they hold what was read, not what was built."""
    return {n: hashlib.sha256(d).hexdigest() for n, d in tree.items() if n not in ("settings.json", "parsed.json")}


def _tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file() and not p.is_symlink()}


def _seeknal(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> CommandOutcome:
    return seeknal(*arguments, cwd=folder, env=env, timeout=60)


def test_a_source_may_not_lead_out_of_the_project_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("secret\nTOP-SECRET-VALUE\n")
    folder = tmp_path / "p"
    (folder / "seeknal").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "seeknal_project.yml").write_text("name: x\n")
    (folder / "data/link.csv").symlink_to(outside)
    (folder / "data/folder").symlink_to(tmp_path)
    for table in ("data/link.csv", "data/*.csv", "data/folder/outside.csv", "data/folder/*.csv", str(outside), "../outside.csv"):
        (folder / "seeknal/s.yml").write_text(f"kind: source\nname: s\ntype: csv\ntable: {table}\n")
        if "*" not in table:
            assert _seeknal(folder, "plan").exit_code == 2
        done = _seeknal(folder, "run")
        assert done.exit_code in (1, 2), f"{table}: {done.stdout}{done.stderr}"
        assert "SK-PATH-001" in done.stderr, done.stderr
        assert "TOP-SECRET-VALUE" not in done.stdout + done.stderr
    (folder / "seeknal_project.yml").write_text("name: x\nexternal_paths: [..]\n")
    assert _seeknal(folder, "run").exit_code == 0


@pytest.mark.parametrize("kind", ["link to nothing", "folder", "link to itself", "no permission", "link to a folder"])
def test_odd_things_among_the_nodes_are_no_crash(tmp_path: Path, kind: str) -> None:
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "seeknal_project.yml").write_text("name: x\n")
    (tmp_path / "seeknal/a.sql").write_text("SELECT 1 AS n")
    odd = tmp_path / "seeknal/odd.yml"
    match kind:
        case "link to nothing":
            odd.symlink_to(tmp_path / "nothing.yml")
        case "link to itself":
            odd.symlink_to(odd)
        case "folder":
            odd.mkdir()
        case "link to a folder":
            odd.symlink_to(tmp_path / "seeknal")
        case _:
            odd.write_text("kind: rule")
            odd.chmod(0)
    done = _seeknal(tmp_path, "plan")
    assert done.exit_code in (0, 2), done.stderr
    assert "internal error" not in done.stderr


def test_a_pipe_among_the_nodes_or_the_data_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "seeknal_project.yml").write_text("name: x\n")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "seeknal/s.yml").write_text("kind: source\nname: s\ntype: csv\ntable: pipe.csv\n")
    done = _seeknal(tmp_path, "run")
    assert done.exit_code in (1, 2)
    assert "internal error" not in done.stderr
    os.mkfifo(tmp_path / "seeknal/pipe.yml")
    done = _seeknal(tmp_path, "plan")
    assert done.exit_code in (0, 2)
    assert "internal error" not in done.stderr
