"""gRPC's credentials out of certificate files: a server's that rotate, and a client's."""

from __future__ import annotations

import grpc

from gateway.identity.certificates import (
    CertificateFiles,
    Credentials,
    RotatingCredentials,
    read_credentials,
)


def server_credentials(rotating: RotatingCredentials) -> grpc.ServerCredentials:
    """Return credentials that demand a certificate of every client.

    The files are looked at before each handshake. Connections that are open stay as they are.
    """

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        changed = rotating.changed()
        return None if changed is None else _configuration(changed)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(rotating.current),
        fetch,  # type: ignore[arg-type] # the stubs forget that None means "no change"
        require_client_authentication=True,
    )


def channel_credentials(files: CertificateFiles) -> grpc.ChannelCredentials:
    """Return a client's credentials, as the files are now; raises `CertificateError`."""
    credentials = read_credentials(files)
    return grpc.ssl_channel_credentials(
        credentials.authorities, credentials.key, credentials.certificate
    )


def _configuration(credentials: Credentials) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(credentials.key, credentials.certificate)], credentials.authorities
    )
