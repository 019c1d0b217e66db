"""A file that one run holds and the others find held; released when it is closed, or its process ends."""

import sys


def hold(descriptor: int) -> None:
    """Hold an open file; BlockingIOError if another run does."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(error.errno, error.strerror) from None
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
