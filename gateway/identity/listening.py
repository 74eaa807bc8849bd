"""How gRPC may listen: with certificates anywhere, in plaintext on this machine alone."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from gateway.identity.certificates import (
    CertificateError,
    CertificateFiles,
    RotatingCredentials,
)
from gateway.settings import Settings, SettingsError

if TYPE_CHECKING:
    import grpc  # commands that neither listen nor call do without

_LOCALHOST: Final = "localhost"
_VARIABLES: Final = ("PAYGATE_TLS_CERT_FILE", "PAYGATE_TLS_KEY_FILE", "PAYGATE_TLS_CA_FILE")


def certificate_files(settings: Settings) -> CertificateFiles | None:
    """Return the certificate files that are set; None without TLS.

    Raises `SettingsError` if only some of them are.
    """
    given = (settings.tls_cert_file, settings.tls_key_file, settings.tls_ca_file)
    certificate, key, authorities = given
    if certificate is not None and key is not None and authorities is not None:
        return CertificateFiles(certificate, key, authorities)
    missing = [name for name, path in zip(_VARIABLES, given, strict=True) if path is None]
    if len(missing) < len(given):
        problem = f"{missing[0]}: is missing: set all of {', '.join(_VARIABLES)}, or none"
        raise SettingsError([problem])
    return None


def listening_credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """Return what gRPC listens with; None: plaintext. Raises as `listening_certificates`."""
    rotating = listening_certificates(settings)
    if rotating is None:
        return None
    from gateway.identity.tls import server_credentials  # noqa: PLC0415 - as above

    return server_credentials(rotating)


def listening_certificates(settings: Settings) -> RotatingCredentials | None:
    """Return the certificates to listen with; None: plaintext, where that is safe or allowed.

    Raises `SettingsError` otherwise, and for certificates that cannot be used.
    """
    files = certificate_files(settings)
    if files is None:
        _require_plaintext_allowed(settings)
        return None
    try:
        return RotatingCredentials(files)
    except CertificateError as error:
        raise SettingsError([f"PAYGATE_TLS_CERT_FILE and its neighbours: {error}"]) from None


def calling_credentials(settings: Settings) -> grpc.ChannelCredentials | None:
    """Return what a command calls the gateway with; None: plaintext. Raises `SettingsError`."""
    files = certificate_files(settings)
    if files is None:
        return None
    from gateway.identity.tls import channel_credentials  # noqa: PLC0415 - as above

    try:
        return channel_credentials(files)
    except CertificateError as error:
        raise SettingsError([f"PAYGATE_TLS_CERT_FILE and its neighbours: {error}"]) from None


def _require_plaintext_allowed(settings: Settings) -> None:
    if settings.allow_plaintext or is_loopback(settings.grpc_host):
        return
    problem = (
        f"PAYGATE_GRPC_HOST: {settings.grpc_host} is reached from other machines, where everybody "
        f"could call: set {', '.join(_VARIABLES)}; or listen on 127.0.0.1; or set "
        "PAYGATE_ALLOW_PLAINTEXT=true if the network lets in trusted callers only"
    )
    raise SettingsError([problem])


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host; a name that is not localhost might be anywhere."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == _LOCALHOST
