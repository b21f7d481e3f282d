"""The settings: environment variables, read once at the start."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta, Struct

SERVICE = "message-terminal"

WRITE = "write"
READ = "read"

BrokerName = Literal["rabbitmq", "kafka"]
_ADDRESSES = {"rabbitmq": "rabbitmq_url", "kafka": "kafka_bootstrap_servers"}


class WrongSetting(SystemExit):
    """A variable is missing or wrong; the text names it. Uncaught, it ends the process."""


class Settings(Struct, frozen=True, kw_only=True, rename=str.upper):
    """The environment variables, under their names in lower case.

    The address of BROKER is required, the other broker's is not. Without a `dynamodb_url` it is
    AWS; boto finds region and credentials by its own rules.
    """

    profile: Literal["local", "production"] = "production"
    partitions: Annotated[int, Meta(ge=1, le=4096)] = 64
    broker: BrokerName = "rabbitmq"
    rabbitmq_url: Annotated[str, Meta(pattern="^amqps?://")] = ""
    kafka_bootstrap_servers: Annotated[str, Meta(pattern=r"^[^\s,]+:\d+(,[^\s,]+:\d+)*$")] = ""
    kafka_idempotence: bool = True
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_username: str = ""
    kafka_sasl_password: str = ""
    kafka_replication: Annotated[int, Meta(ge=1, le=7)] = 3
    mysql_url: Annotated[str, Meta(pattern=r"^mysql\+aiomysql://")]
    dynamodb_url: Annotated[str, Meta(pattern="^https?://")] | None = None
    dynamodb_prefix: Annotated[str, Meta(pattern="^[A-Za-z0-9_.-]*$", max_length=200)] = ""
    models: Annotated[str, Meta(pattern="^(write|read|write,read|read,write)$")] = f"{WRITE},{READ}"
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Meta(ge=1, le=65535)] = 8002
    logging_config: str | None = None
    otel_exporter_otlp_endpoint: Annotated[str, Meta(pattern="^https?://")] | None = None

    def __post_init__(self) -> None:
        self.check_address(self.broker)
        if self.kafka_security_protocol.startswith("SASL_"):
            for name in ("kafka_sasl_username", "kafka_sasl_password"):
                if not getattr(self, name):
                    raise ValueError(f"KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} needs {name.upper()}")

    def check_address(self, broker: BrokerName) -> None:
        """Raise WrongSetting when the address of this broker is missing."""
        if not getattr(self, _ADDRESSES[broker]):
            raise WrongSetting(f"{SERVICE}: wrong setting: {broker} needs {_ADDRESSES[broker].upper()}")

    @property
    def model_names(self) -> list[str]:
        """Return the names of the models that this process projects."""
        return self.models.split(",")

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables; an empty one counts as absent. Raises WrongSetting."""
        try:
            return msgspec.convert(_given(environment), cls, strict=False)
        except msgspec.ValidationError as error:
            raise WrongSetting(f"{SERVICE}: wrong setting: {error}") from None


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are not empty."""
    return {name: text for name, text in environment.items() if text}
