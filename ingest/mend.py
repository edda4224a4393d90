"""What `bayan doctor --fix` does: the manifest put back, what is lost of the store made anew from its texts, the rest brought in step.

mend(load_settings())   # IngestReport of the index made anew, None when that was not needed
"""

from __future__ import annotations

from ingest.pipeline import rebuild
from rag.doctor import fix, mend_model
from rag.index.damage import find_damage
from rag.index.manifest import FORMAT, exclusive, read_manifest, restore_manifest
from rag.schema import IngestReport
from rag.settings import Settings


def mend(settings: Settings, *, progress: bool = False) -> IngestReport | None:
    """Mend what is damaged of model and index. Raises IndexMissing, IndexBusy, IndexMismatch, IndexUnusable, ModelError."""
    mend_model(settings)
    if settings.index.is_dir():
        with exclusive(settings.index):
            restore_manifest(settings.index)
    manifest = read_manifest(settings.index)
    if manifest.format < FORMAT or find_damage(settings.index, manifest, chroma_url=settings.chroma_url).of_store:
        return rebuild(settings=settings, progress=progress)
    fix(settings)
    return None
