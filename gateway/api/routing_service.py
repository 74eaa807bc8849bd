"""RoutingService: parse, decide, convert. Each answer is made from one table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.api import values
from gateway.api.call import Context
from gateway.api.enums import METHODS
from gateway.api.fields import RequestReader
from gateway.api.money import read_money
from gateway.api.page_tokens import cursor_of, page_token
from gateway.api.routing_messages import decision_message, policy_message
from gateway.api.use_cases import RoutingTables
from gateway.domain.route_rules import explain
from gateway.domain.routing import RouteQuery
from gateway.errors import PaygateError, Reason
from gateway.routing.policies import country_policy, list_policies
from paygate.v1 import routing_service_pb2 as pb
from paygate.v1.routing_service_pb2_grpc import RoutingServiceServicer

_LIST_POLICIES: Final = "ListCountryPolicies"
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PoliciesQuery:
    """One page of ListCountryPolicies."""

    after_code: str
    page_size: int


class RoutingServicer(RoutingServiceServicer):
    """Serves paygate.v1.RoutingService."""

    def __init__(self, routing: RoutingTables) -> None:
        self._routing = routing

    async def ExplainRoute(
        self, request: pb.ExplainRouteRequest, context: Context
    ) -> pb.ExplainRouteResponse:
        """See the contract."""
        query, table = read_route(request), self._routing.table
        return decision_message(explain(table, query), table.digest)

    async def GetCountryPolicy(
        self, request: pb.GetCountryPolicyRequest, context: Context
    ) -> pb.GetCountryPolicyResponse:
        """See the contract."""
        code, table = read_country(request), self._routing.table
        policy = country_policy(table, code)
        if policy is None:
            raise PaygateError(
                Reason.COUNTRY_NOT_SERVED,
                f"the gateway does not sell in {code}: see ListCountryPolicies",
                metadata={"country_code": code},
            )
        return pb.GetCountryPolicyResponse(
            policy=policy_message(policy, table), config_digest=table.digest
        )

    async def ListCountryPolicies(
        self, request: pb.ListCountryPoliciesRequest, context: Context
    ) -> pb.ListCountryPoliciesResponse:
        """See the contract."""
        query, table = read_list(request), self._routing.table
        page = list_policies(table, query.after_code, query.page_size)
        last = page.policies[-1].country_code if page.has_more else ""
        return pb.ListCountryPoliciesResponse(
            policies=[policy_message(policy, table) for policy in page.policies],
            next_page_token=page_token(_LIST_POLICIES, [], last) if last else "",
            config_digest=table.digest,
        )


def read_route(request: pb.ExplainRouteRequest) -> RouteQuery:
    """Parse an ExplainRouteRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    optional_id = values.optional(values.identifier)
    country_code = reader.read("country_code", values.country_code, request.country_code)
    method = reader.read("method", METHODS.read, request.method)
    customer_id = reader.read("customer_id", optional_id, request.customer_id)
    order_id = reader.read("order_id", optional_id, request.order_id)
    amount = read_money(reader, "amount", request.amount) if request.HasField("amount") else None
    reader.finish()
    return RouteQuery(
        country_code.value,
        method.value,
        None if amount is None else amount.value,
        customer_id=customer_id.value,
        order_id=order_id.value,
    )


def read_country(request: pb.GetCountryPolicyRequest) -> str:
    """Return the country's code; raises `PaygateError` if it is none."""
    reader = RequestReader()
    country_code = reader.read("country_code", values.country_code, request.country_code)
    reader.finish()
    return country_code.value


def read_list(request: pb.ListCountryPoliciesRequest) -> PoliciesQuery:
    """Parse a ListCountryPoliciesRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    page_size = reader.read("page_size", values.page_size, request.page_size)
    after_code = reader.read(
        "page_token", cursor_of(_LIST_POLICIES, [], _country_cursor, ""), request.page_token
    )
    reader.finish()
    return PoliciesQuery(after_code.value, page_size.value)


def _country_cursor(text: str) -> str:
    if not _COUNTRY.fullmatch(text):
        raise ValueError("is no country code")
    return text
