"""CustomerService: parse, call, convert."""

from __future__ import annotations

from gateway.api import texts, values
from gateway.api.call import Call, Context, current_call
from gateway.api.enums import ENSURE_OUTCOMES
from gateway.api.fields import RequestReader
from gateway.api.use_cases import CustomerUseCases
from gateway.customers.commands import EnsureCustomerCommand
from gateway.domain.requests import RequestKey
from paygate.v1 import customer_service_pb2 as pb
from paygate.v1.customer_service_pb2_grpc import CustomerServiceServicer
from psp.port import CustomerProfile


class CustomerServicer(CustomerServiceServicer):
    """Serves paygate.v1.CustomerService."""

    def __init__(self, customers: CustomerUseCases) -> None:
        self._customers = customers

    async def EnsureCustomer(
        self, request: pb.EnsureCustomerRequest, context: Context
    ) -> pb.EnsureCustomerResponse:
        """See the contract."""
        call = current_call()
        links = await self._customers.ensure(read_ensure(request, call), call.remaining_s())
        return pb.EnsureCustomerResponse(
            links=[
                pb.CustomerLink(
                    psp_account=link.psp_account,
                    psp_customer=link.psp_customer,
                    outcome=ENSURE_OUTCOMES.to_wire[link.outcome],
                )
                for link in links
            ]
        )


def read_ensure(request: pb.EnsureCustomerRequest, call: Call) -> EnsureCustomerCommand:
    """Parse an EnsureCustomerRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    request_id = reader.read("request_id", values.request_id, request.request_id)
    customer_id = reader.read("customer_id", values.identifier, request.customer_id)
    country_code = reader.read("country_code", values.country_code, request.country_code)
    if not request.HasField("profile"):
        reader.refuse("profile", "is required: without it her record would be emptied at the PSP")
    profile = request.profile
    email = reader.read("profile.email", texts.email, profile.email)
    name = reader.read("profile.name", texts.name, profile.name)
    phone = reader.read("profile.phone", texts.phone, profile.phone)
    locale = reader.read("profile.preferred_locale", texts.locale, profile.preferred_locale)
    reader.finish()
    return EnsureCustomerCommand(
        key=RequestKey(call.caller, call.rpc, request_id.value),
        profile=CustomerProfile(
            customer_id=customer_id.value,
            email=email.value,
            name=name.value,
            phone=phone.value,
            country_code=country_code.value,
            preferred_locale=locale.value,
        ),
    )
