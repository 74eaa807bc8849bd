"""A gateway with certificates, a command that calls it, and a list of callers that changes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.cli_calling import own_gateway
from gateway.client import NotPermittedError, PaygateClient, UnavailableError
from gateway.client.channel import certificate_credentials
from gateway.embedded import prepare_databases
from gateway.running import load_checked, running_gateway
from gateway.settings import Settings, SettingsError, load_settings
from paygate.v1.payment_service_pb2 import GetPaymentRequest
from paygate.v1.routing_service_pb2 import ListCountryPoliciesRequest
from tests.integration.cli.conftest import Run
from tests.support.certificates import Authority, Names, write_files
from tests.unit.routing.files import VALID, set_secrets

_CLI = "spiffe://shop.example/operator"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Certificates for the gateway and its commands alike, and one method for them."""
    set_secrets(tmp_path, monkeypatch)
    authority = Authority()
    pair = authority.issue(Names("paygate", uris=(_CLI,)))
    files = write_files(tmp_path, pair, authority.certificate)
    monkeypatch.setenv("PAYGATE_TLS_CERT_FILE", str(files.certificate))
    monkeypatch.setenv("PAYGATE_TLS_KEY_FILE", str(files.key))
    monkeypatch.setenv("PAYGATE_TLS_CA_FILE", str(files.authorities))
    config = tmp_path / "paygate.toml"
    config.write_text(VALID + _allowing("RoutingService"), encoding="utf-8")
    return load_settings(
        config_file=config,
        database_url=f"sqlite+aiosqlite:///{tmp_path}/paygate.db",
        back_office_url=f"sqlite+aiosqlite:///{tmp_path}/back_office.db",
        grpc_port=0,
        http_port=0,
    )


def _allowing(service: str) -> str:
    return f'\n[callers."{_CLI}"]\nmethods = ["paygate.v1.{service}"]\n'


def _countries(client: PaygateClient) -> int:
    return len(client.list_country_policies(ListCountryPoliciesRequest()).policies)


async def test_a_command_proves_who_it_is(settings: Settings) -> None:
    """It calls what the file lists for it, as long as the file does."""
    await prepare_databases(settings)
    async with running_gateway(settings, load_checked(settings)) as gateway:
        client = own_gateway(gateway.grpc_address)
        with client:
            assert await asyncio.to_thread(_countries, client) == 2
            with pytest.raises(NotPermittedError):
                await asyncio.to_thread(client.get_payment, GetPaymentRequest(payment_id="pay_1"))

            settings.config_file.write_text(VALID + _allowing("PaymentService"), encoding="utf-8")
            await gateway.reloader.reload()
            with pytest.raises(NotPermittedError):
                await asyncio.to_thread(_countries, client)


async def test_without_the_certificate_there_is_no_connection(
    settings: Settings, tmp_path: Path
) -> None:
    """In plaintext, and with one of another authority."""
    await prepare_databases(settings)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    files = write_files(stranger, Authority().issue(Names(uris=(_CLI,))), "")
    credentials = certificate_credentials(files.certificate, files.key, tmp_path / "ca.pem")
    async with running_gateway(settings, load_checked(settings)) as gateway:
        for shown in (None, credentials):
            with (
                PaygateClient.connect(gateway.grpc_address, credentials=shown) as client,
                pytest.raises(UnavailableError),
            ):
                await asyncio.to_thread(_countries, client)


async def test_plaintext_for_other_machines_is_refused_before_anything_is_opened(
    settings: Settings, tmp_path: Path
) -> None:
    """Not even the database is."""
    plain = settings.model_copy(
        update={
            "tls_cert_file": None,
            "tls_key_file": None,
            "tls_ca_file": None,
            "grpc_host": "0.0.0.0",  # noqa: S104 - what must be refused
        }
    )
    with pytest.raises(SettingsError, match=r"PAYGATE_GRPC_HOST: 0\.0\.0\.0 is reached"):
        async with running_gateway(plain, load_checked(plain)):
            pass

    assert not (tmp_path / "paygate.db").exists()


def test_serve_says_what_to_do(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A wrong setting ends the command with its line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAYGATE_GRPC_HOST", "0.0.0.0")  # noqa: S104 - what must be refused
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_1")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_1")

    ran = run("serve", "--json")

    assert ran.exit_code == 2
    assert json.loads(ran.out)["errors"][0].startswith("PAYGATE_GRPC_HOST: 0.0.0.0 is reached")
    assert not (tmp_path / "var").exists()
