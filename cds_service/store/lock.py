"""The claim on a SQLite file: one service at a time, on a disk of this machine."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

from cds_service.store.errors import StoreError

_WAY_OUT = "Use PostgreSQL where several services share a store: CDS_DATABASE_URL=postgresql://…"
_NETWORK = {
    "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs",
    "nfs4", "ocfs2", "smb3", "smbfs",
}  # fmt: skip
# A file system in user space is most often somewhere else; these are not.
_LOCAL_FUSE = {"fuse.fuse-overlayfs", "fuse.ntfs-3g", "fuse.ext4", "fuseblk"}
_MOUNTS = Path("/proc/self/mountinfo")


def refuse_network(file: Path) -> None:
    """Raise StoreError where a file would lie on a network file system.

    SQLite's locks and its shared memory do not work there: the file would be damaged.
    """
    kind = file_system(file.resolve().parent)
    if kind in _NETWORK or (kind.startswith("fuse") and kind not in _LOCAL_FUSE):
        msg = (
            f"CDS_DATABASE_URL: {file} lies on a file system of type {kind}, where SQLite loses "
            f"data. Name a file on a local disk. {_WAY_OUT}"
        )
        raise StoreError(msg)


def file_system(folder: Path) -> str:
    """Return the type of the file system that a folder lies on, or "" where that is not told."""
    best, kind = -1, ""
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        # The kernel writes blanks and backslashes of a path as three octal digits.
        point = re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), before.split(" ")[4])
        # Of two mounts at one place the later one covers the other.
        if len(point) >= best and folder.is_relative_to(point):
            best, kind = len(point), after.split(" ")[0]
    return kind


class Claim:
    """An exclusive lock beside a file, held while the process or one that it forked lives."""

    def __init__(self, file: Path) -> None:
        """Take the lock. Raises StoreError where another service has it."""
        self.file = file.with_name(f"{file.name}.lock")
        try:
            self._held = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            msg = (
                f"CDS_DATABASE_URL: {self.file} cannot be opened ({error.strerror}). Name a file "
                "in a folder that exists and that this user may write to."
            )
            raise StoreError(msg) from None
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._held)
            msg = (
                f"CDS_DATABASE_URL: another service runs on {file}. Stop it, or name another "
                f"file. {_WAY_OUT}"
            )
            raise StoreError(msg) from None

    def release(self) -> None:
        """Let another service have the file; to be called again does nothing."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1
