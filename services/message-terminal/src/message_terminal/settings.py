"""What a process of the message terminal is told by its environment, read once."""

import json
import logging
import logging.config
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

WRITE = "write"
READ = "read"

BrokerName = Literal["rabbitmq", "kafka"]
_ADDRESSES = {"rabbitmq": "rabbitmq_url", "kafka": "kafka_bootstrap_servers"}


class WrongSetting(ValueError):
    """A variable is missing or has a value that cannot be used; the text names it."""


class Settings(Struct, frozen=True, kw_only=True, rename=str.upper):
    """The variables by their names, in lower case.

    Of the brokers' addresses that of BROKER is needed. `dynamodb_url` None means AWS itself; region and credentials are
    found by boto's own rules.
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
                    raise WrongSetting(f"KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} needs {name.upper()}")

    def check_address(self, broker: BrokerName) -> None:
        """Raises WrongSetting when it is not told where this broker is."""
        if not getattr(self, _ADDRESSES[broker]):
            raise WrongSetting(f"{broker} needs {_ADDRESSES[broker].upper()}")

    @property
    def model_names(self) -> list[str]:
        """Those that this process works on."""
        return self.models.split(",")


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings; an empty variable counts as absent. Raises WrongSetting."""
    try:
        return msgspec.convert({name: value for name, value in environment.items() if value}, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise WrongSetting(str(error)) from error


def configure_logging(path: str | None) -> None:
    """Log as the JSON file says, or plainly from INFO up."""
    if path is None:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    else:
        logging.config.dictConfig({"disable_existing_loggers": False} | json.loads(Path(path).read_bytes()))
