"""A server with certificates that tests replace, and clients with certificates of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import grpc
import pytest

from gateway.api.interceptors.caller import by_certificate
from gateway.api.server import build_grpc_edge
from gateway.identity.callers import CallerPolicy, CallerSource
from gateway.identity.certificates import CertificateFiles, RotatingCredentials
from gateway.identity.methods import methods_of
from gateway.identity.names import CallerName
from gateway.identity.tls import server_credentials
from tests.contract.edge import CountedRpcs, EdgeOptions, FakeUseCases
from tests.support.certificates import Authority, Lifetime, Names, Pair, write_files

T = TypeVar("T")
CHECKOUT: Final = "spiffe://shop.example/checkout"
FINANCE: Final = "spiffe://shop.example/finance"
SERVER: Final = Names("paygate", uris=("spiffe://shop.example/paygate",))
POLICY: Final = CallerPolicy(
    {
        CHECKOUT: methods_of("paygate.v1.PaymentService"),
        FINANCE: methods_of("paygate.v1.PaymentService/Get*") | methods_of("grpc.*"),
    }
)


@dataclass
class SecureEdge:
    """A server that demands certificates, and what to change about it."""

    address: str
    authority: Authority
    files: CertificateFiles
    use_cases: FakeUseCases
    callers: CallerSource

    def pair(self, uri: str = CHECKOUT, lifetime: Lifetime | None = None) -> Pair:
        """Return a new certificate of the server's authority."""
        return self.authority.issue(Names("client", uris=(uri,)), lifetime or Lifetime())

    def channel(self, pair: Pair | None, believed: str = "") -> grpc.aio.Channel:
        """Return a channel with a connection of its own; without a pair it shows no certificate."""
        return grpc.aio.secure_channel(
            self.address,
            grpc.ssl_channel_credentials(
                (believed or self.authority.certificate).encode(),
                pair.key.encode() if pair else None,
                pair.certificate.encode() if pair else None,
            ),
            [("grpc.use_local_subchannel_pool", 1)],
        )

    def replace_certificates(self, authority: Authority) -> None:
        """Replace the server's files: another pair, and clients of another authority."""
        write_files(self.files.certificate.parent, authority.issue(SERVER), authority.certificate)
        self.authority = authority


async def failure_of(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    """Return the status that a call must fail with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def answer_of(call: Awaitable[T]) -> T:
    """Return an answer, with the call as something that can run beside others."""
    return await call


@pytest.fixture
async def named_by() -> CallerName:
    """Which part of a certificate names the caller; tests override it."""
    return CallerName.SPIFFE_ID


@pytest.fixture
async def secure(tmp_path: Path, named_by: CallerName) -> AsyncIterator[SecureEdge]:
    """A server on this machine, for one test."""
    authority, use_cases, callers = Authority(), FakeUseCases(), CallerSource(POLICY)
    files = write_files(tmp_path, authority.issue(SERVER), authority.certificate)
    access = by_certificate(named_by, callers)
    edge = build_grpc_edge(use_cases, EdgeOptions(), CountedRpcs(), access)
    port = await edge.start("127.0.0.1", 0, server_credentials(RotatingCredentials(files)))
    yield SecureEdge(f"127.0.0.1:{port}", authority, files, use_cases, callers)
    await asyncio.wait_for(edge.stop(0), timeout=60)
