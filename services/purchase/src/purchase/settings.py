"""What the service is told by its environment, read once at the start."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta, Struct

_LISTS = ("ADMIN_TOKENS", "RECEIPT_KEYS")
_LOCAL_SECRETS = {"ADMIN_TOKENS": "local-admin-token", "RECEIPT_KEYS": "local-receipt-key"}

Secret = Annotated[str, Meta(min_length=8)]


class Settings(Struct, frozen=True, kw_only=True, rename=str.upper):
    """The variables by their names in lower case; PURCHASE needs no other file or flag."""

    profile: Literal["local", "production"] = "production"
    redis_url: str = "redis://127.0.0.1:6379/0"
    rabbitmq_url: str = "amqp://guest:guest@127.0.0.1:5672/"
    partitions: Annotated[int, Meta(ge=1, le=4096)] = 64
    outbox_max: Annotated[int, Meta(ge=1)] = 100_000
    direct_sales: bool = True
    catalog_dir: str = "infra/catalog"
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Meta(ge=1, le=65535)] = 8001
    logging_config: str | None = None
    otel_exporter_otlp_endpoint: Annotated[str, Meta(pattern="^https?://")] | None = None
    admin_tokens: Annotated[tuple[Secret, ...], Meta(min_length=1)]
    receipt_keys: Annotated[tuple[Secret, ...], Meta(min_length=1)]

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables; stops the process, naming the one that is missing or wrong."""
        secrets = _LOCAL_SECRETS if environment.get("PROFILE") == "local" else {}
        given: dict[str, object] = {**secrets, **{name: text for name, text in environment.items() if text}}
        for name in _LISTS:
            if name in given:
                given[name] = [item.strip() for item in str(given[name]).split(",")]
        try:
            return msgspec.convert(given, cls, strict=False)
        except msgspec.ValidationError as error:
            raise SystemExit(f"purchase: wrong setting: {error}") from None
