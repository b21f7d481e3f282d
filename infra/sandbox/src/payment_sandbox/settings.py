"""What the sandbox is told by its environment, read once at the start."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta, Struct

_LOCAL_SECRETS = {"API_KEY": "local-sandbox-key", "WEBHOOK_SECRET": "local-webhook-secret"}

Secret = Annotated[str, Meta(min_length=8)]
Seconds = Annotated[float, Meta(ge=0, le=600)]


class Settings(Struct, frozen=True, kw_only=True, rename=str.upper):
    """The variables by their names in lower case; without a `webhook_url` webhooks wait."""

    profile: Literal["local", "production"] = "production"
    data_dir: str = "."
    webhook_url: Annotated[str, Meta(pattern="^https?://")] | None = None
    webhook_secret: Secret
    api_key: Secret
    slow_seconds: Seconds = 5.0
    late_seconds: Seconds = 5.0
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Meta(ge=1, le=65535)] = 8004
    logging_config: str | None = None

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables; stops the process, naming the one that is missing or wrong."""
        secrets = _LOCAL_SECRETS if environment.get("PROFILE") == "local" else {}
        given = {**secrets, **{name: text for name, text in environment.items() if text}}
        try:
            return msgspec.convert(given, cls, strict=False)
        except msgspec.ValidationError as error:
            raise SystemExit(f"payment_sandbox: wrong setting: {error}") from None
