"""What Kafka delivery moves work between; light to import, unlike the library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.events.applying import EventApplier
from gateway.events.delivery import LocalDelivery
from gateway.metrics import Metrics
from gateway.signals import Wake
from gateway.storage.database import Database


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The database that holds the work, and the handlers that do it, as in local delivery."""

    database: Database
    accounts: Iterable[str]
    applier: EventApplier
    delivery: LocalDelivery
    clock: Clock
    arrivals: Wake
    deliveries: Wake
    metrics: Metrics
