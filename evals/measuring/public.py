"""A quick slice of public question sets, always the same one, by which the project judges itself where the sets are at hand.

Wikipedia paragraphs are not press statements, but their questions were written by others. Every language cell is asked: XQuAD's questions
and paragraphs are the same in Arabic and English, so that each can be put to the other's; TyDiQA's were written without seeing the passage.

    python -m evals.measuring.public ../shared/evalsets evals/baseline-public.json     # what later runs are held against
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from shutil import copyfile
from tempfile import TemporaryDirectory

from evals.measuring.runs import SUMMARY, run
from evals.measuring.summary import SEED
from evals.questions.formats import read_sets
from evals.questions.questions import EvalSet
from rag.settings import load_settings

ARABIC, ENGLISH, TYDIQA = "xquad-dev.ar.json", "xquad-dev.en.json", "tydiqa-dev.ar.json"
# A file of questions, the one whose texts they are put to, how many of its texts and of their questions.
SLICE = (
    (ARABIC, ARABIC, 20, 20),
    (ENGLISH, ENGLISH, 20, 20),
    (ENGLISH, ARABIC, 20, 20),
    (ARABIC, ENGLISH, 20, 20),
    (TYDIQA, TYDIQA, 48, 32),
)


def public_slice(folder: Path) -> list[EvalSet]:
    """Read the slice from a folder that holds the three files. Raises SetError."""
    found = []
    for questions, contexts, texts, count in SLICE:
        [whole] = read_sets([folder / questions], contexts=folder / contexts if contexts != questions else None)
        found.append(cut(whole, texts=texts, questions=count))
    return found


def cut(whole: EvalSet, *, texts: int, questions: int) -> EvalSet:
    """Draw texts and questions on them with a fixed seed; of parallel sets, the same ones."""
    corpus = Random(SEED).sample(whole.corpus or (), texts)
    kept = {document.document_id for document in corpus}
    asked = Random(SEED).sample([question for question in whole.questions if question.statement in kept], questions)
    return replace(whole, corpus=tuple(corpus), questions=tuple(asked))


def main(arguments: Sequence[str]) -> None:
    folder, baseline = map(Path, arguments)
    if not folder.is_dir():
        print(f'no public sets at "{folder}": "{baseline}" stays as it is')
        return
    with TemporaryDirectory() as runs:
        done = run(public_slice(folder), settings=load_settings(), folder=Path(runs))
        copyfile(done.folder / SUMMARY, baseline)


if __name__ == "__main__":
    main(sys.argv[1:])
