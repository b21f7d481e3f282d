"""The rule of plain English, and where it applies."""

import subprocess
from pathlib import Path

import pytest

from tests.plain_english import main, prose, riddles


@pytest.mark.parametrize(
    ("page", "lines"),
    [
        ("What is sold stays sold.", [1]),
        ("Seats are held. Whoever comes\nlater is refused: Whatever happens.", [1, 2]),
        ("- one\n- **What** it is", [2]),
        ("| a | What it is |", [1]),
        ("## What is where\n\nIs it?", [1]),
        ("What is a hold? Whatever you like.", [1]),
        ("What\nis a hold?", []),
        ("It knows what is sold.", []),
    ],
)
def test_a_sentence_that_begins_with_what_is_a_riddle_unless_it_asks(page: str, lines: list[int]) -> None:
    assert riddles("What", page) == lines


def test_every_tell_is_a_riddle() -> None:
    assert riddles("tell", "It tells them.\nThey were TOLD, and tell others of the teller.") == [1, 2, 2]


def test_in_python_docstrings_and_comments_are_prose() -> None:
    source = '"""Told."""\nx = "told"  # told\n\n\nclass Told:\n    """One.\n\n    Two are told.\n    """\n'
    page = prose(".py", source)
    assert riddles("tell", page) == [1, 2, 8]
    assert "class" not in page


def test_in_lua_comments_are_prose() -> None:
    assert riddles("tell", prose(".lua", "-- It tells.\nlocal told = 1 -- told\n")) == [1, 2]


def test_quoted_code_is_no_prose() -> None:
    assert riddles("What", prose(".md", "```\nWhat is code\n```\nWhat is prose. `What` is a word.")) == [4]


def test_riddles_in_tracked_files_are_listed_where_they_are_too_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "-C", str(tmp_path), "init", "--quiet"], check=True)
    (tmp_path / "plain.md").write_text("Seats are held.\n")
    (tmp_path / "riddle.md").write_text("one\nWhat is told.\n")
    subprocess.run(["git", "-C", str(tmp_path), "add", "plain.md"], check=True)
    assert main(tmp_path) == 0
    subprocess.run(["git", "-C", str(tmp_path), "add", "riddle.md"], check=True)
    assert main(tmp_path) == 1
    assert "What: 142.86 in 1,000 words\n  riddle.md:2\n" in capsys.readouterr().out
