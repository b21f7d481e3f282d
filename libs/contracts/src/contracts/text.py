"""Patterns that match a whole text, with the same meaning in Python and in JSON Schema."""


def whole(pattern: str) -> str:
    """Anchor `pattern` at both ends.

    Python's `$` also matches before a final line feed, ECMAScript's does not; `(?!\\n)` makes them
    agree.
    """
    return rf"^(?:{pattern})$(?!\n)"
