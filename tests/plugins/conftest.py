"""Distributions that are installed for one test: metadata and one module in a folder on the path."""

from __future__ import annotations

import os
import sys
from itertools import count
from textwrap import dedent

import pytest

NUMBERS = count(1)


class Site:
    """A folder that distributions are installed in. `env` lets other processes see them."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self.folder.mkdir()
        monkeypatch.syspath_prepend(str(folder))

    @property
    def env(self):
        return {"PYTHONPATH": os.pathsep.join([str(self.folder), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]).rstrip(os.pathsep)}

    def install(self, distribution, code, *, version="1.0", name=None):
        """Install a distribution whose plugin module holds `code`. Returns the module's name."""
        module = f"plugin_of_a_test_{next(NUMBERS)}"
        (self.folder / f"{module}.py").write_text("from seeknal.plugin import *\n" + dedent(code))
        metadata = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (metadata / "entry_points.txt").write_text(f"[seeknal]\n{name or distribution} = {module}\n")
        return module


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.delenv("SEEKNAL_PLUGINS", raising=False)
    yield Site(tmp_path / "site", monkeypatch)
    for module in [m for m in sys.modules if m.startswith("plugin_of_a_test_")]:
        del sys.modules[module]
