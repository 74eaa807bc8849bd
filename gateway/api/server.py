"""The gRPC server: every service behind every interceptor, with health and reflection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import grpc
from google.rpc import error_details_pb2
from grpc_channelz.v1 import channelz, channelz_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from gateway.api.alias_service import AliasServicer
from gateway.api.allowance import Rate
from gateway.api.customer_service import CustomerServicer
from gateway.api.descriptors import (
    DescriptorIndex,
    contract_files,
    module_files,
    reflection_v1_file,
)
from gateway.api.health import SERVICE as HEALTH
from gateway.api.health import ServingStatus
from gateway.api.interceptors.admission import AdmissionLayer, AdmissionLimits, nothing_left
from gateway.api.interceptors.around import LayersInterceptor
from gateway.api.interceptors.caller import TRUSTING, Access, CallerLayer
from gateway.api.interceptors.deadline import DeadlineLayer
from gateway.api.interceptors.errors import ErrorLayer
from gateway.api.interceptors.log import LogLayer
from gateway.api.interceptors.telemetry import RpcObserver, TelemetryLayer
from gateway.api.order_service import OrderServicer
from gateway.api.payment_service import PaymentServicer
from gateway.api.proposal_service import ProposalServicer
from gateway.api.reconciliation_service import ReconciliationServicer
from gateway.api.reflection import SERVICE_V1, SERVICE_V1ALPHA, ReflectionServicer, add_reflection
from gateway.api.refund_service import RefundServicer
from gateway.api.routing_service import RoutingServicer
from gateway.api.use_cases import UseCases
from paygate.v1 import (
    alias_service_pb2_grpc,
    customer_service_pb2_grpc,
    order_service_pb2_grpc,
    payment_service_pb2_grpc,
    proposal_service_pb2_grpc,
    reconciliation_service_pb2_grpc,
    refund_service_pb2_grpc,
    routing_service_pb2_grpc,
)

SERVICES: Final = (
    "paygate.v1.AliasService",
    "paygate.v1.CustomerService",
    "paygate.v1.OrderService",
    "paygate.v1.PaymentService",
    "paygate.v1.ProposalService",
    "paygate.v1.ReconciliationService",
    "paygate.v1.RefundService",
    "paygate.v1.RoutingService",
)
"""The contract's services that are served."""
_CHANNELZ: Final = "grpc.channelz.v1.Channelz"

_MIN_PING_INTERVAL_MS: Final = 10_000
_KEEPALIVE_MS: Final = 60_000
_KEEPALIVE_TIMEOUT_MS: Final = 20_000
_MAX_PING_STRIKES: Final = 2


class EdgeSettings(Protocol):
    """What is set about the edge."""

    @property
    def max_message_bytes(self) -> int:
        """Of one message; a larger one is RESOURCE_EXHAUSTED."""

    @property
    def max_concurrent_rpcs(self) -> int:
        """Unary calls at once; more are RESOURCE_EXHAUSTED."""

    @property
    def max_concurrent_streams(self) -> int:
        """Streams at once, likewise."""

    @property
    def caller_rate_per_s(self) -> float:
        """Calls of one caller in a second, likewise; 0: as many as it likes."""

    @property
    def caller_burst(self) -> int:
        """How many of those it may make at once."""

    @property
    def max_connection_age_s(self) -> float:
        """When a client is asked to connect anew."""

    @property
    def max_connection_age_grace_s(self) -> float:
        """How long its calls may then go on over the old connection."""

    @property
    def reflection(self) -> bool:
        """Whether reflection is served."""

    @property
    def channelz(self) -> bool:
        """Whether gRPC's own statistics are kept and served."""


class RpcMetrics(Protocol):
    """Where finished calls are counted."""

    def observe_rpc(self, method: str, code: str, duration_s: float) -> None:
        """See `gateway.api.interceptors.telemetry.RpcObserver`."""


class GrpcEdge:
    """A server that can be started once and stopped once."""

    def __init__(self, server: grpc.aio.Server, serving: ServingStatus) -> None:
        self._server = server
        self.serving = serving

    async def start(
        self, host: str, port: int, credentials: grpc.ServerCredentials | None = None
    ) -> int:
        """Listen and say that everything serves; the port, also if 0 was given.

        Without credentials in plaintext: `gateway.identity.listening` says where that may be.

        Raises `OSError` if the address is taken or is none.
        """
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            if credentials is None:
                bound = self._server.add_insecure_port(address)
            else:
                bound = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            message = f"cannot listen for gRPC on {address}: free it, or set PAYGATE_GRPC_PORT"
            raise OSError(message) from error
        await self._server.start()
        await self.serving.serve()
        return bound

    async def stop(self, grace_s: float) -> None:
        """Say that nothing serves, take no new calls, and let those in flight end inside grace."""
        await self.serving.stop()
        await self._server.stop(grace_s)


