"""Where the payment provider tells what it does by itself."""

from litestar import Response, post

from purchase.http import examples
from purchase.http.bodies import ProviderEventBody
from purchase.http.openapi import STRIPE_SIGNATURE, declare, takes
from purchase.http.problems import TOO_LARGE
from purchase.http.services import Caller, services_of
from purchase.providers import InvalidSignature
from purchase.refusals import InvalidRequest


@post(
    "/api/v1/payments/webhook",
    status_code=204,
    tags=["Payments"],
    operation_id="receiveWebhook",
    summary="Take a notification of the payment provider",
    operation_class=takes(ProviderEventBody, examples.PROVIDER_EVENT, [STRIPE_SIGNATURE]),
    responses=declare({204: None}, with_body=False, more=[TOO_LARGE]),
)
async def receive_webhook(request: Caller) -> Response[None]:
    """Answered once it is durably stored, and handled after that. Whatever the answer is but 2xx: repeat it.

    The signature is over the body as it came, and five minutes old at most.
    """
    body = await request.body()
    try:
        await services_of(request).webhooks.receive(body, request.headers.get("stripe-signature", ""))
    except InvalidSignature as error:
        raise InvalidRequest(f"the signature is not valid: {error}", field="Stripe-Signature") from None
    return Response(None)


handlers = [receive_webhook]
