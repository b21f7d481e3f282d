"""The settings: environment variables, read once at the start."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta, Struct

SERVICE = "payment_sandbox"

_LOCAL_SECRETS = {"API_KEY": "local-sandbox-key", "WEBHOOK_SECRET": "local-webhook-secret"}

Secret = Annotated[str, Meta(min_length=8)]
Seconds = Annotated[float, Meta(ge=0, le=600)]


class WrongSetting(SystemExit):
    """A variable is missing or wrong; the text names it. Uncaught, it ends the process."""


class Settings(Struct, frozen=True, kw_only=True, rename=str.upper):
    """The environment variables, in lower case. Without a `webhook_url`, webhooks stay queued."""

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
        """Read the variables; an empty one counts as absent. Raises WrongSetting."""
        try:
            return msgspec.convert(_given(environment), cls, strict=False)
        except msgspec.ValidationError as error:
            raise WrongSetting(f"{SERVICE}: wrong setting: {error}") from None


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are not empty; PROFILE=local has secrets of its own."""
    secrets = _LOCAL_SECRETS if environment.get("PROFILE") == "local" else {}
    return {**secrets, **{name: text for name, text in environment.items() if text}}
