"""librdkafka's own mock cluster: brokers in this process that fail as they are told to.

The Python binding offers only to start one. The library's C interface, in the very file that the
binding uses, also has the switches (librdkafka, rdkafka_mock.h).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Final

import confluent_kafka

_PRODUCER: Final = 0
_ERROR_TEXT_BYTES: Final = 512
_BROKERS: Final = 3


class Request(IntEnum):
    """Kinds of requests (Apache Kafka, protocol guide, API keys)."""

    PRODUCE = 0
    FETCH = 1
    OFFSET_COMMIT = 8
    FIND_COORDINATOR = 10
    INIT_PRODUCER_ID = 22


class MockCluster:
    """A few brokers; `fail` and `set_up` say how the next requests go."""

    def __init__(self, library: ctypes.CDLL, handle: int) -> None:
        self._library = library
        self._handle = ctypes.c_void_p(handle)
        # A new member is waited for, since a broker gives a group time to come together.
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._handle, 0)

    @property
    def address(self) -> str:
        """Where clients find it: `host:port` of each broker."""
        text: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._handle)
        return text.decode()

    def create(self, topics: Iterable[str], partitions: int = 4) -> None:
        """Create topics; no client can."""
        for topic in topics:
            self._check(
                self._library.rd_kafka_mock_topic_create(
                    self._handle, topic.encode(), partitions, _BROKERS
                )
            )

    def fail(self, request: Request, *errors: int) -> None:
        """Answer the next requests of a kind with these errors, each with one."""
        codes = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._handle, ctypes.c_int16(request), ctypes.c_size_t(len(errors)), codes
        )

    def set_up(self, *, up: bool) -> None:
        """Take all brokers off the network, or back on."""
        switch = "rd_kafka_mock_broker_set_up" if up else "rd_kafka_mock_broker_set_down"
        for number in range(1, _BROKERS + 1):
            self._check(getattr(self._library, switch)(self._handle, ctypes.c_int32(number)))

    def _check(self, code: int) -> None:
        if code:
            raise RuntimeError(f"the mock cluster refuses: librdkafka error {code}")


@contextmanager
def running_mock_cluster() -> Iterator[MockCluster]:
    """Run brokers in this process."""
    library = _library()
    error = ctypes.create_string_buffer(_ERROR_TEXT_BYTES)
    configuration = ctypes.c_void_p(library.rd_kafka_conf_new())
    client = library.rd_kafka_new(_PRODUCER, configuration, error, ctypes.c_size_t(len(error)))
    if not client:
        raise RuntimeError(error.value.decode())
    try:
        handle = library.rd_kafka_mock_cluster_new(ctypes.c_void_p(client), _BROKERS)
        try:
            yield MockCluster(library, handle)
        finally:
            library.rd_kafka_mock_cluster_destroy(ctypes.c_void_p(handle))
    finally:
        library.rd_kafka_destroy(ctypes.c_void_p(client))


def _library() -> ctypes.CDLL:
    folder = Path(confluent_kafka.__file__).parent.with_name("confluent_kafka.libs")
    (file,) = folder.glob("librdkafka-*.so*")
    library = ctypes.CDLL(str(file))
    for pointer in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, pointer).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library
