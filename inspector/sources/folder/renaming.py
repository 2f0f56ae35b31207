"""Owns renaming a file from one open folder to another, never onto a file that is there."""

import ctypes
import errno
import os

_RENAME_NOREPLACE = 1  # linux/fs.h
#: What a file system answers that cannot refuse a taken name while it renames, such as NFS.
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS)
_renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
_renameat2.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)


def renamed(source: int, name: bytes, target: int, target_name: bytes) -> bool:
    """Rename `name` in the folder of descriptor `source` to `target_name` in the folder of descriptor `target`.

    Return False if the file system cannot do that without replacing a file; then nothing was renamed.
    Raise FileExistsError if the new name is taken, FileNotFoundError if nothing has the old one, and OSError as
    `os.rename` does.
    """
    if _renameat2(source, name, target, target_name, _RENAME_NOREPLACE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), os.fsdecode(target_name))
