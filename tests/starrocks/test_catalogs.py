"""`seeknal starrocks setup-catalog`."""

import pytest

GOLDEN = """CREATE EXTERNAL CATALOG IF NOT EXISTS `lake`
PROPERTIES (
    "type" = "iceberg",
    "iceberg.catalog.type" = "rest",
    "iceberg.catalog.security" = "oauth2",
    "iceberg.catalog.uri" = "http://rest:8181",
    "iceberg.catalog.warehouse" = "s3://warehouse",
    "iceberg.catalog.oauth2.credential" = "<credential>",
    "aws.s3.endpoint" = "http://minio:9000",
    "aws.s3.region" = "us-east-1",
    "aws.s3.access_key" = "<s3_access_key>",
    "aws.s3.secret_key" = "<s3_secret_key>",
    "aws.s3.enable_path_style_access" = "true",
    "enable_iceberg_metadata_cache" = "false"
);
"""


@pytest.fixture
def shop(project, standin, monkeypatch):
    monkeypatch.setenv("S3_SECRET", "hunter2hunter2")
    profiles = f"""
        connections:
          sr:
            type: starrocks
            host: 127.0.0.1
            port: {standin.port}
            user: seeknal
            password: correct horse
            catalog: lake
            iceberg:
              uri: http://rest:8181
              warehouse: s3://warehouse
              credential: me:topsecret
              s3_endpoint: http://minio:9000
              s3_region: us-east-1
              s3_access_key: AKIA
              s3_secret_key: ${{S3_SECRET}}
              properties: {{enable_iceberg_metadata_cache: false}}
    """
    return project({"profiles.yml": profiles})


def test_the_statement_is_printed_with_placeholders(shop, standin):
    assert shop.cli("starrocks", "setup-catalog", "sr").assert_success().stdout == GOLDEN
    assert standin.statements == []


def test_secrets_are_printed_when_asked(shop):
    printed = shop.cli("starrocks", "setup-catalog", "sr", "--show-secrets", "--catalog", "other").assert_success().stdout
    assert '"aws.s3.secret_key" = "hunter2hunter2"' in printed
    assert "`other`" in printed


def test_secrets_among_other_properties_have_placeholders_too(shop):
    shop.edit(
        "profiles.yml", "{enable_iceberg_metadata_cache: false}", "{aws.glue.secret_key: topsecret, oauth2.token-exchange-enabled: true}"
    )
    printed = shop.cli("starrocks", "setup-catalog", "sr").assert_success().stdout
    assert '"aws.glue.secret_key" = "<aws.glue.secret_key>"' in printed
    assert '"oauth2.token-exchange-enabled" = "true"' in printed


def test_it_is_executed_and_the_connection_then_works(shop, standin):
    assert shop.cli("connection", "test", "sr").exit_code == 1
    done = shop.cli("starrocks", "setup-catalog", "sr", "--execute").assert_success()
    assert done.stdout == "catalog 'lake' is there\n"
    assert standin.catalogs["lake"]["aws.s3.secret_key"] == "hunter2hunter2"
    shop.cli("starrocks", "setup-catalog", "sr", "--execute").assert_success()
    assert shop.cli("connection", "test", "sr").exit_code == 0


def test_a_refusal_shows_no_secret(shop, standin):
    standin.refuse["EXTERNAL CATALOG"] = (1064, "cannot reach the catalog with me:topsecret")
    done = shop.cli("starrocks", "setup-catalog", "sr", "--execute")
    assert done.exit_code == 1
    assert "SK-SR-001" in done.stderr
    assert "topsecret" not in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("uri: http://rest:8181", "url: http://rest:8181", "'uri'"),
        ("warehouse:", "warehous:", "did you mean 'warehouse'"),
        ("catalog: lake", "database: x", "no name"),
        ("http://rest:8181", "http://me:hunter2@rest:8181", "holds an account"),
        ("{enable_iceberg_metadata_cache: false}", "[x]", "must be a mapping"),
    ],
)
def test_settings_that_are_wrong_are_said(shop, old, new, words):
    shop.edit("profiles.yml", old, new)
    assert words in shop.cli("starrocks", "setup-catalog", "sr").stderr
