"""Where gRPC may listen with what."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from gateway.identity.listening import calling_credentials, is_loopback, listening_credentials
from gateway.settings import Settings, SettingsError, load_settings
from tests.support.certificates import Authority, Names, write_files


def _with_certificates(folder: Path, **given: object) -> Settings:
    authority = Authority()
    files = write_files(folder, authority.issue(Names()), authority.certificate)
    return load_settings(
        tls_cert_file=files.certificate,
        tls_key_file=files.key,
        tls_ca_file=files.authorities,
        **given,
    )


@pytest.mark.parametrize(
    "host,this_machine_alone",
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - what must be refused
        ("::", False),
        ("10.0.0.1", False),
        ("paygate.internal", False),
        ("localhost.example", False),
    ],
)
def test_plaintext_stays_on_this_machine(host: str, this_machine_alone: bool) -> None:
    """Elsewhere it is refused with what to do; a name might lead anywhere."""
    settings = load_settings(grpc_host=host)

    assert is_loopback(host) == this_machine_alone
    if this_machine_alone:
        assert listening_credentials(settings) is None
        return
    with pytest.raises(SettingsError) as caught:
        listening_credentials(settings)
    (line,) = caught.value.lines()
    assert line.startswith(f"PAYGATE_GRPC_HOST: {host} is reached from other machines")
    assert "PAYGATE_ALLOW_PLAINTEXT" in line


def test_plaintext_elsewhere_is_allowed_by_a_setting() -> None:
    """For networks that let in trusted callers only."""
    settings = load_settings(grpc_host="0.0.0.0", allow_plaintext=True)  # noqa: S104 - that it may

    assert listening_credentials(settings) is None


def test_certificates_may_listen_anywhere(tmp_path: Path) -> None:
    """They are read when the process starts."""
    settings = _with_certificates(tmp_path, grpc_host="0.0.0.0")  # noqa: S104 - that it may

    assert isinstance(listening_credentials(settings), grpc.ServerCredentials)
    assert isinstance(calling_credentials(settings), grpc.ChannelCredentials)


@pytest.mark.parametrize("missing", ["tls_cert_file", "tls_key_file", "tls_ca_file"])
def test_half_of_the_files_are_a_mistake(tmp_path: Path, missing: str) -> None:
    """It would be plaintext where somebody believes in certificates."""
    settings = _with_certificates(tmp_path).model_copy(update={missing: None})

    with pytest.raises(SettingsError, match=f"PAYGATE_{missing.upper()}: is missing: set all of"):
        listening_credentials(settings)


def test_files_that_cannot_be_used_end_the_start(tmp_path: Path) -> None:
    """With their names, and without what is in them."""
    settings = _with_certificates(tmp_path)
    (tmp_path / "key.pem").write_text(Authority().issue(Names()).key)

    for credentials in (listening_credentials, calling_credentials):
        with pytest.raises(SettingsError, match=r"key\.pem are no PEM certificate and its own"):
            credentials(settings)
