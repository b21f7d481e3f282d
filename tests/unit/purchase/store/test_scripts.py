"""Each Lua script names exactly the shared pieces that it needs, in an order that loads."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from purchase.store.scripts import LUA, needs, source

FOLDER = Path(str(LUA))
SCRIPTS = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.lua"))}
PIECES = {path.stem: path.read_text() for path in sorted((FOLDER / "lib").glob("*.lua"))}

GLOBALS = {"ARGV", "KEYS", "ipairs", "math", "redis", "string", "struct", "table", "tonumber", "unpack"}
KEYWORDS = {"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local"}
KEYWORDS |= {"nil", "not", "or", "repeat", "return", "then", "true", "until", "while"}
NAMES = r"(?!function\b)(\w+(?:,\s*\w+)*)"
FUNCTION = r"local function (\w+)"


def code(text: str) -> str:
    """Lua without its strings, its comments, and the fields of its tables."""
    text = re.sub(r"--.*", "", text)
    text = re.sub(r"'[^']*'", "''", text)
    text = re.sub(r"(?<!\.)\.(?!\.)\w+|:\w+", "", text)
    return re.sub(r"\{[^{}]*\}", lambda fields: re.sub(r"\w+ = ", "", fields[0]), text)


def provided(piece: str) -> set[str]:
    """The names that a piece declares for all that follows it."""
    return names_in(re.findall(rf"^(?:{FUNCTION}|local {NAMES})", code(PIECES[piece]), re.MULTILINE))


def missing(text: str) -> set[str]:
    """The names that a text uses and does not declare."""
    lua = code(text)
    declared = re.findall(rf"{FUNCTION}|\b(?:local|for) {NAMES}", lua)
    parameters = re.findall(rf"\bfunction(?: \w+)?\({NAMES}()", lua)
    return names_in([(lua, "")]) - names_in(declared + parameters) - KEYWORDS - GLOBALS


def names_in(texts: Sequence[tuple[str, str]]) -> set[str]:
    return {name for pair in texts for text in pair for name in re.findall(r"\b[A-Za-z_]\w*", text)}


def unprovided(pieces: Sequence[str], script: str) -> Iterator[str]:
    """The names that a script or one of its pieces uses, and no piece before it provides."""
    known: set[str] = set()
    for piece in pieces:
        yield from missing(PIECES[piece]) - known
        known |= provided(piece)
    yield from missing(script) - known


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_pieces_of_a_script_provide_every_name_that_it_and_they_use(name: str) -> None:
    assert not list(unprovided(needs(SCRIPTS[name]), SCRIPTS[name]))


@pytest.mark.parametrize(("name", "piece"), [(name, piece) for name in SCRIPTS for piece in needs(SCRIPTS[name])])
def test_a_script_needs_every_piece_that_it_names(name: str, piece: str) -> None:
    others = [other for other in needs(SCRIPTS[name]) if other != piece]

    assert list(unprovided(others, SCRIPTS[name]))


def test_every_piece_is_needed_by_a_script() -> None:
    assert {piece for script in SCRIPTS.values() for piece in needs(script)} == set(PIECES)


def test_a_script_is_loaded_behind_its_pieces_in_the_order_that_it_names_them() -> None:
    assert needs(SCRIPTS["claim_due"]) == ["clock"]
    assert source("claim_due") == f"{PIECES['clock']}\n{SCRIPTS['claim_due']}"


def test_a_script_that_names_no_piece_is_loaded_alone() -> None:
    assert source("take_lease") == SCRIPTS["take_lease"]
