"""Configuration files for tests: one that is right, and ways to spoil it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.routing.configuration import load_configuration
from gateway.routing.problems import ConfigurationError

VALID = """\
[accounts.stripe_eu]
psp = "stripe"
api_key = "env:STRIPE_KEY"
publishable_key = "pk_test_1"
webhook_secrets = ["env:STRIPE_HOOK", "file:old_hook"]

[accounts.stripe_old]
psp = "stripe"
api_key = "env:STRIPE_KEY"
publishable_key = "pk_test_2"
webhook_secrets = ["env:STRIPE_HOOK"]
retired = true

[countries.FR]
currencies = ["EUR", "GBP"]

[[countries.FR.methods]]
method = "card"
account = "stripe_eu"
limits.EUR = { min_amount_minor = 100, max_amount_minor = 500_000 }

[[countries.FR.methods]]
method = "paypal"
account = "stripe_eu"
currencies = ["EUR"]

[countries.HU]
currencies = ["HUF"]
capture_policy = "manual"

[[countries.HU.methods]]
method = "card"
account = "stripe_eu"
"""
"""Its secrets are set by `set_secrets`."""

WITH_TWO = (
    VALID
    + """
[accounts.stripe_two]
psp = "stripe"
api_key = "env:STRIPE_KEY"
publishable_key = "pk_test_3"
webhook_secrets = ["env:STRIPE_HOOK"]
"""
)
"""The same with a second account that takes payments."""


def with_canary(percent: str, account: str = "stripe_two") -> str:
    """Return `WITH_TWO` with a canary for cards in France."""
    main = 'account = "stripe_eu"'
    canary = f'canary = {{ account = "{account}", percent = {percent} }}'
    return spoiled((main, f"{main}\n{canary}"), text=WITH_TWO)


def set_secrets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put every secret where `VALID` refers to."""
    monkeypatch.setenv("STRIPE_KEY", "sk_test_topsecret")
    monkeypatch.setenv("STRIPE_HOOK", "whsec_topsecret")
    (folder / "old_hook").write_text("whsec_older_topsecret\n", encoding="utf-8")


def spoiled(*changes: tuple[str, str], text: str = VALID) -> str:
    """Return the text with the first occurrence of each old piece replaced."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def problems_of(folder: Path, content: str | bytes) -> list[str]:
    """Load a file that must be refused; each problem as `place: message: cure`."""
    path = folder / "paygate.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(path)
    assert caught.value.lines() == tuple(f"{path}: {each}" for each in caught.value.problems)
    assert str(caught.value) == "\n".join(caught.value.lines())
    return [str(problem) for problem in caught.value.problems]
