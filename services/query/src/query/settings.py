"""The settings of the service: environment variables, read once at the start."""

import os
from collections.abc import Mapping
from typing import Annotated, Self

import msgspec
from msgspec import Meta, Struct

Port = Annotated[int, Meta(ge=1, le=65535)]
MysqlUrl = Annotated[str, Meta(pattern=r"^mysql\+aiomysql://")]


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
        """Read the variables. Raises SystemExit, which names the missing or wrong one."""
        given = {name: text for name, text in environment.items() if text}
        try:
            return msgspec.convert(given, cls, strict=False)
        except msgspec.ValidationError as error:
            raise SystemExit(f"query: wrong setting: {error}") from None
