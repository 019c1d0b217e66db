"""Runs inside a proven environment: the check of one package, which calculates something and compares it.

Standard library only, Python 3.6 and newer; imports nothing from the rest, as the target has nothing of the rest.

Usage: ``python check_probe.py HOME FILE``; prints one JSON object. A check is Python code that ends without an error
if the package calculates rightly.
"""

import json
import runpy
import sys
import traceback
from pathlib import Path


def main() -> None:
    """Run the check and print what it ended with."""
    error = None
    try:
        runpy.run_path(str(Path(__file__).with_name(sys.argv[2])), run_name="__main__")
    except SystemExit as ended:
        error = None if ended.code in (None, 0) else f"it ended with {ended.code}"
    except BaseException:  # whatever it ends with is the answer
        error = traceback.format_exc().strip().splitlines()[-1]
    sys.stdout.flush()
    print("\n" + json.dumps({"error": error}))


if __name__ == "__main__":
    main()
