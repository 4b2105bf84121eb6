"""Parquet files between here and StarRocks: `via: files`."""

import datetime as dt
import uuid
from decimal import Decimal

import pyarrow as pa
import pytest
from pyarrow import fs
from tests.servers import running_object_storage
from tests.starrocks.test_loading import deploy, read

from seeknal.connections import failed_step
from seeknal_starrocks.driver import StarRocksConnection
from seeknal_starrocks.names import TableName
from seeknal_starrocks.settings import Login
from seeknal_starrocks.stage import Folder, Stage

SECRET = 'hunter2"hunter\\2'
S3 = {"path": "s3://bucket/some/folder", "s3_region": "us-west-2", "s3_access_key": "AKIA5EEKNAL", "s3_secret_key": SECRET}


def test_the_statement_is_the_documentation_s():
    folder = Folder(Stage.of(S3 | {"s3_endpoint": "http://minio:9000"}), "seeknal_load_1", 1)
    assert folder.statement(TableName("t", "db"), {"id": False, "doc": True}) == (
        "INSERT INTO `db`.`t` (`id`, `doc`) SELECT `id`, parse_json(`doc`) FROM FILES("
        '"path" = "s3://bucket/some/folder/seeknal_load_1/*.parquet", "format" = "parquet", "aws.s3.use_instance_profile" = "false",'
        ' "aws.s3.access_key" = "AKIA5EEKNAL", "aws.s3.secret_key" = "hunter2\\"hunter\\\\2", "aws.s3.region" = "us-west-2",'
        ' "aws.s3.endpoint" = "http://minio:9000", "aws.s3.enable_ssl" = "false", "aws.s3.enable_path_style_access" = "true")'
    )


def test_without_keys_the_roles_of_the_machines_count():
    stage = Stage.of({"path": "s3://b", "s3_region": "eu-west-1", "properties": {"aws.s3.iam_role_arn": "arn:aws:iam::1:role/r"}})
    assert stage.pairs() == {
        "aws.s3.use_instance_profile": "true",
        "aws.s3.region": "eu-west-1",
        "aws.s3.iam_role_arn": "arn:aws:iam::1:role/r",
    }
    assert Stage.of({"path": "file:///mnt/shared"}).pairs() == {}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "no 'path'"),
        ("s3://b", "no mapping"),
        ({"pth": "s3://b"}, "no setting 'pth'"),
        ({"path": "bucket/folder"}, "'bucket/folder'"),
        ({"path": "gs://bucket"}, "'gs://bucket'"),
        ({"path": "file://shared"}, "cannot be used"),
        ({"path": "s3://b/*"}, "cannot be used"),
        ({"path": "s3://b", "s3_regoin": "x"}, "'s3_regoin'"),
        ({"path": "s3://b", "s3_access_key": "x"}, "needs both"),
        ({"path": "s3://b", "s3_endpoint": "minio:9000"}, "'minio:9000'"),
    ],
)
def test_a_stage_that_cannot_be_used_is_said(fails, settings, words):
    with fails("SK-CONN-009", words):
        Login.of({"host": "h", "user": "u", "stage": settings})
    assert SECRET not in repr(Login.of({"host": "h", "user": "u", "stage": S3}))


@pytest.mark.parametrize(
    "wish", [{"path": "s3://AKIA:hunter2@bucket"}, {"path": "s3a://AKIA:hunter2@b"}, {"s3_endpoint": "http://AKIA:hunter2@minio:9000"}]
)
def test_keys_in_a_place_are_refused_and_not_shown(fails, wish):
    with fails("SK-CONN-009", "holds an account") as caught:
        Stage.of({"path": "s3://bucket", **wish})
    assert "hunter2" not in str(caught.value)


def test_what_must_not_be_shown_is_known_by_any_spelling_and_longest_first():
    found = Stage.of(
        {"path": "s3://b", "s3_access_key": "AK", "s3_secret_key": "AKother", "properties": {"AWS.S3.Session_Token": "long enough"}}
    )
    assert found.secrets == ("long enough", "AKother", "AK")


def test_types_that_parquet_and_starrocks_do_not_share_are_turned_into_such(loading, standin, table):
    at = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
    struct = pa.struct([("x", pa.uint8()), ("at", pa.timestamp("ms", "Asia/Tokyo"))])
    data = pa.table(
        {
            "id": pa.array([1, 2], pa.uint32()),
            "largest": pa.array([2**64 - 1, None], pa.uint64()),
            "at": pa.array([at, None], pa.timestamp("ms", "America/New_York")),
            "key": pa.array([uuid.UUID(int=7).bytes, None], pa.uuid()),
            "doc": pa.array(['{"a": [1, null]}', None], pa.json_()),
            "word": pa.array(["x", None]).dictionary_encode(),
            "half": pa.array([0.5, None], pa.float16()),
            "bytes": pa.array([b"\x00\\'", None], pa.large_binary()),
            "things": pa.array([[{"x": 255, "at": at}], None], pa.list_(struct)),
            "counts": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int32())),
            "nothing": pa.nulls(2),
        }
    )
    assert deploy(loading, table, data, via="files") == 2
    rows = standin.db.cursor().execute(f"SELECT * FROM default_catalog.analytics.{table} ORDER BY id").fetchall()
    naive = at.replace(tzinfo=None)
    assert rows[0][:4] == (1, 2**64 - 1, naive, str(uuid.UUID(int=7)))
    assert rows[0][4].replace(" ", "") == '{"a":[1,null]}'
    assert rows[0][5:] == ("x", 0.5, b"\x00\\'", [{"x": 255, "at": naive}], {"a": 1}, None)
    assert set(rows[1][1:]) == {None}
    made = next(s for s in standin.statements if s.startswith("INSERT INTO") and "FILES(" in s)
    before = standin.statements[: standin.statements.index(made)]
    assert "SET time_zone = '+00:00'" in before


