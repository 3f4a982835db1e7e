"""A lock that a writer holds on its journal for life; the system frees it at death."""

from __future__ import annotations

import errno
import sys
import time

if sys.platform != "win32":
    import fcntl

# File systems without locks: the run's file itself is still opened by one writer only.
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
# A look by is_locked holds the lock for microseconds: that is no other owner.
_TRIES = 5
_PAUSE = 0.01  # s


def take_lock(handle: int) -> bool:
    """Take the lock of an open file, without waiting for another owner.

    Parameters
    ----------
    handle : int
        File descriptor; the lock is freed when it is closed, or its process ends.

    Returns
    -------
    bool
        False if another process holds the lock. True where the system has no such
        locks: Windows refuses to replace a file that another process has open anyway.
    """
    if sys.platform == "win32":
        return True
    for attempt in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE if attempt < _TRIES - 1 else 0.0)
        except OSError as error:
            return error.errno in _UNSUPPORTED
        else:
            return True
    return False


def is_locked(handle: int) -> bool:
    """Return whether another process, or another opening, holds the lock of a file.

    Parameters
    ----------
    handle : int
        File descriptor.
    """
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no locks here: nothing can be told
        return False
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False
