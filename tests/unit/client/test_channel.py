"""What the channel is told to do by itself."""

from __future__ import annotations

import json

from gateway.client.channel import SERVICE_CONFIG, channel_options


def test_only_unavailable_is_retried() -> None:
    """Any other status may mean that something was done or will never be."""
    (every_method,) = json.loads(SERVICE_CONFIG)["methodConfig"]

    assert every_method["name"] == [{}]
    assert every_method["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
    assert every_method["retryPolicy"]["maxAttempts"] == 4


def test_retries_are_throttled() -> None:
    """A server in trouble is not hit four times as hard."""
    throttling = json.loads(SERVICE_CONFIG)["retryThrottling"]

    assert throttling["maxTokens"] > 0
    assert throttling["tokenRatio"] < 1


def test_messages_are_bounded_both_ways() -> None:
    """The limit holds for what is sent and for what is received."""
    options = dict(channel_options(1024))

    assert options["grpc.max_receive_message_length"] == 1024
    assert options["grpc.max_send_message_length"] == 1024
