"""OrderService: parse, call, convert."""

from __future__ import annotations

from gateway.api import values
from gateway.api.call import Context, current_call
from gateway.api.enums import ORDER_STATES
from gateway.api.fields import RequestReader
from gateway.api.money import money_message, timestamp_message
from gateway.api.order_reports import movement_message, read_invoiced, read_parcel
from gateway.api.payment_messages import payment_message
from gateway.api.use_cases import AccountUseCases, OrderUseCases
from gateway.orders.view import OrderView
from paygate.v1 import order_service_pb2 as pb
from paygate.v1.order_service_pb2_grpc import OrderServiceServicer


class OrderServicer(OrderServiceServicer):
    """Serves paygate.v1.OrderService."""

    def __init__(self, orders: OrderUseCases, accounts: AccountUseCases) -> None:
        self._orders = orders
        self._accounts = accounts

    async def GetOrder(self, request: pb.GetOrderRequest, context: Context) -> pb.GetOrderResponse:
        """See the contract."""
        view = await self._orders.get(read_get(request))
        return pb.GetOrderResponse(order=order_message(view))

    async def ReportInvoiced(
        self, request: pb.ReportInvoicedRequest, context: Context
    ) -> pb.ReportInvoicedResponse:
        """See the contract."""
        call = current_call()
        command = read_invoiced(request, call)
        posting = await self._accounts.report_invoiced(command, call.remaining_s())
        call.facts.update(order_id=posting.order_id, movement=posting.key)
        return pb.ReportInvoicedResponse(movement=movement_message(posting))

    async def ReportParcelCreated(
        self, request: pb.ReportParcelCreatedRequest, context: Context
    ) -> pb.ReportParcelCreatedResponse:
        """See the contract."""
        call = current_call()
        command = read_parcel(request, call)
        posting = await self._accounts.report_parcel(command, call.remaining_s())
        call.facts.update(order_id=posting.order_id, movement=posting.key)
        return pb.ReportParcelCreatedResponse(movement=movement_message(posting))


def read_get(request: pb.GetOrderRequest) -> str:
    """Return the order's id; raises `PaygateError` if it has not the form of one."""
    reader = RequestReader()
    order_id = reader.read("order_id", values.identifier, request.order_id)
    reader.finish()
    return order_id.value


def order_message(view: OrderView) -> pb.Order:
    """Write an order."""
    order = view.order
    return pb.Order(
        order_id=order.order_id,
        customer_id=order.customer_id,
        country_code=order.country_code,
        total=money_message(order.total),
        state=ORDER_STATES.to_wire[order.state],
        waiting_for=view.waiting_for,
        payments=[payment_message(payment) for payment in view.payments],
        create_time=timestamp_message(order.create_time),
        update_time=timestamp_message(order.update_time),
    )
