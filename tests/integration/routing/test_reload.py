"""A changed file takes effect whole, or is refused whole and the log says why."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.domain.route_rules import route
from gateway.domain.routing import RouteQuery
from gateway.identity.callers import CallerPolicy, CallerSource
from gateway.routing.configuration import Configuration, load_configuration
from gateway.routing.reload import ConfigurationReloader, Reloaded
from gateway.settings import SettingsError
from psp.port import PaymentMethod
from tests.integration.routing.conftest import Followed, following
from tests.unit.routing.files import VALID, WITH_TWO, spoiled, with_canary

_SHOPPERS = [f"C-{number}" for number in range(1_000)]
_RETIRED = """
[accounts.stripe_old]
psp = "stripe"
api_key = "env:STRIPE_KEY"
publishable_key = "pk_test_2"
webhook_secrets = ["env:STRIPE_HOOK"]
retired = true
"""


def _on_canary(followed: Followed) -> set[str]:
    table = followed.routing.table
    queries = {each: RouteQuery("FR", PaymentMethod.CARD, customer_id=each) for each in _SHOPPERS}
    return {
        shopper for shopper, query in queries.items() if route(table, query).account == "stripe_two"
    }


async def test_a_raised_percentage_takes_effect(followed: Followed) -> None:
    """Shoppers are added, none is taken away; 0 then takes all of them back."""
    before = _on_canary(followed)
    raised = await followed.reload(with_canary("50"))
    after = _on_canary(followed)
    switched_off = await followed.reload(with_canary("0"))

    assert (raised, switched_off) == (Reloaded.APPLIED, Reloaded.APPLIED)
    assert before < after
    assert _on_canary(followed) == set()


async def test_a_reload_is_logged_with_both_digests(followed: Followed) -> None:
    """An operator sees what was replaced by what."""
    before = followed.routing.table.digest
    with capture_logs() as logs:
        await followed.reload(with_canary("50"))

    (line,) = logs
    assert line["event"] == "configuration_reloaded"
    assert (line["old_digest"], line["new_digest"]) == (before, followed.routing.table.digest)
    assert before != followed.routing.table.digest


@pytest.mark.parametrize(
    "text,problems",
    [
        ("[accounts", 1),
        (with_canary("101"), 1),
        (spoiled(('"card"', '"crad"'), ('["HUF"]', '["HUF", "HUF"]'), text=WITH_TWO), 2),
        ("", 2),
    ],
)
async def test_a_bad_file_changes_nothing(followed: Followed, text: str, problems: int) -> None:
    """The old configuration stays in force, and every problem is in the log."""
    table, adapters = followed.routing.table, dict(followed.providers)
    with capture_logs() as logs:
        reloaded = await followed.reload(text)

    (line,) = logs
    assert reloaded is Reloaded.REFUSED
    assert followed.observed == [Reloaded.REFUSED]
    assert followed.routing.table is table
    assert dict(followed.providers) == adapters
    assert (line["event"], line["log_level"]) == ("configuration_refused", "error")
    assert len(line["problems"]) == problems
    assert line["in_force"] == table.digest


async def test_a_mended_file_takes_effect(followed: Followed) -> None:
    """A refusal is not for ever."""
    await followed.reload(with_canary("101"))

    assert await followed.reload(with_canary("100")) is Reloaded.APPLIED


async def test_a_file_that_is_gone_changes_nothing(followed: Followed) -> None:
    """It is refused as any file that cannot be read."""
    followed.path.unlink()

    assert await followed.reloader.reload() is Reloaded.REFUSED
    assert set(followed.providers) == {"stripe_eu", "stripe_old", "stripe_two"}


async def test_settings_are_checked_against_the_new_file(path: Path) -> None:
    """A file that does not go with the process is refused like one that is wrong."""

    def load() -> Configuration:
        raise SettingsError(["PAYGATE_OPERATION_LEASE_S: too short"])

    followed = following(path)
    reloader = ConfigurationReloader(path, load, followed.routing, followed.providers)
    with capture_logs() as logs:
        assert await reloader.reload() is Reloaded.REFUSED

    assert logs[0]["problems"] == ["PAYGATE_OPERATION_LEASE_S: too short"]


async def test_a_new_account_has_its_adapter_before_it_is_routed_to(path: Path) -> None:
    """Routing and adapters change in one step."""
    followed = following(path, VALID)

    assert "stripe_two" not in followed.providers
    assert await followed.reload(with_canary("100")) is Reloaded.APPLIED
    assert followed.providers["stripe_two"].account == "stripe_two"
    assert _on_canary(followed) == set(_SHOPPERS)


async def test_an_account_that_left_sees_its_payments_through(followed: Followed) -> None:
    """Its adapter stays and takes nothing new; the log asks for it once."""
    adapter = followed.providers["stripe_old"]
    without = with_canary("30").replace(_RETIRED, "")
    with capture_logs() as logs:
        left = await followed.reload(without)
        again = await followed.reload(without.replace("percent = 30", "percent = 31"))
    query = RouteQuery("FR", PaymentMethod.CARD, alias_account="stripe_old")

    assert (left, again) == (Reloaded.APPLIED, Reloaded.APPLIED)
    assert followed.providers["stripe_old"] is adapter
    assert followed.providers.left == {"stripe_old"}
    assert route(followed.routing.table, query).account is None
    warnings = [each for each in logs if each["log_level"] == "warning"]
    assert [each["psp_account"] for each in warnings] == ["stripe_old"]


async def test_an_account_that_comes_back_has_its_adapter(followed: Followed) -> None:
    """Nothing was closed meanwhile."""
    adapter = followed.providers["stripe_old"]
    await followed.reload(with_canary("30").replace(_RETIRED, ""))
    await followed.reload(with_canary("30"))

    assert followed.providers["stripe_old"] is adapter
    assert followed.providers.left == set()


async def test_a_rotated_secret_makes_a_new_adapter(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the file says what it said; adapters of other secrets stay."""
    (followed.path.parent / "old_hook").write_text("whsec_rotated", encoding="utf-8")
    before, digest = dict(followed.providers), followed.routing.table.digest

    assert await followed.reloader.reload() is Reloaded.APPLIED
    assert followed.routing.table.digest == digest
    assert [name for name in before if followed.providers[name] is not before[name]] == [
        "stripe_eu"
    ]


