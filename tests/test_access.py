"""Who may come in: keys and passwords, their roles, and a server that refuses to stand open to strangers."""

from __future__ import annotations

import json
import re
import stat
from base64 import b64encode
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import Doors
from fastapi.testclient import TestClient
from pydantic import SecretStr
from test_api import problem, upload

from rag.errors import SettingsError
from rag.settings import Settings
from ui.cli.main import main
from ui.service.access import Access, KeyFile, Role, credential_of

PASSWORD = "a long enough pass phrase"
EVERYWHERE = {"host": "0.0.0.0"}


def bayan(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def basic(password: str, user: str = "anyone") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def keys(index: Path) -> KeyFile:
    return KeyFile(index / "keys.json")


# Keys


def test_a_key_is_shown_once_and_kept_as_a_hash_that_only_its_owner_reads(index: Path) -> None:
    status, out, told = bayan("keys", "add", "newsroom", "--role", "editor")
    assert (status, '"newsroom" may now use this index as editor' in told) == (0, True)
    key = out.strip()
    assert re.fullmatch(r"bayan-[0-9a-f]{8}-[\w-]{32}", key)
    file = index / "keys.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key[-32:] not in file.read_text()
    _, listed, _ = bayan("keys", "list", "--json")
    assert [(row["name"], row["role"], set(row)) for row in json.loads(listed)["keys"]] == [
        ("newsroom", "editor", {"key_id", "name", "role", "created"})
    ]
    assert "newsroom" in bayan("keys", "list")[1]
    assert bayan("keys", "remove", "newsroom")[0] == 0
    assert bayan("keys", "list") == (0, "", "")


def test_what_goes_wrong_with_keys_is_one_line(index: Path) -> None:
    bayan("keys", "add", "newsroom")
    assert bayan("keys", "add", "newsroom")[::2] == (
        1,
        'bayan: a key has the name "newsroom" already; choose another, or remove it with `bayan keys remove "newsroom"`\n',
    )
    assert bayan("keys", "remove", "nobody")[::2] == (1, 'bayan: no key has the name or id "nobody"; `bayan keys list` lists them\n')
    (index / "keys.json").chmod(0o644)
    assert "can be read by others; run: chmod 600" in bayan("keys", "list")[2]
    (index / "keys.json").chmod(0o600)
    (index / "keys.json").write_text("{}")
    assert "cannot be read" in bayan("keys", "list")[2]


def test_each_key_is_salted_of_its_own(keys: KeyFile) -> None:
    made = [keys.add(name, "reader") for name in ("a", "b")]
    kept = keys.listed()
    assert len({key.salt for key in kept} | {key.hash for key in kept}) == 4
    access = Access(keys, None)
    assert [caller.name for key in made if (caller := access.check(key))] == ["a", "b"]
    swapped = made[0][:14] + made[1][14:]
    assert access.check(swapped) is None


@pytest.mark.parametrize(
    ("header", "credential"),
    [
        (None, None),
        ("", None),
        ("Bearer", None),
        ("Bearer  abc ", "abc"),
        ("bearer abc", "abc"),
        (basic("p:w")["Authorization"], "p:w"),
        ("Basic !!!", None),
        ("Basic " + b64encode(b"\xff\xfe").decode(), None),
        ("Digest x", None),
    ],
)
def test_the_credential_in_a_header(header: str | None, credential: str | None) -> None:
    assert credential_of(header) == credential


# Roles


ROLES_OF = {
    ("GET", "/api/v1/statements"): "reader",
    ("GET", "/v1/models"): "reader",
    ("GET", "/api/v1/jobs/x"): "editor",
    ("POST", "/api/v1/jobs"): "editor",
    ("DELETE", "/api/v1/statements/x"): "editor",
    ("GET", "/metrics"): "admin",
}


def test_each_role_may_what_it_may_and_no_more(doors: Doors, keys: KeyFile) -> None:
    roles: list[Role] = ["reader", "editor", "admin"]
    made = {role: keys.add(role, role) for role in roles}
    client = doors.client(**EVERYWHERE)
    for (method, path), needed in ROLES_OF.items():
        for role, key in made.items():
            response = client.request(method, path, headers=bearer(key))
            if roles.index(role) < roles.index(needed):
                assert f'this needs a key of the role "{needed}"; "{role}" has "{role}"' == problem(response, 403, "role-needed")
            else:
                assert response.status_code in (200, 404, 422)


def test_an_editor_uploads_and_a_reader_does_not(doors: Doors, keys: KeyFile) -> None:
    reader, editor = keys.add("r", "reader"), keys.add("e", "editor")
    assert upload(doors.client(headers=bearer(editor)), "pier.txt", "The new pier opened.")["status"] == "done"
    files = [("files", ("quay.txt", b"The quay opened."))]
    problem(doors.client(headers=bearer(reader)).post("/api/v1/jobs", files=files), 403, "role-needed")


@pytest.mark.parametrize(
    "path", ["/", "/gradio_api/info", "/fonts/x", "/api/v1/ask", "/api/v1/openapi.json", "/v1/models", "/mcp", "/metrics"]
)
def test_without_credentials_nothing_opens_but_the_probes(doors: Doors, keys: KeyFile, path: str) -> None:
    keys.add("a", "reader")
    client = doors.client(**EVERYWHERE)
    for headers in ({}, bearer("wrong"), basic("wrong")):
        response = client.get(path, headers=headers)
        problem(response, 401, "wrong-credentials" if headers else "no-credentials")
        assert response.headers["www-authenticate"].startswith("Basic ")
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200


def test_a_password_opens_the_chat_for_reading(doors: Doors) -> None:
    client = doors.client(password=SecretStr(PASSWORD), **EVERYWHERE, headers=basic(PASSWORD))
    assert client.get("/").status_code == 200
    assert client.get("/api/v1/statements").status_code == 200
    problem(client.post("/api/v1/jobs"), 403, "role-needed")


def test_a_key_opens_the_chat_too(doors: Doors, keys: KeyFile) -> None:
    page = doors.client(headers=basic(keys.add("a", "reader"), user="a")).get("/")
    assert (page.status_code, " data-reads" in page.text) == (200, True), "by this, the style keeps the editors' tab from a reader"
    assert " data-reads" not in doors.client(headers=basic(keys.add("e", "editor"))).get("/").text


def test_keys_added_and_removed_count_at_once_and_the_last_one_does_not_leave_the_door_open(doors: Doors, keys: KeyFile) -> None:
    client = doors.client()
    assert client.get("/v1/models").status_code == 200
    key = keys.add("a", "reader")
    assert [client.get("/v1/models", headers=headers).status_code for headers in ({}, bearer(key))] == [401, 200]
    keys.remove("a")
    assert [client.get("/v1/models", headers=headers).status_code for headers in ({}, bearer(key))] == [401, 401]


def test_guessing_is_slowed_and_does_not_lock_out_who_is_known(doors: Doors, keys: KeyFile) -> None:
    key = keys.add("a", "reader")
    client = doors.client(**EVERYWHERE)
    assert client.get("/v1/models", headers=bearer(key)).status_code == 200
    codes = [client.get("/v1/models", headers=bearer(f"guess {n}")).status_code for n in range(12)]
    assert codes == [401] * 10 + [429] * 2  # the right key, tried before, is counted by itself
    assert client.get("/v1/models", headers=bearer(key)).status_code == 200


def test_rates_are_counted_for_each_key(doors: Doors, keys: KeyFile) -> None:
    one, other = keys.add("a", "reader"), keys.add("b", "reader")
    client = doors.client(rate_limit=2)
    assert [client.get("/v1/models", headers=bearer(one)).status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/v1/models", headers=bearer(other)).status_code == 200


def test_behind_a_proxy_with_keys_our_own_page_may_and_others_may_not(doors: Doors, keys: KeyFile) -> None:
    through = {"Host": "bayan.example.org", "X-Forwarded-For": "203.0.113.7", **bearer(keys.add("a", "reader"))}
    client = doors.client(headers=through)
    assert client.get("/v1/models", headers={"Origin": "https://bayan.example.org"}).status_code == 200
    problem(client.get("/v1/models", headers={"Origin": "https://evil.example"}), 403, "other-origin")


# Starting


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "bayan.example.org"])
def test_a_server_that_would_let_anyone_in_does_not_start(host: str) -> None:
    status, out, told = bayan("serve", "--host", host)
    assert (status, out) == (1, "")
    assert told == (
        f'bayan: listening on "{host}" would let anyone in; make a key with `bayan keys add NAME`, set BAYAN_PASSWORD, '
        "or listen on 127.0.0.1\n"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_needs_no_key(host: str) -> None:
    assert Access.configured(Settings(host=host)).open


def test_a_short_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        Access.configured(Settings(password=SecretStr("hunter2")))
    assert str(refused.value) == "the password in BAYAN_PASSWORD is too short; give at least 12 characters"
    assert not Access.configured(Settings(password=SecretStr(PASSWORD), **EVERYWHERE)).open


def test_a_key_file_that_is_damaged_later_lets_nobody_in(doors: Doors, keys: KeyFile) -> None:
    key = keys.add("a", "reader")
    client: TestClient = doors.client()
    assert client.get("/v1/models", headers=bearer(key)).status_code == 200
    keys.path.write_text("not json")
    assert [client.get("/v1/models", headers=headers).status_code for headers in ({}, bearer(key))] == [401, 500]
