"""Source files to statements to passages to the index.

from ingest import ingest
ingest(["folder", "file.txt"], index="path/to/index")   # IngestReport
"""

from ingest.pipeline import ingest, rebuild, remove

__all__ = ["ingest", "rebuild", "remove"]
