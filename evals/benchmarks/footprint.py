"""What a process and a folder take up, in megabytes, for the benchmarks.

peak_mb(), held_mb(server.pid), disk_mb(Path("index"))
"""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path


def peak_mb() -> float:
    """Return the most memory that this process has held; on Linux without what it inherited from who started it, as `ru_maxrss` has it."""
    if sys.platform == "linux":
        return _status("self", "VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1_048_576 if sys.platform == "darwin" else 1_024)


def held_mb(process: int) -> float:
    """Return the memory that a process holds now. Linux only."""
    return _status(str(process), "VmRSS")


def disk_mb(folder: Path) -> float:
    """Return what the files below a folder take up."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _status(process: str, name: str) -> float:
    told = re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{process}/status").read_text(encoding="utf-8"))
    return int(told[1]) / 1_024 if told else 0.0
