"""Amounts and moments, between the contract and the domain."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from gateway.api import values
from gateway.api.fields import Parsed, RequestReader
from paygate.v1 import money_pb2
from psp.money import Money


def read_money(reader: RequestReader, path: str, given: money_pb2.Money) -> Parsed[Money]:
    """Read an amount above zero, both of its fields."""
    amount = reader.read(f"{path}.amount_minor", values.positive_amount_minor, given.amount_minor)
    currency = reader.read(f"{path}.currency_code", values.currency_code, given.currency_code)
    if amount.is_read and currency.is_read:
        return Parsed(Money(amount.value, currency.value))
    return Parsed()


def money_message(amount: Money) -> money_pb2.Money:
    """Write an amount."""
    return money_pb2.Money(amount_minor=amount.amount_minor, currency_code=amount.currency)


def timestamp_message(moment: datetime) -> Timestamp:
    """Write an aware moment."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message
