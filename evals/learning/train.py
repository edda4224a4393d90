"""Train the reader: the public questions first, the authored statements last. Resumable, seeded, on 2 cores or a GPU.

    python -m evals.learning.train public ../shared --examples 60000 --folder index/reader
    python -m evals.learning.train own ../shared --examples 20000 --folder index/reader

Each stage goes on from its last checkpoint in `folder`, `own` at first from where `public` ended. Measured on 2 cores with AMX: see
README.md of this folder.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

from evals.learning.examples import Example, Mixture, OwnMixture, answered, unanswered
from evals.learning.network import Reader, untrained
from evals.learning.rows import Row, is_unseen, own_rows, public_rows, translated_pairs
from rag.embedding.catalogue import entry, weights_path
from rag.embedding.local import unpacked
from rag.settings import load_settings

MODEL = "multilingual-e5-small"
MAX_TOKENS = 288
BATCH, CHUNKS = 32, 8  # batches are cut from so many batches' worth of examples, sorted by length
RATES = {"public": 1.2e-4, "own": 8e-5}
SEED = 20311
SAVE_EVERY = 50  # batches


def encode(tokenizer: Tokenizer, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Tokens and targets of examples. An answer cut off by the limit counts as none."""
    shown = [(example.question, (example.head + "\n" if example.head else "") + example.passage) for example in examples]
    made = []
    for example, found in zip(examples, tokenizer.encode_batch(shown), strict=True):
        shift = len(example.head) + 1 if example.head else 0
        offsets = np.array(found.offsets)
        # The first token of the passage may begin with the space before it.
        second = (np.array(found.sequence_ids, dtype=object) == 1) & (offsets[:, 1] > shift)
        starts = [(s + shift, e + shift) for s, e in example.spans]
        target = np.zeros((2, len(found.ids)), np.float32)
        for s, e in starts:
            within = np.flatnonzero(second & (offsets[:, 0] < e) & (offsets[:, 1] > s))
            if len(within) and offsets[within[-1], 1] >= e:
                target[0, within[0]] = target[1, within[-1]] = 1
        bears = np.zeros(len(found.ids), np.float32)
        for s, e in example.borne:
            bears[second & (offsets[:, 0] < e + shift) & (offsets[:, 1] > s + shift)] = 1
        seen = bool(target[0].any()) or not example.spans
        if not target[0].any():
            target[:, 0] = 1
        made.append(
            {
                "ids": found.ids, "target": target, "bears": bears, "second": second,
                "answers": float(example.answers and seen), "contradicts": example.contradicts, "seen": seen,
            }
        )  # fmt: skip
    return made


def collate(rows: Sequence[dict[str, Any]], padding: int, device: torch.device) -> dict[str, Tensor]:
    """Pad to the longest."""
    width = max(len(row["ids"]) for row in rows)

    def padded(key: str, fill: float = 0) -> np.ndarray[Any, Any]:
        out = np.full((len(rows), width), fill, np.float32)
        for i, row in enumerate(rows):
            out[i, : len(row[key])] = row[key]
        return out

    target = np.zeros((len(rows), 2, width), np.float32)
    for i, row in enumerate(rows):
        target[i, :, : row["target"].shape[1]] = row["target"]
    known = [0.0 if row["contradicts"] is None else 1.0 for row in rows]
    arrays = {
        "ids": padded("ids", padding).astype(np.int64),
        "mask": padded("ids", -1) >= 0,
        "target": target,
        "bears": padded("bears"),
        "second": padded("second"),
        "answers": np.array([row["answers"] for row in rows], np.float32),
        "contradicts": np.array([float(bool(row["contradicts"]) and row["seen"]) for row in rows], np.float32),
        "known": np.array(known, np.float32),
    }
    return {name: torch.from_numpy(np.ascontiguousarray(array)).to(device) for name, array in arrays.items()}


