"""What looks like a secret, or lies outside of the folder, is sent only when it is allowed by name; ordinary data always."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelops_runtime.bundles.archive import files_of
from modelops_runtime.bundles.secrets import refuse_unsendable
from modelops_runtime.contracts.errors import UserError

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n"


def put(root: Path, *names: str, content: str = "x") -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def refused(root: Path) -> str:
    """The line; empty when everything may be sent."""
    try:
        refuse_unsendable(root, files_of(root), "the Dask workers")
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "name",
    [
        ".aws/credentials", ".azure/msal_token_cache.json", ".kube/config", ".config/gcloud/x.db", ".netrc", "_netrc", ".pgpass",
        ".ssh/known_hosts", "id_rsa", "keys/id_ed25519", "server.pem", "tls.KEY", "cert.p12", "cert.pfx", "all.kdbx", "x.ppk",
        "credentials.json", "service-account-prod.json", ".pypirc", ".npmrc", ".git-credentials", ".Renviron",
        "sub/.docker/config.json", ".vault-token", "terraform.tfstate", "prod.tfvars", ".cdsapirc", "sub/ID_RSA",
    ],
)  # fmt: skip
def test_a_file_that_is_named_as_a_secret_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    line = refused(put(tmp_path, name, "model.py"))
    assert f"{name} (looks like a secret)" in line
    assert "model.py" not in line
    assert ".mopsignore" in line
    assert ".mopsinclude" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "content",
    [
        KEY,
        "-----BEGIN RSA PRIVATE KEY-----\nMII\n",
        '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nMII"}',
        f"aws_secret_access_key = {'a' * 40}\n",
        f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={'A' * 86}==;",
    ],
)
def test_a_small_file_that_holds_a_key_is_refused_whatever_its_name(content: str, tmp_path: Path) -> None:
    assert "notes.txt (looks like a secret)" in refused(put(tmp_path, "notes.txt", content=content))


def test_names_of_ordinary_science_are_sent(tmp_path: Path) -> None:
    ordinary = (
        "keys.csv", "key.csv", "tokens.csv", "token.json", "secret_sharing.py", "password_entropy.py", "credentials.csv",
        "grid.asc", "id_rsa.pub", "species.key.csv", "config.json", "config/model.yaml", "data/aws_stations.csv", "state.json",
        "pem.py", "kube.py", "azure.csv", "netrc.py", "ssh/model.py", "docker/run.sh", "certificate_authority.csv",
        "profile.Rprofile",
    )  # fmt: skip
    assert refused(put(tmp_path, *ordinary)) == ""
    text = "client(aws_secret_access_key=os.environ['KEY'])\nmark = '-----BEGIN PRIVATE KEY-----'\n"
    assert refused(put(tmp_path, "upload.py", content=text)) == ""


def test_all_of_them_are_in_one_line_and_what_is_ignored_or_allowed_is_not(tmp_path: Path) -> None:
    root = put(tmp_path / "root", ".netrc", "a.pem", "b.pem", ".aws/config", "model.py")
    outside = put(tmp_path / "outside", "x.csv", "y.csv")
    (root / "tables").symlink_to(outside)
    (root / "one.csv").symlink_to(outside / "x.csv")
    (root / "own.py").symlink_to("model.py")
    assert refused(root).startswith(
        f"{root}: .aws/config (looks like a secret), .netrc (looks like a secret), a.pem (looks like a secret), "
        f"b.pem (looks like a secret), one.csv (a link to {outside / 'x.csv'}), tables (a link to {outside}) would be sent to"
    )
    (root / ".mopsignore").write_text(".netrc\n/one.csv\n")
    (root / ".mopsinclude").write_text("# the test server's\na.pem\ntables/\n.aws\n")
    line = refused(root)
    assert line.startswith(f"{root}: b.pem (looks like a secret) would be sent")


def test_a_long_list_ends(tmp_path: Path) -> None:
    assert "and 10 more would be sent" in refused(put(tmp_path, *(f"{number:02}.pem" for number in range(30))))
