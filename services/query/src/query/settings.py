"""The settings: environment variables, read once at the start."""

import os
from collections.abc import Mapping
from typing import Annotated, Self

import msgspec
from msgspec import Meta, Struct

SERVICE = "query"

Port = Annotated[int, Meta(ge=1, le=65535)]
MysqlUrl = Annotated[str, Meta(pattern=r"^mysql\+aiomysql://")]


class WrongSetting(SystemExit):
    """A variable is missing or wrong; the text names it. Uncaught, it ends the process."""


class Settings(Struct, frozen=True, kw_only=True, rename=str.upper):
    """The environment variables, under their names in lower case."""

    mysql_url: MysqlUrl
    partitions: Annotated[int, Meta(ge=1, le=4096)] = 64
    http_host: str = "127.0.0.1"
    http_port: Port = 8003
    logging_config: str | None = None
    otel_exporter_otlp_endpoint: Annotated[str, Meta(pattern="^https?://")] | None = None

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
