"""The channel to Paygate: what is retried, how a dead connection is noticed, how much fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import grpc

DEFAULT_MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
_MAX_ATTEMPTS: Final = 4
_KEEPALIVE_TIME_MS: Final = 60_000
_KEEPALIVE_TIMEOUT_MS: Final = 10_000

SERVICE_CONFIG: Final = json.dumps(
    {
        # One connection a replica, so that a stopped one is left at once.
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [{}],  # every method: the request_id makes changes safe to send again
                "retryPolicy": {
                    "maxAttempts": _MAX_ATTEMPTS,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "2s",
                    "backoffMultiplier": 3,
                    # The only status that says both "not now" and "nothing was done". The server's
                    # grpc-retry-pushback-ms comes before this backoff (gRFC A6).
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
        # Half of the tokens gone, nothing is retried: a server in trouble is not hit four-fold.
        "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
    }
)


def channel_options(max_message_bytes: int) -> list[tuple[str, str | int]]:
    """Return the options that both kinds of channel are opened with."""
    return [
        ("grpc.service_config", SERVICE_CONFIG),
        ("grpc.enable_retries", 1),
        # Connecting again is quick, so that the four attempts meet a replica that is back.
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        # Only while calls run: a watch may be silent for hours, an idle channel costs nothing.
        ("grpc.keepalive_time_ms", _KEEPALIVE_TIME_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 0),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
    ]


def certificate_credentials(
    certificate: str | Path, key: str | Path, authorities: str | Path
) -> grpc.ChannelCredentials:
    """Return credentials for mutual TLS from three PEM files, as they are now; raises `OSError`.

    `authorities` are those that the gateway's certificate is believed by.
    """
    return grpc.ssl_channel_credentials(
        Path(authorities).read_bytes(), Path(key).read_bytes(), Path(certificate).read_bytes()
    )


def open_channel(
    target: str, credentials: grpc.ChannelCredentials | None, max_message_bytes: int
) -> grpc.Channel:
    """Return a blocking channel; without credentials in plaintext. Nothing is connected yet."""
    options = channel_options(max_message_bytes)
    if credentials is None:
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, credentials, options)


def open_aio_channel(
    target: str, credentials: grpc.ChannelCredentials | None, max_message_bytes: int
) -> grpc.aio.Channel:
    """Return an asyncio channel; without credentials in plaintext. Nothing is connected yet."""
    options = channel_options(max_message_bytes)
    if credentials is None:
        return grpc.aio.insecure_channel(target, options)
    return grpc.aio.secure_channel(target, credentials, options)
