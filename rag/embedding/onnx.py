"""The ONNX graph that `rag.embedding.e5_graph` makes, run by ONNX Runtime as an encoder of batches.

Knows the graph's inputs and the tokenizer and prompts of the folder it was made with; nothing of how either came about. Imports no torch.
Several threads encode side by side: neither the session nor the tokenizer, untouched once it is set up, keeps anything between calls.

    OnnxEncoder(folder).encode(["Who retook the prison?"], "query")
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag.embedding.e5_graph import GRAPH
from rag.embedding.local import Floats, Kind
from rag.errors import ModelError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

NO_OVERFLOW = ("session.x64quantprecision", "1")  # without VNNI the 8-bit products are summed in 16 bits, which full weights overflow
NO_SPINNING = ("session.intra_op.allow_spinning", "0")  # a server waiting for questions leaves the processor alone


class OnnxEncoder:
    """A loaded graph with its tokenizer. Raises ModelError when they cannot be read."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._name = folder.parent.name
        try:
            self._prompts = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))["prompts"]
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._tokenizer.enable_truncation(json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"])
            self._padding = self._tokenizer.token_to_id("<pad>")
            self._session = _session(folder / GRAPH)
        except Exception as error:  # the tokenizer's and the runtime's errors have no family of their own
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise ModelError(
                f'the embedding model in "{folder}" cannot be loaded: {reason}; run `bayan models pull {folder.parent.name}`'
            ) from error

    @property
    def dimension(self) -> int:
        return int(self._session.get_outputs()[0].shape[1])

    def encode(self, texts: Sequence[str], kind: Kind) -> Floats:
        """Embed one batch: (n, dimension), unit norm."""
        tokens = [found.ids for found in self._tokenizer.encode_batch_fast([self._prompts[kind] + text for text in texts])]
        lengths = np.array([len(ids) for ids in tokens], np.int32)
        present = np.arange(lengths.max()) < lengths[:, None]
        ids = np.full(present.shape, self._padding, np.int64)
        ids[present] = np.concatenate(tokens)
        given = {"input_ids": ids, "mask": present.astype(np.float32), "lengths": lengths}
        try:
            vectors: Floats = self._session.run(None, given)[0]
        except Exception as error:  # see above
            reason = str(error).strip().partition("\n")[0]
            raise ModelError(f"the embedding model fails: {reason}; run `bayan models pull {self._name}`") from error
        return vectors


def _session(graph: Path) -> InferenceSession:
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # its Windows builds have some
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads()
    options.log_severity_level = 3
    for name, value in (NO_OVERFLOW, NO_SPINNING):
        options.add_session_config_entry(name, value)
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _threads() -> int:
    """What the environment asks for, as for torch; else the processors that this process may use, fewer in a container than there are."""
    if (asked := os.environ.get("OMP_NUM_THREADS", "")).isdigit():
        return max(1, int(asked))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
