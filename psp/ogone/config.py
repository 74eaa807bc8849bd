"""The configuration of one Ogone account (PSPID)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator

from psp.account_limits import AccountLimits
from psp.secrets import SecretReference

_LIVE = "https://secure.ogone.com/ncol/prod"


class OgoneAccountConfig(AccountLimits):
    """One PSPID; times are seconds. Secrets are given by reference only."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    psp: Literal["ogone"]
    pspid: Annotated[str, Field(min_length=1, max_length=30)]
    user_id: Annotated[str, Field(min_length=1, max_length=20)]
    """The API user that DirectLink calls are made as."""
    password: SecretReference
    """That user's password."""
    sha_in_ecommerce: SecretReference
    """Passphrase that signs the forms of the hosted page."""
    sha_in_directlink: SecretReference
    """Passphrase that signs DirectLink calls."""
    sha_out: Annotated[tuple[SecretReference, ...], Field(min_length=1, max_length=4)]
    """Passphrases that notifications may be signed with: two while it is being changed."""
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha512"
    """What the back office of the account is set to, for both directions."""
    api_base: str = _LIVE
    """Where the DirectLink pages are."""
    page_base: str = _LIVE
    """Where the payment page is that shoppers are sent to."""
    connect_timeout_s: Annotated[float, Field(ge=0.1, le=30)] = 5.0
    read_timeout_s: Annotated[float, Field(ge=0.5, le=100)] = 32.0
    """For an order or a maintenance call, from sending to the last byte of the answer."""
    query_timeout_s: Annotated[float, Field(ge=0.1, le=60)] = 10.0
    """For one query, likewise."""
    query_pause_s: Annotated[float, Field(ge=0, le=600)] = 30.0
    """After a query without an answer, before the next."""
    max_query_retries: Annotated[int, Field(ge=0, le=5)] = 1
    """Queries after the first that got no answer, where the time allows."""
    download_timeout_s: Annotated[float, Field(ge=1, le=600)] = 120.0
    """For a download of payments: the longest silence before and while it comes."""
    total_timeout_s: Annotated[float, Field(ge=0.5, le=120)] = 44.0
    """For all calls and pauses that one call of the port needs."""

    @property
    def public_key(self) -> str:
        """Nothing: pages show no fields of Ogone's, they send the shopper to it."""
        return ""

    @field_validator("pspid", "user_id")
    @classmethod
    def _printable(cls, name: str) -> str:
        if not name.isascii() or not name.isprintable() or " " in name:
            raise ValueError("write it as the back office shows it, without spaces")
        return name

    @field_validator("api_base", "page_base")
    @classmethod
    def _base_address(cls, address: str) -> str:
        parts = urlsplit(address)
        whole = f"{parts.scheme}://{parts.netloc}{parts.path}"
        if not parts.hostname or address != whole or parts.username or address.endswith("/"):
            raise ValueError(f"write the address without page, query and final slash: {_LIVE}")
        if parts.scheme != "https" and not (
            parts.scheme == "http" and _is_loopback(parts.hostname)
        ):
            raise ValueError("use https; plain http is for a sandbox on a loopback address only")
        return address

    @model_validator(mode="after")
    def _one_call_fits(self) -> Self:
        # A change is preceded by a query, and is not sent unless its answer can be waited for.
        if self.total_timeout_s < self.read_timeout_s + self.query_timeout_s:
            raise ValueError("total_timeout_s must be at least read_timeout_s + query_timeout_s")
        return self


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
