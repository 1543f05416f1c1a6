"""A client certificate of a workspace's CA: whoever holds one may run code in the workspace."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

LIFE = timedelta(days=365)
RENEW = timedelta(days=60)
"""A certificate with less remaining life than this is replaced."""


def client_certificate(ca_pem: bytes, ca_key_pem: bytes, name: str, now: datetime) -> tuple[bytes, bytes]:
    """(certificate, key) as PEM, for the client `name`: valid for LIFE, and not longer than the CA's own certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    ca = x509.load_pem_x509_certificate(ca_pem)
    ca_key = serialization.load_pem_private_key(ca_key_pem, password=None)
    assert isinstance(ca_key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # clocks differ
        .not_valid_after(min(now + LIFE, ca.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_authority(ca), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def _authority(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """By the CA's own identifier, which may be any hash of its key (Go's and OpenSSL's differ)."""
    from cryptography import x509

    try:
        of_ca = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())  # pyright: ignore[reportArgumentType]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(of_ca)


def is_usable(certificate_pem: bytes, ca_pem: bytes, now: datetime) -> bool:
    """Whether a certificate is of this CA, and has enough life left; the CA's own end is no reason to make another."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    certificate, ca = x509.load_pem_x509_certificate(certificate_pem), x509.load_pem_x509_certificate(ca_pem)
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return certificate.not_valid_after_utc >= min(now + RENEW, ca.not_valid_after_utc)
