"""Write the schemas, samples and description of what the code promises: `python -m tests.contract.release`.

Answers 0 when they are written, 1 when nothing was because it would break what the main branch has released, and 2 when
nobody could say.
"""

import sys
from pathlib import Path

import msgspec

from tests.contract.asyncapi.document import document
from tests.contract.asyncapi.page import page
from tests.contract.compatibility import ROOT, RULE, SAMPLES, SCHEMAS, compared, documents, parsed, report
from tests.contract.main_branch import CannotCompare
from tests.contract.samples import samples
from tests.contract.schemas import schemas

DOCUMENT = "libs/contracts/asyncapi.json"
PAGE = "libs/contracts/asyncapi.html"


def promised() -> dict[str, bytes]:
    """Every schema and sample that shall be there, by its path, laid out to be read."""
    lines = {f"{SCHEMAS}/{name}.json": msgspec.json.encode(schema) for name, schema in schemas().items()}
    lines |= {f"{SAMPLES}/{name}.json": sample for name, sample in samples().items()}
    return {path: _laid_out(line) for path, line in lines.items()}


def described() -> dict[str, bytes]:
    """What describes the whole of it, for programs and for people, by its path."""
    whole = document()
    return {DOCUMENT: _laid_out(msgspec.json.encode(whole)), PAGE: page(whole).encode()}


def write(files: dict[str, bytes], root: Path = ROOT) -> list[str]:
    """Write these files, and remove every other schema and sample; what was done, line by line."""
    there = {path: (root / path).read_bytes() for path in files if (root / path).exists()} | documents(root)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text)
    for path in there.keys() - files.keys():
        (root / path).unlink()
    changed = [f"wrote {path}" for path, text in files.items() if there.get(path) != text]
    return changed + [f"removed {path}" for path in sorted(there.keys() - files.keys())] or ["nothing had changed"]


def main(root: Path = ROOT) -> int:
    files = promised()
    try:
        comparisons = compared(parsed(files), root)
    except CannotCompare as error:
        sys.stdout.write(f"nothing was written, for it could not be compared with main: {error}\n")
        return 2
    if any(comparison.broken for comparison in comparisons):
        sys.stdout.write("\n".join([*report(comparisons, root), RULE, "nothing was written"]) + "\n")
        return 1
    sys.stdout.write("\n".join(write(files | described(), root)) + "\n")
    return 0


def _laid_out(line: bytes) -> bytes:
    return msgspec.json.format(line, indent=2) + b"\n"


if __name__ == "__main__":
    sys.exit(main())
