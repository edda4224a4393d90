"""Settings: command-line flag > environment `BAYAN_*` > `.env` in the working folder > default.

Only the composition root (`rag/build.py`) and the command line read them. Each field's description is the text of the README table.

    >>> Settings(index=Path("reports")).top_k
    8
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from platformdirs import user_cache_path, user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rag.errors import SettingsError

PREFIX = "BAYAN_"
ORIGIN = re.compile(r"https?://[\w.-]+(:\d{1,5})?", re.ASCII)


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    index: Path = Field(default_factory=lambda: user_data_path("bayan") / "index", description="Folder of the index.")
    cache: Path = Field(default_factory=lambda: user_cache_path("bayan"), description="Folder where verified model weights are kept.")
    embedding: str = Field(
        "multilingual-e5-small",
        min_length=1,
        description="Embedding model: a name from `bayan models list`, a sentence-transformers hub name, a folder, or "
        "`openai:MODEL@URL`, an endpoint of OpenAI's protocol, to which texts and questions are sent.",
    )
    embedding_engine: Literal["auto", "torch", "onnx"] = Field(
        "auto",
        description="What computes the vectors: `onnx` (ONNX Runtime with 8-bit and 4-bit weights; the catalogue's models only) or "
        "`torch` (sentence-transformers); `auto` takes `onnx` where it can. An index is asked with the engine that made it.",
    )
    offline: bool = Field(False, description="Never fetch weights; use only what is in the cache.")
    chroma_url: str | None = Field(
        None, description="Address of a Chroma server, such as `http://localhost:8000`; unset: Chroma inside the index folder."
    )
    language: Literal["auto", "ar", "en"] = Field("auto", description="Language of the answer's own words; `auto` follows the question.")
    top_k: int = Field(8, ge=1, le=100, description="Passages considered for an answer.")
    reranker: str = Field(
        "none",
        min_length=1,
        description="Cross-encoder that looks at the best passages again: `none`, a sentence-transformers hub name, or a folder.",
    )
    rerank_budget_ms: int = Field(
        500, ge=1, le=60_000, description="Milliseconds the reranker may take; passages not scored by then keep their places."
    )
    max_citations: int = Field(2, ge=1, le=10, description="Quotes shown in an answer.")
    passage_chars: int = Field(700, ge=200, le=4000, description="Longest passage, in characters.")
    allow_private: bool = Field(False, description="Fetch statements from this machine and from private networks too.")
    fetch_delay_s: float = Field(
        1.0, ge=0, le=60, description="Seconds between two fetches from a web server, or as many more as it asks for."
    )
    llm: str = Field(
        "none",
        min_length=1,
        description="Language model that words the answer from the quotes: `none`, `openai:…`, `anthropic:…`, `ollama:…`, "
        "`openai:MODEL@http://HOST:PORT/v1` or `local:NAME` of `bayan models list`.",
    )
    llm_timeout_s: float = Field(60, gt=0, le=3600, description="Seconds the language model may take; then the quotes stand alone.")
    llm_context: int = Field(4096, ge=1024, le=1_000_000, description="Tokens the language model may be given, its answer included.")
    answer_timeout_s: float = Field(60, gt=0, le=3600, description="Seconds until the quotes of an answer must be there.")
    host: str = Field("127.0.0.1", description="Address the chat listens on.")
    port: int = Field(7860, ge=0, le=65535, description="Port the chat listens on; 0 picks a free one.")
    password: SecretStr | None = Field(None, description="Password that opens the chat and the reading doors, at least 12 characters.")
    rate_limit: int = Field(300, ge=0, description="Requests a minute from one API key or address to the programs' doors; 0: any number.")
    trusted_proxies: str = Field(
        "",
        description="Addresses of reverse proxies, separated by commas, whose `X-Forwarded-For` is believed; by default none.",
    )
    upload_mb: int = Field(50, ge=1, le=1000, description="Largest upload of statements, in MB.")
    frame_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Sites that may show the chat in a frame or by its widget, separated by spaces: `https://desk.example.org`."
    )
    log: Literal["off", "text", "json"] = Field("off", description="A line on stderr for each request and answer, without their texts.")
    log_questions: bool = Field(False, description="Write the text of questions into those lines and traces too.")
    otlp_endpoint: str | None = Field(
        None, description="OpenTelemetry collector that gets traces, such as `http://localhost:4317` (OTLP over gRPC)."
    )

    @field_validator("frame_origins", mode="before")
    @classmethod
    def _origins(cls, given: object) -> tuple[str, ...]:
        origins = tuple(str(given).replace(",", " ").split()) if isinstance(given, str) else tuple(given)  # type: ignore[arg-type]
        if wrong := [origin for origin in origins if not ORIGIN.fullmatch(origin)]:
            raise ValueError(f'"{wrong[0]}" is no origin; give scheme, name and port alone, such as https://desk.example.org')
        return origins


def load_settings(**flags: object) -> Settings:
    """Read the settings; `flags` set to None are ignored. Raises SettingsError naming the setting and what it allows."""
    _refuse_unknown(os.environ, "environment")
    _refuse_unknown({k: v or "" for k, v in dotenv_values(".env").items()}, ".env")
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(dict(detail)) for detail in error.errors())) from error


def _refuse_unknown(variables: Mapping[str, str], where: str) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in variables:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise SettingsError(f'unknown setting "{name}" in the {where}; known are: {", ".join(sorted(known))}')


def _sentence(detail: Mapping[str, object]) -> str:
    location = detail["loc"]
    name = ".".join(str(part) for part in location) if isinstance(location, tuple) else str(location)
    flag = f"--{name.replace('_', '-')}"
    return f'setting {PREFIX}{name.upper()} (or {flag}) cannot be "{detail["input"]}": {detail["msg"]}'
