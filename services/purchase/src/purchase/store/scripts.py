"""The Lua scripts of the service, each behind the shared pieces that its first line names."""

from importlib.resources import files

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

LUA = files("purchase") / "lua"

_NEEDS = "-- needs: "


def load(redis: "Redis", name: str) -> AsyncScript:
    """Prepare `lua/<name>.lua`; the first call uploads it to a Redis that does not have it yet."""
    return redis.register_script(source(name))


def source(name: str) -> str:
    """Return the script behind its pieces, `lua/lib/<piece>.lua`, in the order it names them."""
    script = (LUA / f"{name}.lua").read_text()
    return "\n".join([*((LUA / "lib" / f"{piece}.lua").read_text() for piece in needs(script)), script])


def needs(script: str) -> list[str]:
    """Return the pieces that the first line of a script names: `-- needs: outbox clock`."""
    first, _, _ = script.partition("\n")
    return first.removeprefix(_NEEDS).split() if first.startswith(_NEEDS) else []
