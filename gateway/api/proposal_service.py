"""ProposalService: parse, call, convert."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gateway.api import values
from gateway.api.alias_messages import alias_message, source_messages
from gateway.api.call import Context
from gateway.api.enums import CAPTURE_POLICIES, METHODS
from gateway.api.fields import RequestReader
from gateway.api.money import read_money
from gateway.api.routing_messages import maximum_message, minimum_message
from gateway.api.use_cases import ProposalUseCases
from gateway.domain.routing import Account, MethodOffer
from gateway.proposals.proposal import Proposal, ProposalQuery
from paygate.v1 import proposal_service_pb2 as pb
from paygate.v1.proposal_service_pb2_grpc import ProposalServiceServicer
from psp.methods import Presentation


class ProposalServicer(ProposalServiceServicer):
    """Serves paygate.v1.ProposalService."""

    def __init__(self, proposals: ProposalUseCases) -> None:
        self._proposals = proposals

    async def GetPaymentProposal(
        self, request: pb.GetPaymentProposalRequest, context: Context
    ) -> pb.GetPaymentProposalResponse:
        """See the contract."""
        query = read_query(request)
        return proposal_message(await self._proposals.propose(query), query.amount.currency)


def read_query(request: pb.GetPaymentProposalRequest) -> ProposalQuery:
    """Parse a GetPaymentProposalRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    optional_id = values.optional(values.identifier)
    country_code = reader.read("country_code", values.country_code, request.country_code)
    customer_id = reader.read("customer_id", optional_id, request.customer_id)
    amount = read_money(reader, "amount", request.amount)
    order_id = reader.read("order_id", optional_id, request.order_id)
    reader.finish()
    return ProposalQuery(country_code.value, amount.value, customer_id.value, order_id.value)


def proposal_message(proposal: Proposal, currency: str) -> pb.GetPaymentProposalResponse:
    """Write a proposal for a sale in a currency."""
    return pb.GetPaymentProposalResponse(
        methods=[_method_message(offer, currency) for offer in proposal.methods],
        aliases=[alias_message(alias) for alias in proposal.aliases],
        unavailable_sources=source_messages(proposal.unavailable_sources),
        capture_policy=CAPTURE_POLICIES.to_wire[proposal.capture_policy],
    )


def _method_message(offer: MethodOffer, currency: str) -> pb.OfferedMethod:
    limits = offer.limits
    return pb.OfferedMethod(
        method=METHODS.to_wire[offer.method],
        psp_account=offer.account.name,
        psp=offer.account.psp,
        presentation=PRESENTATIONS[offer.presentation](offer.account),
        minimum=None if limits is None else minimum_message(limits, currency),
        maximum=None if limits is None else maximum_message(limits, currency),
    )


def _embedded(account: Account) -> pb.Presentation:
    fields = pb.Presentation.EmbeddedFields(publishable_key=account.public_key)
    return pb.Presentation(embedded_fields=fields)


def _redirect(_account: Account) -> pb.Presentation:
    return pb.Presentation(redirect=pb.Presentation.Redirect())


PRESENTATIONS: Final[Mapping[Presentation, Callable[[Account], pb.Presentation]]] = {
    Presentation.EMBEDDED: _embedded,
    Presentation.REDIRECT: _redirect,
}
"""How each is written; total over the presentations."""
