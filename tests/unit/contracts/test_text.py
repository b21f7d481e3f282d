"""A pattern covers the whole text, in every dialect."""

from typing import Annotated

import msgspec
import pytest
from contracts.text import whole
from msgspec import Meta

Letters = Annotated[str, Meta(pattern=whole("a|b+"))]


@pytest.mark.parametrize("text", ["c", "", "ab", "bb\n", "\nbb", "a\n\n", "bb\r"])
def test_text_before_or_after_the_match_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(text), type=Letters)


@pytest.mark.parametrize("text", ["a", "bbb"])
def test_text_that_matches_the_pattern_is_accepted(text: str) -> None:
    assert msgspec.json.decode(msgspec.json.encode(text), type=Letters) == text
