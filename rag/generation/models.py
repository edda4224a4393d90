"""The language model that the settings name, as a LangChain chat model.

    none                                     no language model: answers are quotes
    openai:…  anthropic:…  ollama:…          whatever LangChain's `init_chat_model` knows; keys come from the provider's own variables
    openai:MODEL@http://localhost:8080/v1    an endpoint that speaks OpenAI's protocol (vLLM, llama.cpp, LM Studio)
    local:smollm2-135m-instruct              weights of the catalogue, run in this process by llama.cpp

Setting a model up contacts nobody but, for weights not yet in the cache, their source. Knows nothing of prompts and answers.

    open_chat_model("local:smollm2-135m-instruct", timeout_s=60, context=4096, cache=user_cache_path("bayan"))
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from functools import cache as cached
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from rag.embedding.catalogue import entry, weights_path
from rag.errors import ModelError, SettingsError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

NONE, LOCAL = "none", "local:"
ANSWER_TOKENS = 600
FORMS = "none, PROVIDER:MODEL (openai, anthropic, ollama, …), openai:MODEL@http://HOST:PORT/v1 or local:NAME"
EXTRAS = {"langchain_openai": "openai", "langchain_anthropic": "anthropic", "langchain_ollama": "ollama", "xllamacpp": "local"}
TOKENIZE_TIMEOUT_S = 2.0
MESSAGE_TOKENS = 8  # that a chat template puts around a message; smollm2's takes 5
RUNNING_BYTES = 250_000_000  # beside the weights: 190 MB were seen with smollm2 and 4,096 tokens
_ENDPOINT = re.compile(r"openai:(?P<model>[^@\s]+)@(?P<url>https?://\S+)")
_HOSTED = re.compile(r"[a-z_]+:(?!//)\S+")


def check_spec(spec: str) -> None:
    """Raise SettingsError unless `spec` has one of the forms there are, ModelError unless a local model is in the catalogue."""
    if spec != NONE and not _HOSTED.fullmatch(spec):
        raise SettingsError(f'no language model is named "{spec}"; give {FORMS}')
    if spec.startswith(LOCAL) and entry(spec.removeprefix(LOCAL)).kind != "llm":
        raise SettingsError(f'"{spec.removeprefix(LOCAL)}" is no language model; `bayan models list` shows which are (kind llm)')


def without_address(spec: str) -> str:
    """Return what readers are told of a model: not where its endpoint is, which is for those who run Bayan."""
    return spec.split("@http")[0]


def memory_needed(spec: str) -> int:
    """Return about how many bytes of memory a local model takes, 0 for others."""
    return entry(spec.removeprefix(LOCAL)).size + RUNNING_BYTES if spec.startswith(LOCAL) else 0


def open_chat_model(spec: str, *, timeout_s: float, context: int, cache: Path, offline: bool = False) -> BaseChatModel:
    """Set a chat model up; `context` in tokens. Raises SettingsError, and ModelError when local weights cannot be had or run."""
    check_spec(spec)
    options: dict[str, Any] = {"temperature": 0, "max_retries": 0, "timeout": timeout_s, "max_tokens": ANSWER_TOKENS}
    if spec.startswith(LOCAL):
        _require("xllamacpp", spec)
        _require("langchain_openai", spec, extra="local")
        url, key = _serve(weights_path(spec.removeprefix(LOCAL), cache=cache, offline=offline), context)
        return _endpoint(spec.removeprefix(LOCAL), url, key, options)
    if endpoint := _ENDPOINT.fullmatch(spec):
        _require("langchain_openai", spec)
        key = os.environ.get("OPENAI_API_KEY") or "none"  # local servers want none, the client wants one
        return _endpoint(endpoint["model"], endpoint["url"], key, options)
    if spec.startswith("ollama:"):
        options = {"temperature": 0, "num_predict": ANSWER_TOKENS, "num_ctx": context, "client_kwargs": {"timeout": timeout_s}}
    return _hosted(spec, options)


def _hosted(spec: str, options: dict[str, Any]) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    provider, _, model = spec.partition(":")
    try:
        found: BaseChatModel = init_chat_model(model, model_provider=provider, **options)
    except ImportError as error:
        raise _missing(f"langchain_{provider}", spec) from error
    except Exception as error:  # each provider has its own for a missing key or a bad name
        reason = str(error).strip().partition("\n")[0]
        raise SettingsError(f'the language model "{spec}" cannot be set up: {reason}; give {FORMS}') from error
    return found


def _endpoint(model: str, url: str, key: str, options: dict[str, Any]) -> BaseChatModel:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=model, base_url=url, api_key=lambda: key, stream_usage=True, **options)  # tokens are told at the end


def _require(module: str, spec: str, *, extra: str | None = None) -> None:
    try:
        import_module(module)
    except ImportError as error:
        raise _missing(module, spec, extra=extra) from error


def _missing(module: str, spec: str, *, extra: str | None = None) -> SettingsError:
    package, extra = module.replace("_", "-"), extra or EXTRAS.get(module)
    install = f"pip install 'bayan[{extra}]'" if extra else f"pip install {package}"
    return SettingsError(f'the language model "{spec}" needs the package {package}; install it with `{install}`')


def token_counter(model: BaseChatModel) -> Callable[[str], int]:
    """Return what counts the tokens of a message: a llama.cpp server's own tokenizer where the model is served by one, else an estimate.

    Other tokenizers would have to be fetched from their makers (tiktoken's tables, a hub's files), which nobody has asked for.
    """
    url = getattr(model, "openai_api_base", None)
    key: Any = getattr(model, "openai_api_key", None)
    if not url or not callable(key):
        return estimate_tokens
    return _ServerTokens(url.removesuffix("/").removesuffix("/v1") + "/tokenize", key)


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text, rather too many: tokenizers take some four ASCII characters a token and one to two Arabic ones."""
    return sum(2 if char.isascii() else 5 for char in text) // 7 + 1


class _ServerTokens:
    """Asks a server for the tokens of a text, and no more once it has not known how to answer."""

    def __init__(self, url: str, key: Callable[[], str]) -> None:
        self._url, self._key, self._answers = url, key, True

    def __call__(self, text: str) -> int:
        if self._answers:
            try:
                headers = {"Authorization": f"Bearer {self._key()}"}
                found = httpx.post(self._url, json={"content": text}, headers=headers, timeout=TOKENIZE_TIMEOUT_S, trust_env=False)
                return len(found.raise_for_status().json()["tokens"]) + MESSAGE_TOKENS
            except (httpx.HTTPError, ValueError, KeyError, TypeError):
                self._answers = False
        return estimate_tokens(text)


@cached
def _serve(weights: Path, context: int) -> tuple[str, str]:
    """Run llama.cpp's server in this process, for as long as it lives; return its address on loopback and the key it wants."""
    import xllamacpp

    params, key = xllamacpp.CommonParams(), secrets.token_urlsafe()
    params.model.path, params.n_ctx, params.n_parallel = str(weights), context, 1
    params.api_keys, params.port, params.hostnames = [key], 0, ["127.0.0.1"]  # port 0: any free one
    params.ui = params.endpoint_slots = params.endpoint_props = False
    params.offline, params.cache_ram_mib, params.verbosity = True, 0, 0
    try:
        _servers.append(xllamacpp.Server(params))
    except Exception as error:  # the library raises RuntimeError for damaged weights and for too little memory alike
        raise ModelError(f'"{weights}" cannot be run by llama.cpp ({error}); check it with `bayan models verify`') from error
    return f"{_servers[-1].listening_address}/v1", key


_servers: list[Any] = []  # a server ends when nobody holds it