def loss_of(first: Tensor, tokens: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Whether it answers, whether it contradicts, where (any of the places is right), and which sentences bear it."""
    first, tokens = first.float(), tokens.float()
    whether = F.binary_cross_entropy_with_logits(first[:, 0], batch["answers"])
    otherwise = F.binary_cross_entropy_with_logits(first[:, 1], batch["contradicts"], reduction="none")
    otherwise = (otherwise * batch["known"]).sum() / batch["known"].sum().clamp(min=1)
    allowed = batch["second"].bool()
    allowed[:, 0] = True
    places = tokens[..., :2].transpose(1, 2).masked_fill(~allowed[:, None], -1e4)
    log = F.log_softmax(places, -1).masked_fill(batch["target"] == 0, -1e4)
    where = -torch.logsumexp(log, -1).mean()
    bears = F.binary_cross_entropy_with_logits(tokens[..., 2], batch["bears"], reduction="none")
    bears = (bears * batch["second"]).sum() / batch["second"].sum().clamp(min=1)
    return whether + 0.5 * otherwise + 0.5 * where + 0.3 * bears


def padding_of(tokenizer: Tokenizer) -> int:
    """The id of the piece that fills shorter texts up."""
    return int(tokenizer.token_to_id("<pad>") or 0)


def batches(draw: Any, tokenizer: Tokenizer, first: int) -> Iterator[list[dict[str, Any]]]:
    """Batches without end from the one numbered `first`, each chunk by a seed of its own: a run resumed sees what it would have seen."""
    chunk = first // CHUNKS
    while True:
        random = Random(SEED + chunk)
        rows = encode(tokenizer, [draw(random) for _ in range(BATCH * CHUNKS)])
        rows.sort(key=lambda row: len(row["ids"]))
        cut = [rows[at : at + BATCH] for at in range(0, len(rows), BATCH)]
        random.shuffle(cut)
        yield from cut[first % CHUNKS if chunk == first // CHUNKS else 0 :]
        chunk += 1


def train(
    stage: str,
    draw: Callable[[Random], Example],
    folder: Path,
    *,
    total: int,
    weights: Path,
    tokenizer: Tokenizer,
    unseen: Sequence[Row],
    minutes: float,
) -> None:
    """Train a stage to `total` batches, or until `minutes` have passed: then the rate falls to nothing at the last checkpoint's place."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(SEED)
    half = _half_is_faster(device)
    reader = untrained(weights).to(device)
    parameters = [p for p in reader.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=RATES[stage], weight_decay=0.01)
    folder.mkdir(parents=True, exist_ok=True)
    state_path, done = folder / f"{stage}.pt", 0
    if state_path.exists():
        state = torch.load(state_path, map_location=device)
        reader.load_state_dict(state["reader"], strict=False)
        optimiser.load_state_dict(state["optimiser"])
        done = state["done"]
    elif stage == "own" and (folder / "public.pt").exists():
        reader.load_state_dict(torch.load(folder / "public.pt", map_location=device)["reader"], strict=False)
    padding, began, seen, running = padding_of(tokenizer), time.monotonic(), 0, 0.0
    source = batches(draw, tokenizer, done)
    reader.train()
    while done < total:
        if minutes and time.monotonic() - began > minutes * 60:
            break
        rate = RATES[stage] * min(1, (done + 1) / 50) * max(0.02, 1 - done / total)
        for group in optimiser.param_groups:
            group["lr"] = rate
        batch = collate(next(source), padding, device)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            first, tokens = reader(batch["ids"], batch["mask"])
        loss = loss_of(first, tokens, batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        done, seen = done + 1, seen + BATCH
        running = loss.item() if not running else 0.98 * running + 0.02 * loss.item()
        if done % 20 == 0:
            print(f"{stage} {done}/{total} loss {running:.3f} {seen / (time.monotonic() - began):.1f}/s rate {rate:.1e}", flush=True)
        if done % SAVE_EVERY == 0 or done == total:
            _save(state_path, reader, optimiser, done)
        if unseen and (done % (4 * SAVE_EVERY) == 0 or done == total):
            print(json.dumps(measured(reader, tokenizer, unseen, device)), flush=True)
            reader.train()
    _save(state_path, reader, optimiser, done)


def _half_is_faster(device: torch.device) -> bool:
    """Whether bfloat16 pays: with AMX five times, with AVX-512 alone it is slower than fp32 (78 against 104 GFLOPS measured)."""
    if device.type == "cuda":
        return True

    def seconds(kind: torch.dtype) -> float:
        states, weights = torch.ones(2048, 384, dtype=kind), torch.ones(384, 1536, dtype=kind)
        times = []
        for _ in range(8):
            began = time.perf_counter()
            states @ weights
            times.append(time.perf_counter() - began)
        return min(times)

    return seconds(torch.bfloat16) < seconds(torch.float32) / 1.5


def _save(path: Path, reader: Reader, optimiser: torch.optim.Optimizer, done: int) -> None:
    partial = path.with_suffix(".partial")
    torch.save({"reader": reader.learnt(), "optimiser": optimiser.state_dict(), "done": done}, partial)
    os.replace(partial, path)


@torch.inference_mode()
def measured(reader: Reader, tokenizer: Tokenizer, rows: Sequence[Row], device: torch.device) -> dict[str, float]:
    """AUC of answerable against absent and against contradicted, by the questions' language, and F1 of the words in answerable ones."""
    reader.eval()
    random, padding = Random(SEED), padding_of(tokenizer)
    examples = [
        unanswered(row, random) if row.label == "absent" else answered(row, random, contradicts=row.label == "contradicted") for row in rows
    ]
    encoded = encode(tokenizer, examples)
    order = np.argsort([len(row["ids"]) for row in encoded])
    scores, others, overlap = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
    for at in range(0, len(order), 32):
        chosen = order[at : at + 32]
        batch = collate([encoded[i] for i in chosen], padding, device)
        first, tokens = (found.float() for found in reader(batch["ids"], batch["mask"]))
        scores[chosen], others[chosen] = first[:, 0].cpu(), first[:, 1].cpu()
        for row, i in enumerate(chosen):
            overlap[i] = _overlap(tokens[row].cpu().numpy(), batch["second"][row].bool().cpu().numpy(), encoded[i]["target"])
    label = np.array([row.label for row in rows])
    language = np.array([row.question_language for row in rows])
    told = {f"auc_{code}": _auc(scores[(label == "answerable") & here], scores[(label == "absent") & here])
            for code, here in (("all", language != ""), ("ar", language == "ar"), ("en", language == "en"))}  # fmt: skip
    told["auc_premise"] = _auc(scores[label == "answerable"], scores[label == "contradicted"])
    told["auc_contradicted"] = _auc(others[label == "contradicted"], others[label != "contradicted"])
    told["f1"] = float(overlap[label == "answerable"].mean())
    return {name: round(value, 3) for name, value in told.items()}


def _overlap(tokens: np.ndarray[Any, Any], second: np.ndarray[Any, Any], target: np.ndarray[Any, Any], longest: int = 40) -> float:
    """F1 of the best span's tokens with the nearest right one."""
    places = np.flatnonzero(second[: len(target[0])])
    if not len(places) or target[0, 0]:
        return 0.0
    begin, end = tokens[places, 0], tokens[places, 1]
    score = begin[:, None] + end[None, :]
    score[np.tril_indices(len(places), -1)] = -math.inf
    score[np.triu_indices(len(places), longest)] = -math.inf
    s, e = (int(places[i]) for i in np.unravel_index(score.argmax(), score.shape))
    best = 0.0
    for begun, ended in zip(np.flatnonzero(target[0]), np.flatnonzero(target[1]), strict=False):
        a, b = int(begun), int(ended)
        common = max(0, min(b, e) - max(a, s) + 1)
        best = max(best, 2 * common / ((b - a + 1) + (e - s + 1)))
    return best


def _auc(right: np.ndarray[Any, Any], wrong: np.ndarray[Any, Any]) -> float:
    if not len(right) or not len(wrong):
        return math.nan
    return float((right[:, None] > wrong[None, :]).mean() + (right[:, None] == wrong[None, :]).mean() / 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=tuple(RATES))
    parser.add_argument("shared", type=Path, help="the folder with training/ and evalsets/")
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=0, help="stop after so long; the next run goes on")
    parser.add_argument("--folder", type=Path, default=Path("index/reader"))
    arguments = parser.parse_args()
    settings = load_settings()
    weights = weights_path(MODEL, cache=settings.cache)
    tokenizer = Tokenizer.from_file(str(unpacked(weights, entry(MODEL).sha256, engine="onnx") / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
    tokenizer.no_padding()
    public = Mixture(public_rows(arguments.shared), translated_pairs(arguments.shared))
    own = own_rows()
    learnt = [row for row in own if not is_unseen(row)]
    draw = public.draw if arguments.stage == "public" else OwnMixture(learnt, public.draw).draw
    train(
        arguments.stage, draw, arguments.folder, total=arguments.examples // BATCH, weights=weights, tokenizer=tokenizer,
        unseen=[row for row in own if is_unseen(row)], minutes=arguments.minutes,
    )  # fmt: skip


if __name__ == "__main__":
    main()