def build_grpc_edge(
    use_cases: UseCases,
    settings: EdgeSettings,
    metrics: RpcMetrics,
    access: Access = TRUSTING,
    *,
    left: Callable[[], int] = nothing_left,
    share_port: bool = False,
) -> GrpcEdge:
    """Connect the services to the use cases; must run inside the event loop that will serve.

    `left` counts the work that goes on after its caller gave up, which takes up room as well.
    `share_port` is for processes that were started to listen at one port together.
    """
    # Kept for the life of the process: gRPC ends its polling thread when the last server or channel
    # is collected, and has been seen to wait for that thread for ever when a running loop collects.
    grpc.aio.init_grpc_aio()
    server = grpc.aio.server(
        interceptors=[_layers(metrics.observe_rpc, access, admission_limits(settings), left)],
        options=_options(settings, share_port=share_port),
    )
    _add_services(server, use_cases)
    serving = ServingStatus(SERVICES)
    serving.add_to(server)
    shown = [*SERVICES, HEALTH]
    if settings.channelz:
        channelz.add_channelz_servicer(server)
        shown.append(_CHANNELZ)
    if settings.reflection:
        shown += [SERVICE_V1, SERVICE_V1ALPHA]
        add_reflection(server, ReflectionServicer(shown, _descriptors()))
    return GrpcEdge(server, serving)


def admission_limits(settings: EdgeSettings) -> AdmissionLimits:
    """Return how much the settings let in."""
    rate = Rate(settings.caller_rate_per_s, settings.caller_burst)
    return AdmissionLimits(
        settings.max_concurrent_rpcs,
        settings.max_concurrent_streams,
        rate if rate.per_s else None,
    )


def _layers(
    observe: RpcObserver, access: Access, limits: AdmissionLimits, left: Callable[[], int]
) -> LayersInterceptor:
    """Return what surrounds every call, from the outermost to the innermost."""
    return LayersInterceptor(
        [
            TelemetryLayer(observe),
            LogLayer(),
            ErrorLayer(),
            CallerLayer(access),
            AdmissionLayer(limits, left),
            DeadlineLayer(),
        ]
    )


def _options(settings: EdgeSettings, *, share_port: bool) -> list[tuple[str, int]]:
    """Return what gRPC is told; names as in its `grpc_types.h`."""
    return [
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        # Two processes on one port would share it silently, also by mistake.
        ("grpc.so_reuseport", int(share_port)),
        ("grpc.enable_channelz", int(settings.channelz)),
        # Balancers see a new replica when clients connect anew; gRPC spreads this by a tenth.
        ("grpc.max_connection_age_ms", round(settings.max_connection_age_s * 1000)),
        ("grpc.max_connection_age_grace_ms", round(settings.max_connection_age_grace_s * 1000)),
        # A silent connection is asked for a sign of life; one that pings too often is closed.
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", _MIN_PING_INTERVAL_MS),
        ("grpc.http2.max_ping_strikes", _MAX_PING_STRIKES),
    ]


def _add_services(server: grpc.aio.Server, use_cases: UseCases) -> None:
    alias_service_pb2_grpc.add_AliasServiceServicer_to_server(
        AliasServicer(use_cases.aliases), server
    )
    customer_service_pb2_grpc.add_CustomerServiceServicer_to_server(
        CustomerServicer(use_cases.customers), server
    )
    order_service_pb2_grpc.add_OrderServiceServicer_to_server(
        OrderServicer(use_cases.orders, use_cases.accounts), server
    )
    payment_service_pb2_grpc.add_PaymentServiceServicer_to_server(
        PaymentServicer(use_cases.payments), server
    )
    proposal_service_pb2_grpc.add_ProposalServiceServicer_to_server(
        ProposalServicer(use_cases.proposals), server
    )
    reconciliation_service_pb2_grpc.add_ReconciliationServiceServicer_to_server(
        ReconciliationServicer(use_cases.reconciliations), server
    )
    refund_service_pb2_grpc.add_RefundServiceServicer_to_server(
        RefundServicer(use_cases.refunds, use_cases.refund_batches), server
    )
    routing_service_pb2_grpc.add_RoutingServiceServicer_to_server(
        RoutingServicer(use_cases.routing), server
    )


def _descriptors() -> DescriptorIndex:
    """Return the files of every service that may be shown; the contract's win over modules'."""
    # The error details are asked for by tools that show an error to a person.
    modules = (health_pb2, channelz_pb2, reflection_pb2, error_details_pb2)
    return DescriptorIndex(
        [
            *(proto for module in modules for proto in module_files(module.DESCRIPTOR)),
            reflection_v1_file(reflection_pb2.DESCRIPTOR),
            *contract_files(),
        ]
    )
