"""Question sets from files and folders: the format is told by what is there, and every problem of every set is named together.

NAME.jsonl  NAME.csv  NAME.tsv     Bayan's own (evals.questions.questions); asked of the user's index
NAME.json                          SQuAD, XQuAD, ARCD, TyDiQA-GoldP: its paragraphs become the corpus
FOLDER                             BEIR: corpus.jsonl, queries.jsonl, qrels/test.tsv (else dev, else the only one)
NAME.topics                        TREC topics, or lines "id<TAB>question", with NAME.qrels beside it; asked of the user's index

read_sets([Path("evals/sets/samples.jsonl"), Path("xquad-dev.ar.json")])  # list of EvalSet, or SetError
read_sets([Path("xquad-dev.en.json")], contexts=Path("xquad-dev.ar.json"))  # English questions on the Arabic paragraphs
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evals.questions.questions import Document, EvalSet, Question, SetError, at, check, json_lines, read_own, read_text
from rag.language import language_of
from rag.schema import Language

Qrels = dict[str, dict[str, int]]
OWN = (".jsonl", ".csv", ".tsv")
_TOPIC = re.compile(r"<top>(.*?)(?:</top>|(?=<top>)|\Z)", re.DOTALL | re.IGNORECASE)
_FIELD = r"<{name}>\s*(?:{label}:?)?\s*(.*?)\s*(?=<|\Z)"


def read_sets(paths: Sequence[Path], *, contexts: Path | None = None) -> list[EvalSet]:
    """Read and check sets. Raises SetError naming every problem of every set, with its line.

    `contexts`: a SQuAD file with the same ids, as in another language, whose texts and answers take the place of a SQuAD set's own.
    """
    problems: list[str] = []
    sets = []
    asked_of = read_sets([contexts])[0] if contexts else None
    for path in paths:
        if (reader := _reader(path, problems)) is not None:
            found = reader(path, problems)
            check(found, problems)
            sets.append(_put_to(found, asked_of, problems) if asked_of else found)
    names = Counter(found.name for found in sets)
    problems += [f'{count} sets are named "{name}"; rename a file' for name, count in names.items() if count > 1]
    if problems:
        raise SetError(problems)
    return sets


def _reader(path: Path, problems: list[str]) -> Any:
    if not path.exists():
        problems.append(f'"{path}" does not exist')
    elif path.is_dir() and (path / "corpus.jsonl").exists() and (path / "queries.jsonl").exists():
        return _read_beir
    elif path.is_dir():
        problems.append(f'"{path}" is not a BEIR folder: it needs corpus.jsonl, queries.jsonl and qrels/')
    elif path.suffix in OWN:
        return read_own
    elif path.suffix in (".json", ".topics"):
        return _read_squad if path.suffix == ".json" else _read_trec
    else:
        problems.append(f'"{path}" is of no known format; sets end in {", ".join(OWN)}, .json or .topics, or are BEIR folders')
    return None


# SQuAD


def read_squad(path: Path, language: Language) -> list[Question]:
    """Read a SQuAD set in `language` with each question's `statement` the paragraph itself, not its id. Raises SetError."""
    [found] = read_sets([path])
    texts = {document.document_id: document.text for document in found.corpus or ()}
    return [replace(question, language=language, statement=texts.get(question.statement or "")) for question in found.questions]


def _read_squad(path: Path, problems: list[str]) -> EvalSet:
    """Titles are left out of the corpus: they would give the paragraph away."""
    text = read_text(path, problems)
    ids: dict[str, str] = {}
    questions: list[Question] = []
    try:
        for article in json.loads(text)["data"] if text else ():
            for paragraph in article["paragraphs"]:
                document_id = ids.setdefault(paragraph["context"].strip(), f"p{len(ids) + 1:04}")
                questions += [_squad_question(qa, document_id) for qa in paragraph["qas"]]
    except ValueError as error:
        problems.append(f'"{path}" is not JSON ({error})')
    except (KeyError, TypeError, AttributeError) as error:
        after = f'after the question "{questions[-1].question_id}"' if questions else "from its beginning"
        problems.append(f'"{path}" is not in the SQuAD format {after} ({error!r})')
    corpus = tuple(Document(key, context) for context, key in ids.items())
    qrels = {question.question_id: {question.statement: 1} for question in questions if question.statement}
    return EvalSet(path.stem, path, tuple(questions), corpus, qrels)


def _put_to(found: EvalSet, asked_of: EvalSet, problems: list[str]) -> EvalSet:
    """The questions of one SQuAD set with the paragraphs, and so the answers, of another."""
    if found.path.suffix != ".json" or asked_of.path.suffix != ".json":
        problems.append(f'"{found.path}" cannot be put to the contexts of "{asked_of.path}": both must be SQuAD files')
        return found
    others = {question.question_id: question for question in asked_of.questions}
    missing = [question.question_id for question in found.questions if question.question_id not in others]
    if missing:
        named = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
        problems.append(f'{len(missing)} questions of "{found.path}" have no context in "{asked_of.path}" (same ids are needed): {named}')
        return found
    questions = [replace(others[asked.question_id], question=asked.question, language=asked.language) for asked in found.questions]
    return replace(asked_of, name=f"{found.name}-on-{asked_of.name}", path=found.path, questions=tuple(questions))