@pytest.mark.parametrize(
    "array", [pa.array([float("nan")]), pa.array([[float("inf")]]), pa.array([{"x": [float("nan")]}]), pa.array([2**40], pa.timestamp("s"))]
)
def test_values_starrocks_has_not_are_refused_and_nothing_stays(loading, standin, tmp_path, table, fails, array):
    with fails("SK-CONN-005", "column 'v'"):
        deploy(loading, table, pa.table({"id": [1], "v": array}), via="files")
    assert list((tmp_path / "stage").iterdir()) == []
    assert [n for n, _ in standin.relations() if n[0] == "analytics"] == []


def test_files_are_removed_after_the_load_and_those_of_killed_ones_before(loading, standin, tmp_path, table):
    deploy(loading, table, pa.table({"id": [1]}), via="files")
    staging = next(s for s in standin.statements if "FILES(" in s).split("/stage/")[1].split("/")[0]
    killed = tmp_path / "stage" / f"{staging[:-6]}0123ab"
    killed.mkdir()
    (killed / "00000.parquet").write_bytes(b"")
    (tmp_path / "stage" / "somebody_else_s").mkdir()
    deploy(loading, table, pa.table({"id": [2]}), via="files", mode="append", key="k2")
    assert [p.name for p in (tmp_path / "stage").iterdir()] == ["somebody_else_s"]
    assert read(loading, table)["id"].to_pylist() == [1, 2]
    assert deploy(loading, table, pa.table({"id": pa.array([], pa.int64())}), via="files") == 0
    assert read(loading, table)["id"].to_pylist() == []


def test_many_rows_become_several_files(tmp_path):
    rows = pa.table({"id": pa.array(range(100_000)), "t": [uuid.uuid4().hex for _ in range(100_000)]})
    folder = Folder(Stage.of({"path": f"file://{tmp_path}"}), "f", 1)
    from seeknal_starrocks import encoding

    whole = list(encoding.groups(rows.to_reader(), most_bytes=1 << 20))
    assert len(whole) == 3
    assert pa.concat_tables(whole).equals(rows)
    assert folder.write(rows.to_reader(), file_bytes=1) == 100_000
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_without_a_stage_files_are_refused(settings, fails, table):
    with fails("SK-CONN-009", "needs a stage"):
        deploy(StarRocksConnection(**settings), table, pa.table({"id": [1]}), via="files")


def test_the_connection_test_has_a_step_for_it(settings, standin, tmp_path, fails):
    steps = {s.name: s.detail for s in StarRocksConnection(**settings | {"stage": {"path": f"file://{tmp_path}"}}).steps()}
    assert steps["stage"] == f"file://{tmp_path}: written from here and read by the server"
    assert list(tmp_path.iterdir()) == []
    with fails("SK-SR-004", "stage file:///proc/nosuch") as caught:
        list(StarRocksConnection(**settings | {"stage": {"path": "file:///proc/nosuch"}}).steps())
    assert failed_step(caught.value) == "stage"


# Object storage: moto's S3 server, a process of its own because its libraries and ours want different versions of others --


@pytest.fixture(scope="module")
def s3():
    with running_object_storage() as address:
        yield address


@pytest.fixture
def bucket(s3):
    """A bucket of its own, as settings of a stage, and the file system to look into it."""
    name = f"b{uuid.uuid4().hex[:10]}"
    storage = fs.S3FileSystem(
        access_key="AKIA5EEKNAL", secret_key=SECRET, endpoint_override=s3, region="us-west-2", allow_bucket_creation=True
    )
    storage.create_dir(name)
    return S3 | {"path": f"s3://{name}/folder", "s3_endpoint": s3}, storage, name


def test_rows_go_through_object_storage_and_leave_nothing_there(settings, standin, bucket, table):
    stage, storage, name = bucket
    driver = StarRocksConnection(**settings | {"stage": stage})
    data = pa.table({"id": [1, 2], "amount": pa.array([Decimal("1.10"), None], pa.decimal128(30, 2))})
    for rows in (data, data.slice(1)):
        assert deploy(driver, table, rows, via="files") == rows.num_rows
        assert read(driver, table).to_pylist() == rows.to_pylist()
    large = pa.table({"id": range(200_000), "t": [uuid.uuid4().hex for _ in range(200_000)]})  # more than fits into one request
    assert deploy(driver, f"{table}_large", large, via="files") == 200_000
    left = storage.get_file_info(fs.FileSelector(name, recursive=True))
    assert [i.path for i in left if i.type is fs.FileType.File] == []


def test_what_the_storage_or_the_server_refuse_is_said_without_keys(settings, standin, bucket, table, fails):
    stage, storage, name = bucket
    with fails("SK-SR-004", "s3://nosuch-bucket/x") as caught:
        deploy(
            StarRocksConnection(**settings | {"stage": stage | {"path": "s3://nosuch-bucket/x"}}), table, pa.table({"id": [1]}), via="files"
        )
    assert "stage" in caught.value.hint
    standin.refuse["FILES("] = (1064, f"Access storage error with secret {SECRET}")
    with fails("SK-SR-001", "Access storage error", "***") as caught:
        deploy(StarRocksConnection(**settings | {"stage": stage}), table, pa.table({"id": [1]}), via="files")
    assert "hunter2" not in str(caught.value)
    assert "AKIA5EEKNAL" not in str(caught.value)
    assert [i for i in storage.get_file_info(fs.FileSelector(name, recursive=True)) if i.type is fs.FileType.File] == []
