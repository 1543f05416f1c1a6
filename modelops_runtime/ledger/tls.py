"""TLS to a shared Postgres server: its certificate and host name are always checked."""

from __future__ import annotations

import argparse
import ssl
from pathlib import Path
from urllib.parse import quote

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Red Hat
    "/etc/ssl/cert.pem",  # macOS
)


def verified(url: str, ca: Path | None = None) -> str:
    """`url` with TLS required. The server's certificate is checked against the CA in the file `ca`, or else the system's roots.

    A file `ca` that does not exist is ignored: pods always get the path at which a Secret with a CA would be mounted.
    """
    roots = str(ca) if ca is not None and ca.is_file() else system_roots()
    return f"{url}{'&' if '?' in url else '?'}sslmode=verify-full&sslrootcert={quote(roots, safe='')}"


def system_roots() -> str:
    """The file with this system's root certificates; if none is found, `system`, by which libpq looks for it itself.

    `system` alone is not enough: the OpenSSL in psycopg's wheels looks in a folder that no system has.
    """
    found = (ssl.get_default_verify_paths().cafile, *_BUNDLES)
    return next((file for file in found if file and Path(file).is_file()), "system")


def add_ledger_options(parser: argparse.ArgumentParser, *, default: str | None) -> None:
    """Add --ledger and --ledger-ca, the options of programs in pods; `asked_ledger` reads them."""
    parser.add_argument("--ledger", default=default, help="postgresql:// alone: Postgres, as the PG* variables say")
    text = "check Postgres' certificate by this CA; where there is no such file, by the system's roots"
    parser.add_argument("--ledger-ca", type=Path, metavar="FILE", help=text)


def asked_ledger(options: argparse.Namespace) -> str:
    """The ledger's URL, from the options."""
    return options.ledger if options.ledger_ca is None else verified(options.ledger, options.ledger_ca)
