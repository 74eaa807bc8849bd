"""A gateway that answers while its configuration is changed under it."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import grpc

from gateway.embedded import prepare_databases
from gateway.routing.reload import Reloaded
from gateway.running import load_checked, running_gateway
from gateway.settings import load_settings
from paygate.v1 import payment_service_pb2 as payment_pb
from paygate.v1 import routing_service_pb2 as pb
from paygate.v1.routing_service_pb2_grpc import RoutingServiceStub
from tests.unit.routing.files import with_canary

_QUESTION = pb.ExplainRouteRequest(
    country_code="FR", method=payment_pb.PAYMENT_METHOD_CARD, customer_id="C-1"
)


def _write(path: Path, percent: str) -> None:
    path.write_text(with_canary(percent), encoding="utf-8")


async def test_callers_see_the_new_routing_at_once(path: Path, tmp_path: Path) -> None:
    """From one call to the next, without a restart; what is refused is measured."""
    settings = load_settings(
        config_file=path,
        database_url=f"sqlite+aiosqlite:///{tmp_path}/paygate.db",
        back_office_url=f"sqlite+aiosqlite:///{tmp_path}/office.db",
        grpc_port=0,
        http_port=0,
    )
    await prepare_databases(settings)
    async with (
        running_gateway(settings, load_checked(settings)) as gateway,
        grpc.aio.insecure_channel(gateway.grpc_address) as channel,
        aiohttp.ClientSession(gateway.http_address) as http,
    ):
        stub = RoutingServiceStub(channel)
        before = await stub.ExplainRoute(_QUESTION)
        _write(path, "100")
        applied = await gateway.reloader.reload()
        after = await stub.ExplainRoute(_QUESTION)
        _write(path, "101")
        refused = await gateway.reloader.reload()
        still = await stub.ExplainRoute(_QUESTION)
        async with http.get("/metrics") as answer:
            metrics = await answer.text()

    assert (applied, refused) == (Reloaded.APPLIED, Reloaded.REFUSED)
    assert (before.psp_account, after.psp_account) == ("stripe_eu", "stripe_two")
    assert before.config_digest != after.config_digest
    assert still == after
    assert [step.explanation for step in after.steps if step.rule == "canary"] == [
        (
            "customer C-1 is in bucket 3908; "
            "the canary stripe_two serves those below 10000 (100 %), so it serves"
        )
    ]
    assert "paygate_configuration_refused 1.0" in metrics.splitlines()
    assert 'paygate_configuration_reloads_total{outcome="applied"} 1.0' in metrics.splitlines()
