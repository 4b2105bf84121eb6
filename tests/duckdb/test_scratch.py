"""What does not fit in memory goes to a folder of the database's own."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from seeknal.protocols import SessionSettings
from seeknal_duckdb.engine import DuckDBEngine
from seeknal_duckdb.scratch import own_folder

LARGE = "SELECT count(*) AS n FROM (SELECT DISTINCT i, md5(i::VARCHAR) AS m FROM range(1500000) AS t(i))"


def test_sessions_with_one_scratch_folder_do_not_mix_their_files(tmp_path: Path) -> None:
    scratch = tmp_path / "not" / "there yet"
    sessions = [DuckDBEngine().open(SessionSettings(scratch, memory_limit="50MB", threads=1)) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda session: session.rows(LARGE).rows, sessions))
    assert found == [[(1500000,)]] * 3
    for session in sessions:
        session.close()
    assert list(scratch.iterdir()) == []


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from seeknal_duckdb.scratch import own_folder;"
        "p = own_folder(Path(sys.argv[1])); p.mkdir(); (p / 'duckdb_temp_storage-0.tmp').write_bytes(b'x')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    (tmp_path / "somebody else's").mkdir()
    alive = own_folder(tmp_path)
    alive.mkdir()
    own_folder(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([alive.name, "somebody else's"])
    assert str(os.getpid()) in alive.name


def test_without_a_place_for_scratch_what_fits_in_memory_still_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    session = DuckDBEngine().open(SessionSettings(tmp_path / "file" / "scratch"))
    assert session.rows("SELECT 1").rows == [(1,)]
    session.close()
