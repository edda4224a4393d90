"""The README says what the code does: settings, file tree, commands. Rewrite its generated parts with: python tests/test_docs.py"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import click
from programs import needs

from evals.measuring.summary import Estimate
from evals.reporting.report import figure
from rag.settings import PREFIX, Settings
from ui.cli.main import main as bayan

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
FOLDERS = {
    "rag": "answer a question from the index; knows nothing of source files or interfaces",
    "rag/integrations": "what other frameworks see of the assistant",
    "rag/generation": "a language model that words the answer from the quotes",
    "rag/reading": "ranked passages → does it answer, which sentences, what is said of them",
    "rag/verification": "a text against its quotes",
    "rag/retrieval": "a question → ranked passages, neither language hiding the other",
    "rag/index": "Chroma and tantivy in step, one writer, any number of readers",
    "rag/embedding": "models behind LangChain's Embeddings; the catalogue of weights",
    "rag/integrity": "digests of texts and files",
    "rag/prompts": "wording of answers, Arabic and English",
    "rag/language": "Arabic and English text",
    "rag/language/resources": "language data, one kind a file, one entry a line",
    "ingest": "source files → statements → passages → index",
    "ingest/readers": "files to documents, a family of formats each",
    "ingest/web": "pages, feeds and sitemaps, fetched from checked addresses alone",
    "ingest/resources": "what is cut away",
    "ingest/samples": "invented statements to try Bayan on",
    "evals": "question sets → runs → measures → reports, comparison, gate; learning; benchmarks",
    "evals/questions": "sets in their formats, feedback, proposals",
    "evals/measuring": "questions asked, answers measured, runs kept",
    "evals/reporting": "runs told and compared",
    "evals/learning": "fusion, calibration, names, and the reader",
    "evals/learning/statements": "708 invented statements with the questions the reader learns from",
    "evals/benchmarks": "speed and quality beside other systems",
    "evals/sets": "questions on the sample statements",
    "evals/templates": "the reports",
    "ui": "terminal, chat window, and the doors for programs",
    "ui/cli": "the command line",
    "ui/window": "the chat window: Gradio's parts and what each event does",
    "ui/http": "the doors for programs, and what stands before every door",
    "ui/html": "records drawn as markup",
    "ui/service": "what every door shares; knows nothing of HTTP or Gradio",
    "ui/examples": "programs that embed Bayan, to copy",
    "tests": "unit, integration and browser tests",
}
DEFAULTS = {"index": "per-user data folder", "cache": "per-user cache folder", "frame_origins": "none"}


def settings_table() -> str:
    rows = ["| Setting | Default | Meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = DEFAULTS.get(name, "unset" if field.default is None else f"`{field.default}`")
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def file_tree() -> str:
    """Folders, and the modules in them with the first sentence of their docstrings."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = {Path(line) for line in listed.splitlines() if (ROOT / line).exists()}
    lines = []
    for folder, purpose in FOLDERS.items():
        depth = folder.count("/")
        lines.append(f"{'  ' * depth}{Path(folder).name + '/':<{26 - 2 * depth}}{purpose}")
        if folder.split("/")[0] != "tests":
            modules = sorted(file for file in files if file.parent == Path(folder) and file.suffix == ".py" and file.stem != "__init__")
            lines += [f"{'  ' * (depth + 1)}{module.name:<{24 - 2 * depth}}{purpose_of(ROOT / module)}" for module in modules]
    return "\n".join(lines)


def purpose_of(module: Path) -> str:
    docstring = re.search(r'"""(.+?)(?:\.\s|\.?"""|\n\n)', module.read_text(encoding="utf-8"), re.DOTALL)
    assert docstring, f"{module} has no docstring"
    return " ".join(docstring.group(1).split()).rstrip(".")


