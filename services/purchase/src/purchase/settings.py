"""The settings: environment variables, read once at the start."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta, Struct

SERVICE = "purchase"

_LISTS = ("ADMIN_TOKENS", "RECEIPT_KEYS", "WEBHOOK_SECRETS")
_LOCAL = {
    "ADMIN_TOKENS": "local-admin-token",
    "RECEIPT_KEYS": "local-receipt-key",
    "PAYMENT_PROVIDER": "sandbox",
    "SANDBOX_API_KEY": "local-sandbox-key",
    "WEBHOOK_SECRETS": "local-webhook-secret",
}
_NEEDED_BY = {
    "none": (),
    "sandbox": ("sandbox_api_key", "webhook_secrets"),
    "stripe": ("stripe_api_key", "webhook_secrets"),
}

Secret = Annotated[str, Meta(min_length=8)]
HttpUrl = Annotated[str, Meta(pattern="^https?://")]


class WrongSetting(SystemExit):
    """A variable is missing or wrong; the text names it. Uncaught, it ends the process."""


class Settings(Struct, frozen=True, kw_only=True, rename=str.upper):
    """The environment variables, under their names in lower case; there is no other configuration.

    While the platform moves from one broker to another, the relay also publishes to
    `mirror_broker`, or consumes the remaining messages of `drain_broker`.
    """

    profile: Literal["local", "production"] = "production"
    redis_url: str = "redis://127.0.0.1:6379/0"
    broker: Literal["rabbitmq", "kafka"] = "rabbitmq"
    mirror_broker: Literal["none", "rabbitmq", "kafka"] = "none"
    drain_broker: Literal["none", "rabbitmq", "kafka"] = "none"
    rabbitmq_url: str = "amqp://guest:guest@127.0.0.1:5672/"
    kafka_bootstrap_servers: Annotated[str, Meta(pattern=r"^[^\s,]+:\d+(,[^\s,]+:\d+)*$")] = "127.0.0.1:9092"
    kafka_idempotence: bool = True
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_username: str = ""
    kafka_sasl_password: str = ""
    partitions: Annotated[int, Meta(ge=1, le=4096)] = 64
    outbox_max: Annotated[int, Meta(ge=1)] = 100_000
    direct_sales: bool = True
    hold_seconds: Annotated[int, Meta(ge=1, le=3_600)] = 120
    holds_per_customer: Annotated[int, Meta(ge=1, le=100)] = 3
    catalog_dir: str = "infra/catalog"
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Meta(ge=1, le=65535)] = 8001
    logging_config: str | None = None
    otel_exporter_otlp_endpoint: Annotated[str, Meta(pattern="^https?://")] | None = None
    admin_tokens: Annotated[tuple[Secret, ...], Meta(min_length=1)]
    receipt_keys: Annotated[tuple[Secret, ...], Meta(min_length=1)]
    payment_provider: Literal["none", "sandbox", "stripe"] = "none"
    sandbox_url: HttpUrl = "http://127.0.0.1:8004"
    sandbox_api_key: Secret = ""
    stripe_url: HttpUrl | None = None
    stripe_api_key: Secret = ""
    webhook_secrets: tuple[Secret, ...] = ()
    payment_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 900

    def __post_init__(self) -> None:
        brokers = [name for name in (self.broker, self.mirror_broker, self.drain_broker) if name != "none"]
        if len(brokers) != len({*brokers}):
            raise ValueError("BROKER, MIRROR_BROKER and DRAIN_BROKER must name different brokers")
        if self.kafka_security_protocol.startswith("SASL_"):
            for name in ("kafka_sasl_username", "kafka_sasl_password"):
                if not getattr(self, name):
                    raise ValueError(f"KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} needs {name.upper()}")
        for name in _NEEDED_BY[self.payment_provider]:
            if not getattr(self, name):
                raise ValueError(f"PAYMENT_PROVIDER={self.payment_provider} needs {name.upper()}")

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables; an empty one counts as absent. Raises WrongSetting."""
        try:
            return msgspec.convert(_given(environment), cls, strict=False)
        except msgspec.ValidationError as error:
            raise WrongSetting(f"{SERVICE}: wrong setting: {error}") from None


def _given(environment: Mapping[str, str]) -> dict[str, object]:
    """Return the variables that are not empty, lists split at commas.

    PROFILE=local has secrets of its own, and pays at the sandbox.
    """
    local = _LOCAL if environment.get("PROFILE") == "local" else {}
    given: dict[str, object] = {**local, **{name: text for name, text in environment.items() if text}}
    for name in _LISTS:
        if name in given:
            given[name] = [item.strip() for item in str(given[name]).split(",")]
    return given
