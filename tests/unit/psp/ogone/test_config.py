"""The configuration of an Ogone account."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.settings import Settings, check_lease
from psp.ogone.config import OgoneAccountConfig

_VALID = {
    "psp": "ogone",
    "pspid": "PaygateTest",
    "user_id": "paygate_api",
    "password": "env:OGONE_SECRET",
    "sha_in_ecommerce": "env:OGONE_SECRET",
    "sha_in_directlink": "env:OGONE_SECRET",
    "sha_out": ["env:OGONE_SECRET"],
}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OGONE_SECRET", "topsecret")


def _configured(**changes: object) -> OgoneAccountConfig:
    return OgoneAccountConfig.model_validate({**_VALID, **changes})


def test_the_smallest_configuration_is_enough() -> None:
    """It reaches the live pages, signs with SHA-512, and shows no secret."""
    config = _configured()

    assert config.api_base == config.page_base == "https://secure.ogone.com/ncol/prod"
    assert config.algorithm == "sha512"
    assert config.public_key == ""
    assert "topsecret" not in repr(config)


@pytest.mark.parametrize("field", ["api_base", "page_base"])
@pytest.mark.parametrize(
    "address",
    ["https://ogone.test.v-psp.com/ncol/test", "http://127.0.0.1:8080", "http://[::1]:1/ncol/test"],
)
def test_https_and_loopback_addresses_are_taken(field: str, address: str) -> None:
    """A sandbox may listen without TLS, on this machine only."""
    assert getattr(_configured(**{field: address}), field) == address


@pytest.mark.parametrize(
    "changes",
    [
        {"password": "topsecret"},
        {"sha_in_ecommerce": "topsecret"},
        {"sha_in_directlink": "topsecret"},
        {"sha_out": []},
        {"sha_out": "env:OGONE_SECRET"},
        {"sha_out": ["topsecret"]},
        {"pspid": ""},
        {"pspid": "top secret"},
        {"user_id": "é"},
        {"algorithm": "md5"},
        {"api_base": "http://secure.ogone.com/ncol/prod"},
        {"api_base": "https://secure.ogone.com/ncol/prod/"},
        {"api_base": "https://secure.ogone.com/ncol/prod?x=topsecret"},
        {"page_base": "https://topsecret@secure.ogone.com/ncol/prod"},
        {"page_base": "secure.ogone.com"},
        {"connect_timeout_s": 0},
        {"read_timeout_s": 1000},
        {"query_pause_s": -1},
        {"max_query_retries": 50},
        {"total_timeout_s": 41},
        {"psp": "stripe"},
        {"unknown": 1},
    ],
)
def test_what_cannot_work_is_refused_without_showing_values(changes: dict[str, object]) -> None:
    """A wrong configuration is refused, and the refusal quotes no value."""
    with pytest.raises(ValidationError) as caught:
        _configured(**changes)

    assert "topsecret" not in str(caught.value)


def test_the_defaults_fit_the_gateways() -> None:
    """An account that says nothing of time can be served, and Ogone gives up before we do."""
    config = _configured()

    check_lease(Settings(), {"ogone_be": config})
    assert config.read_timeout_s > 30
