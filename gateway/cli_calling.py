"""How commands call the gateway: where the settings say it is, and as who they say we are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.settings import load_settings

if TYPE_CHECKING:
    from gateway.client import PaygateClient

_CALLER: Final = "paygate-cli"


def own_gateway(target: str = "") -> PaygateClient:
    """Return a client of the gateway at `target`, or where the settings say.

    With certificates set (`PAYGATE_TLS_*`) it proves who it is. Raises `SettingsError`.
    """
    from gateway.client import PaygateClient  # noqa: PLC0415 - --help does without
    from gateway.identity.listening import calling_credentials  # noqa: PLC0415 - as above

    settings = load_settings()
    return PaygateClient.connect(
        target or f"{settings.grpc_host}:{settings.grpc_port}",
        credentials=calling_credentials(settings),
        caller=_CALLER,
    )
