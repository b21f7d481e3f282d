"""The webhook of the payment provider."""

from litestar import Response, post

from purchase.http import examples
from purchase.http.bodies import ProviderEventBody
from purchase.http.openapi import STRIPE_SIGNATURE, declare_request, declare_responses
from purchase.http.problems import TOO_LARGE
from purchase.http.requests import HttpRequest
from purchase.http.services import services_of
from purchase.providers import InvalidSignature
from purchase.refusals import InvalidRequest


@post(
    "/api/v1/payments/webhook",
    status_code=204,
    tags=["Payments"],
    operation_id="receiveWebhook",
    summary="Receive a provider webhook",
    operation_class=declare_request(
        ProviderEventBody, examples.PROVIDER_EVENT, [STRIPE_SIGNATURE], response_headers={}
    ),
    responses=declare_responses({204: None}, with_body=False, others=[TOO_LARGE]),
)
async def receive_webhook(request: HttpRequest) -> Response[None]:
    """Store the event durably, then answer, then handle it. Retry on any answer other than 2xx.

    The signature covers the body byte for byte and is valid for five minutes.
    """
    body = await request.body()
    try:
        await services_of(request).webhooks.receive(body, request.headers.get("stripe-signature", ""))
    except InvalidSignature as error:
        raise InvalidRequest(f"The signature is not valid: {error}.", field="Stripe-Signature") from None
    return Response(None)


handlers = [receive_webhook]
