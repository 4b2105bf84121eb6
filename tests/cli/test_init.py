"""`seeknal init`."""

from __future__ import annotations

from pathlib import Path

import pytest

from seeknal.testing.commands import seeknal

EXAMPLES = Path(__file__).parents[2] / "examples"


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("options", [(), ("--example",)])
def test_a_new_project_runs_as_it_is(tmp_path, options):
    seeknal("init", "shop", *options, cwd=tmp_path).assert_success()
    seeknal("parse", cwd=tmp_path / "shop").assert_success()
    outcome = seeknal("run", cwd=tmp_path / "shop").assert_success()
    assert " 0 failed" in outcome.stdout
    assert ", 0 reused" in outcome.stdout or ", 1 reused" in outcome.stdout  # a documented dashboard is never built


def test_the_example_warns_of_missing_emails(tmp_path):
    seeknal("init", "shop", "--example", cwd=tmp_path).assert_success()
    outcome = seeknal("run", cwd=tmp_path / "shop").assert_success()
    assert "not_null(email): 3 failing rows" in outcome.stderr
    assert (tmp_path / "shop/out/revenue_by_day.csv").is_file()


def test_the_example_is_the_one_in_examples(tmp_path):
    seeknal("init", "shop", "--example", cwd=tmp_path).assert_success()
    kept = {
        path: data
        for path, data in tree(EXAMPLES / "shop").items()
        if not path.startswith(("target/", "out/")) and "__pycache__" not in path
    }
    assert tree(tmp_path / "shop") == kept


@pytest.mark.parametrize("name", [(), (".",)])
def test_without_a_name_the_project_is_here(tmp_path, name):
    folder = tmp_path / "my_shop"
    folder.mkdir()
    seeknal("init", *name, cwd=folder).assert_success()
    assert (folder / "seeknal_project.yml").read_text().startswith("name: my_shop\n")


def test_next_steps_are_commands_that_work(tmp_path):
    outcome = seeknal("init", "my shop", cwd=tmp_path).assert_success()
    steps = [line.strip() for line in outcome.stderr.partition("next:\n")[2].splitlines()]
    assert steps[0] == "cd 'my shop'"
    for step in steps[1:]:
        seeknal(*step.split()[1:], cwd=tmp_path / "my shop").assert_success()


def test_what_a_user_made_is_never_overwritten(tmp_path):
    (tmp_path / "shop/data").mkdir(parents=True)
    (tmp_path / "shop/profiles.yml").write_text("mine\n")
    (tmp_path / "shop/data/people.csv").write_text("mine\n")
    before = tree(tmp_path)
    outcome = seeknal("init", "shop", cwd=tmp_path).assert_failed("SK-INIT-001", exit_code=2)
    assert "profiles.yml" in outcome.stderr
    assert "data/people.csv" in outcome.stderr
    assert tree(tmp_path) == before


def test_a_project_is_not_started_twice(tmp_path):
    seeknal("init", "shop", cwd=tmp_path).assert_success()
    before = tree(tmp_path)
    outcome = seeknal("init", "shop", "--example", cwd=tmp_path).assert_failed("SK-INIT-001", exit_code=2)
    assert "is a seeknal project already" in outcome.stderr
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["notes.txt", "notes.txt/shop"])
def test_a_file_in_the_way_is_named(tmp_path, name):
    (tmp_path / "notes.txt").write_text("mine")
    outcome = seeknal("init", name, cwd=tmp_path).assert_failed("SK-INIT-001", exit_code=2)
    assert "is a file, not a folder" in outcome.stderr


def test_a_folder_that_cannot_be_written_is_named():
    outcome = seeknal("init", "/proc/shop", cwd=Path("/")).assert_failed("SK-INIT-002", exit_code=2)
    assert "/proc/shop" in outcome.stderr


@pytest.mark.parametrize(
    ("folder", "name"), [("2026 figures", "project_2026_figures"), ("my.shop", "my_shop"), ("été", "t"), ("-", "project")]
)
def test_a_folders_name_becomes_a_projects_name(tmp_path, folder, name):
    (tmp_path / folder).mkdir()
    seeknal("init", cwd=tmp_path / folder).assert_success()
    assert f"name: {name}\n" in (tmp_path / folder / "seeknal_project.yml").read_text()
    seeknal("parse", cwd=tmp_path / folder).assert_success()


def test_a_project_inside_another_is_mentioned(tmp_path):
    seeknal("init", cwd=tmp_path).assert_success()
    outcome = seeknal("init", "inner", cwd=tmp_path).assert_success()
    assert "inside another project" in outcome.stderr


def test_a_fresh_repository_keeps_its_own_readme_and_gitignore(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / ".gitignore").write_text("secret/")
    seeknal("init", ".", cwd=tmp_path).assert_success()
    assert (tmp_path / "README.md").read_text() == "mine"
    assert (tmp_path / ".gitignore").read_text() == "secret/"