def measured_table() -> str:
    """The sample questions by language cell, from the run that later ones are held against."""
    groups = json.loads((ROOT / "evals" / "baseline.json").read_text(encoding="utf-8"))["groups"]["samples"]
    names = ("R@1", "R@5", "evidence", "right")
    rows = [f"| question → statement | {' | '.join(names)} |", "|---|---|---|---|---|"]
    for group, found in groups.items():
        if group == "all" or "->" in group:
            cells = [figure(Estimate(**found[name]) if name in found else None, name) for name in names]
            rows.append(f"| {group.replace('->', ' → ')} | {' | '.join(cells)} |")
    return "\n".join(rows)


def public_table() -> str:
    """The slice of the public sets, a row for each set and so for each cell."""
    sets = json.loads((ROOT / "evals" / "baseline-public.json").read_text(encoding="utf-8"))["groups"]
    names = ("R@1", "R@5", "evidence")
    rows = [f"| set | question → statement | {' | '.join(names)} |", "|---|---|---|---|---|"]
    for set_name, groups in sets.items():
        [cell] = [group for group in groups if "->" in group]
        cells = [figure(Estimate(**groups[cell][name]), name) for name in names]
        rows.append(f"| {set_name.split('-')[0]} | {cell.replace('->', ' → ')} | {' | '.join(cells)} |")
    return "\n".join(rows)


def abstention_table() -> str:
    """How often each cell refuses and answers wrongly, where it operates and where both errors are equal."""
    cells = json.loads((ROOT / "evals" / "abstention.json").read_text(encoding="utf-8"))
    rows = ["| question → statement | asked | questions | wrongly refused | wrongly answered | equal error |", "|---|---|---|---|---|---|"]
    for cell, sets in cells.items():
        for name, found in sets.items():
            if "equal" in found:
                shipped, equal = found["shipped"], max(found["equal"]["wrongly_refused"], found["equal"]["wrongly_answered"])
                rates = (shipped["wrongly_refused"], shipped["wrongly_answered"], equal)
                shown = " | ".join(f"{rate:.3f}".removeprefix("0") for rate in rates)
                rows.append(f"| {cell.replace('-', ' → ')} | {name} | {found['questions']} | {shown} |")
    return "\n".join(rows)


def with_part(text: str, name: str, content: str) -> str:
    return re.sub(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda m: f"{m.group(1)}{content}\n{m.group(2)}", text, flags=re.DOTALL)


def current() -> str:
    parts = {
        "settings": settings_table(),
        "tree": f"```\n{file_tree()}\n```",
        "measured": measured_table(),
        "public": public_table(),
        "abstention": abstention_table(),
    }
    text = README.read_text(encoding="utf-8")
    for name, content in parts.items():
        text = with_part(text, name, content)
    return text


@needs("git")
def test_the_readme_lists_every_setting_and_file_as_the_code_has_them() -> None:
    assert README.read_text(encoding="utf-8") == current(), "run: python tests/test_docs.py"


def test_the_readme_names_every_command_and_its_options() -> None:
    text = README.read_text(encoding="utf-8")
    for name, command in bayan.commands.items():
        assert f"bayan {name}" in text
        options = {option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts}
        for option in options - {"--index", "--json"}:
            assert option in text, f"bayan {name} {option} is not in the README"


def test_make_has_an_index_of_its_own_for_whatever_an_index_is_refused_for() -> None:
    """The versions are read from the code with grep: one that is no longer written so would leave the old index to be refused."""
    line = re.search(r"^MAKING := \$\(shell (grep .+) \| cksum\)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert line
    found = subprocess.run(line[1], shell=True, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [row.split()[0] for row in found.splitlines()] == ["TEXT_VERSION", "EIGHT_BITS", "FORMAT"]


def test_make_runs_what_the_readme_promises() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("chat", "test", "check", "bench", "eval", "baseline", "lock"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_what_the_page_on_security_names_is_there() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*.py"))
    for name in set(re.findall(r"`(test_\w+?)(?:\.py)?`", page)):
        assert f"def {name}(" in written or (ROOT / "tests" / f"{name}.py").exists(), name


if __name__ == "__main__":
    README.write_text(current(), encoding="utf-8")
