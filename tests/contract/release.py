"""Write the schemas and samples of what the code promises: `python -m tests.contract.release`.

Answers 0 when they are written, 1 when nothing was because it would break what the main branch has released, and 2 when
nobody could say.
"""

import sys
from pathlib import Path

import msgspec

from tests.contract.compatibility import ROOT, RULE, SAMPLES, SCHEMAS, compared, documents, parsed, report
from tests.contract.main_branch import CannotCompare
from tests.contract.samples import samples
from tests.contract.schemas import schemas


def promised() -> dict[str, bytes]:
    """Every file that shall be there, by its path, laid out to be read."""
    lines = {f"{SCHEMAS}/{name}.json": msgspec.json.encode(schema) for name, schema in schemas().items()}
    lines |= {f"{SAMPLES}/{name}.json": sample for name, sample in samples().items()}
    return {path: msgspec.json.format(line, indent=2) + b"\n" for path, line in lines.items()}


def write(files: dict[str, bytes], root: Path = ROOT) -> list[str]:
    """Make the two folders hold these files and no others; what was done, line by line."""
    there = documents(root)
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
    sys.stdout.write("\n".join(write(files, root)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