async def test_what_says_the_same_changes_nothing(followed: Followed) -> None:
    """A comment is no reason for new adapters."""
    before = dict(followed.providers)

    assert await followed.reload(f"# read me\n{with_canary('30')}") is Reloaded.UNCHANGED
    assert dict(followed.providers) == before


async def test_an_account_cannot_change_its_psp(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its payments are at the PSP that created them, also while it has left the file."""
    await followed.reload(with_canary("30").replace(_RETIRED, ""))
    configuration = load_configuration(followed.path)
    other = configuration.accounts["stripe_eu"].model_copy(update={"psp": "other"})

    def load() -> Configuration:
        return Configuration({"stripe_eu": other, "stripe_old": other}, configuration.table)

    reloader = ConfigurationReloader(followed.path, load, followed.routing, followed.providers)
    with capture_logs() as logs:
        assert await reloader.reload() is Reloaded.REFUSED

    assert logs[0]["problems"] == [
        f'{followed.path}: accounts.{name}.psp: was "stripe", where the account\'s payments are: '
        'write psp = "stripe", and give the account at other a new name'
        for name in ("stripe_eu", "stripe_old")
    ]


async def test_an_adapter_that_cannot_be_made_refuses_the_file(path: Path) -> None:
    """Half of a configuration is none; what was made of it is closed."""
    followed = following(path, VALID)
    followed.builder.fails_for = "stripe_two"
    table, before = followed.routing.table, dict(followed.providers)
    rotated = with_canary("30").replace("pk_test_1", "pk_test_9")

    assert await followed.reload(rotated) is Reloaded.REFUSED
    followed.grace.over.set()
    await followed.providers.close()

    assert followed.routing.table is table
    assert dict(followed.providers) == before
    assert followed.builder.built[-1].closed


async def test_the_file_is_read_beside_the_event_loop(path: Path) -> None:
    """Calls are served meanwhile."""
    threads: list[int] = []

    def load() -> Configuration:
        threads.append(threading.get_ident())
        return load_configuration(path)

    followed = following(path)
    reloader = ConfigurationReloader(path, load, followed.routing, followed.providers)
    await reloader.reload()

    assert threads != [threading.get_ident()]


async def test_a_file_that_stands_still_is_read_once(followed: Followed) -> None:
    """The first look settles it; a change is seen after one more; then nothing is read."""
    first = [await followed.reloader.look() for _ in range(3)]
    followed.write(with_canary("50"))
    second = [await followed.reloader.look() for _ in range(3)]
    followed.write(with_canary("101"))
    third = [await followed.reloader.look() for _ in range(3)]

    assert first == [None, Reloaded.UNCHANGED, None]
    assert second == [None, Reloaded.APPLIED, None]
    assert third == [None, Reloaded.REFUSED, None]


async def test_a_signal_reads_at_once(followed: Followed) -> None:
    """Without waiting for the file to stand still, changed or not; each signal once."""
    followed.write(with_canary("50"))
    followed.reloader.ask()

    assert await followed.reloader.look() is Reloaded.APPLIED
    assert await followed.reloader.look() is Reloaded.UNCHANGED  # the file, seen by itself
    assert await followed.reloader.look() is None


async def test_a_running_gateway_follows_its_file(path: Path) -> None:
    """The loop looks by itself, outlives its own faults, and ends when it is canceled."""
    applied = asyncio.Event()
    followed = following(path, look_every_s=0.001)
    fails = iter([True])

    def load() -> Configuration:
        if next(fails, False):
            raise RuntimeError("a fault of ours")
        return load_configuration(path)

    def observe(reloaded: Reloaded) -> None:
        if reloaded is Reloaded.APPLIED:
            applied.set()

    reloader = ConfigurationReloader(
        path, load, followed.routing, followed.providers, look_every_s=0.001, observe=observe
    )
    with capture_logs() as logs:
        task = asyncio.create_task(reloader.run())
        reloader.ask()
        followed.write(with_canary("50"))
        await applied.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert "configuration_reload_failed" in {line["event"] for line in logs}
    assert followed.routing.table == load_configuration(path).table


async def test_what_callers_may_call_follows_the_file(path: Path) -> None:
    """With the rest of the file or not at all."""
    callers = CallerSource(CallerPolicy())
    followed = following(path, callers=callers)
    listed = '[callers.checkout]\nmethods = ["paygate.v1.PaymentService/GetPayment"]\n'

    assert await followed.reload(f"{WITH_TWO}\n{listed}") is Reloaded.APPLIED
    policy = callers.policy
    refused = await followed.reload(f"{WITH_TWO}\n{listed.replace('Payment/', 'Payments/')}x = 1\n")

    assert policy.methods == {"checkout": {"paygate.v1.PaymentService/GetPayment"}}
    assert refused is Reloaded.REFUSED
    assert callers.policy is policy

    assert await followed.reload(WITH_TWO) is Reloaded.APPLIED
    assert callers.policy == CallerPolicy()