def _squad_question(qa: dict[str, Any], document_id: str) -> Question:
    text = qa["question"].strip()
    answers = tuple(dict.fromkeys(answer["text"].strip() for answer in qa["answers"]))
    answerable = bool(answers) and not qa.get("is_impossible", False)
    return Question(str(qa["id"]), text, language_of(text), answerable, answers, document_id if answerable else None)


# BEIR


def _read_beir(path: Path, problems: list[str]) -> EvalSet:
    corpus = tuple(_beir_documents(path / "corpus.jsonl", problems))
    known = {document.document_id for document in corpus}
    splits = {file.stem: file for file in sorted((path / "qrels").glob("*.tsv"))}
    split = next((splits[name] for name in ("test", "dev", *splits) if name in splits), None)
    if split is None:
        problems.append(f'"{path}" has no qrels/*.tsv')
        return EvalSet(path.name, path, (), corpus)
    qrels = _qrels(split, problems, columns=(0, 1, 2), header=True)
    problems += [
        f'"{split}": the document "{key}" is not in the corpus' for key in sorted({k for grades in qrels.values() for k in grades} - known)
    ]
    queries = {str(row.get("_id")): (line, str(row.get("text", "")).strip()) for line, row in json_lines(path / "queries.jsonl", problems)}
    problems += [f'"{split}": the query "{key}" is not in queries.jsonl' for key in sorted(set(qrels) - set(queries))]
    problems += [f"{at(path / 'queries.jsonl', line)}: the text is empty" for line, text in queries.values() if not text]
    return EvalSet(path.name, path, tuple(_asked({key: queries[key] for key in queries if key in qrels}, qrels)), corpus, qrels)


def _beir_documents(path: Path, problems: list[str]) -> Iterator[Document]:
    seen: set[str] = set()
    for line, row in json_lines(path, problems):
        key, text = str(row.get("_id", "")), row.get("text")
        if not key or not isinstance(text, str):
            problems.append(f'{at(path, line)} needs "_id" and "text"')
        elif key in seen:
            problems.append(f'{at(path, line)}: the id "{key}" occurs again')
        else:
            seen.add(key)
            yield Document(key, text, str(row.get("title") or ""))


# TREC


def _read_trec(path: Path, problems: list[str]) -> EvalSet:
    topics = dict(_topics(path, problems))
    qrels = _qrels(path.with_suffix(".qrels"), problems, columns=(0, 2, 3), header=False)
    problems += [f'"{path.with_suffix(".qrels")}": the topic "{key}" is not in "{path}"' for key in sorted(set(qrels) - set(topics))]
    return EvalSet(path.stem, path, tuple(_asked({key: topics[key] for key in topics if key in qrels}, qrels)), None, qrels)


def _topics(path: Path, problems: list[str]) -> Iterator[tuple[str, tuple[int, str]]]:
    """Topics as <top> elements, of which <num> and <title> are read, or as lines "id<TAB>question"."""
    text = read_text(path, problems)
    tagged = [(text.count("\n", 0, match.start()) + 1, match[1]) for match in _TOPIC.finditer(text)]
    for line, topic in tagged:
        number, title = (
            re.search(_FIELD.format(name=n, label=label), topic, re.I | re.S) for n, label in (("num", "number"), ("title", "topic"))
        )
        if number and title and number[1] and title[1]:
            yield number[1], (line, " ".join(title[1].split()))
        else:
            problems.append(f"{at(path, line)}: a topic needs <num> and <title>")
    for line, row in enumerate(() if tagged else text.split("\n"), 1):
        key, tab, question = row.strip().partition("\t")
        if tab and key.strip() and question.strip():
            yield key.strip(), (line, question.strip())
        elif row.strip():
            problems.append(f'{at(path, line)} is neither a <top> nor "id<TAB>question"')


# Relevance


def _qrels(path: Path, problems: list[str], *, columns: tuple[int, int, int], header: bool) -> Qrels:
    """Read grades: the columns of question, document and grade, separated by space."""
    qrels: Qrels = {}
    for line, row in enumerate(read_text(path, problems).split("\n"), 1):
        cells = row.split()
        if not cells or (header and line == 1):
            continue
        try:
            question, document, grade = (cells[column] for column in columns)
            qrels.setdefault(question, {})[document] = int(grade)
        except (IndexError, ValueError):
            problems.append(f"{at(path, line)} is not a relevance judgement: {row.strip()!r}")
    return qrels


def _asked(texts: dict[str, tuple[int, str]], qrels: Qrels) -> Iterator[Question]:
    for key, (line, text) in texts.items():
        answerable = any(grade > 0 for grade in qrels[key].values())
        yield Question(key, text, language_of(text), answerable, line=line)
