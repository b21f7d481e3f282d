"""The Lua scripts that ship with the service, each with the shared pieces it needs in front."""

from importlib.resources import files

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

_LUA = files("purchase") / "lua"


def load(redis: "Redis", name: str, *pieces: str) -> AsyncScript:
    """Prepare `lua/<name>.lua` behind `lua/lib/<piece>.lua`; a Redis that does not have it yet is given it."""
    texts = [(_LUA / "lib" / f"{piece}.lua").read_text() for piece in pieces]
    return redis.register_script("\n".join([*texts, (_LUA / f"{name}.lua").read_text()]))
