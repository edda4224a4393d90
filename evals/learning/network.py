"""The reader as a torch module: multilingual-e5-small's body, with heads that say whether a passage answers and where.

    input   <s> question </s></s> head passage </s>
    first   (answers, contradicts)      logits of the first token
    tokens  (begin, end, bears)         logits of every token: where the answer begins and ends, which sentences bear it

The word embeddings stay the embedding model's own, so that both share them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from rag.embedding.e5_file import configuration, kept_pieces, read_e5, state_dict

FROZEN = 4  # lower layers that stay the embedding model's: a quarter less to compute


class Reader(nn.Module):
    """Body and heads. (batch, tokens) ids and mask in; (batch, 2) and (batch, tokens, 3) logits out."""

    def __init__(self, body: BertModel) -> None:
        super().__init__()
        self.body = body
        hidden = body.config.hidden_size
        self.first, self.tokens = nn.Linear(hidden, 2), nn.Linear(hidden, 3)
        for frozen in (self.body.embeddings, *self.body.encoder.layer[:FROZEN]):
            frozen.requires_grad_(False)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        states = self.body(input_ids=ids, attention_mask=mask).last_hidden_state
        return self.first(states[:, 0]), self.tokens(states)

    def learnt(self) -> dict[str, Tensor]:
        """What differs from the embedding model: everything but the word embeddings."""
        return {name: value for name, value in self.state_dict().items() if "word_embeddings" not in name}


def untrained(weights: Path) -> Reader:
    """Return the reader on the body of an E5S1 file, its heads still empty."""
    file = read_e5(weights)
    kept = kept_pieces(file)
    content: Any = configuration(file, kept)["config.json"]
    config = BertConfig(**content, attention_probs_dropout_prob=0.0, hidden_dropout_prob=0.0)
    config._attn_implementation = "sdpa"
    body = BertModel(config, add_pooling_layer=False)
    missing, unexpected = body.load_state_dict({name: torch.from_numpy(value) for name, value in state_dict(file, kept)}, strict=False)
    assert not unexpected, unexpected
    assert not [name for name in missing if "position_ids" not in name], missing
    return Reader(body)
