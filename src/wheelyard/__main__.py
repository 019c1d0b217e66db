"""``python -m wheelyard``."""

from wheelyard.cli.main import script

if __name__ == "__main__":
    script()
