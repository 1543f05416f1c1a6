"""The certificate of a Postgres server that is nobody's own: always checked, its host's name too."""

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
    """`url` with TLS required and the server's certificate checked: against the CA in the file `ca`, else the system's roots.

    Where there is no file `ca` it is as if none was given: a pod is told where its Secret's CA would be.
    """
    roots = str(ca) if ca is not None and ca.is_file() else system_roots()
    return f"{url}{'&' if '?' in url else '?'}sslmode=verify-full&sslrootcert={quote(roots, safe='')}"


def system_roots() -> str:
    """The file in which this system keeps its root certificates; `system`, libpq's own idea of it, where none is known.

    libpq's idea alone would not do: psycopg's wheels carry an OpenSSL that looks in a folder which no system has.
    """
    found = (ssl.get_default_verify_paths().cafile, *_BUNDLES)
    return next((file for file in found if file and Path(file).is_file()), "system")


def add_ledger_options(parser: argparse.ArgumentParser, *, default: str | None) -> None:
    """--ledger and --ledger-ca, of the programs that pods run; `asked_ledger` reads them."""
    parser.add_argument("--ledger", default=default, help="postgresql:// alone: Postgres, as the PG* variables say")
    text = "check Postgres' certificate by this CA; where there is no such file, by the system's roots"
    parser.add_argument("--ledger-ca", type=Path, metavar="FILE", help=text)


def asked_ledger(options: argparse.Namespace) -> str:
    """The URL that the options ask for."""
    return options.ledger if options.ledger_ca is None else verified(options.ledger, options.ledger_ca)
