"""Text of which a pattern covers the whole, in Python as in JSON Schema."""


def whole(pattern: str) -> str:
    """Anchor `pattern` at both ends.

    Python's `$` also matches before a line feed that ends the text, ECMAScript's does not; `(?!\\n)` makes them agree.
    """
    return rf"^(?:{pattern})$(?!\n)"
