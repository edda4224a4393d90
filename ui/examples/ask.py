"""Ask a running Bayan over REST and print the quotes with their sources.

python ui/examples/ask.py "متى تبدأ الدراسة؟" [http://localhost:7860]      # BAYAN_KEY: an API key, where one is wanted
"""

from __future__ import annotations

import os
import sys

import httpx


def main(question: str, server: str = "http://localhost:7860") -> int:
    key = os.environ.get("BAYAN_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    response = httpx.post(f"{server}/api/v1/ask", json={"question": question}, headers=headers, timeout=60)
    found = response.json()
    if response.is_error:  # a problem object: its `detail` is one line for people, its `code` one for programs
        print(found["detail"], file=sys.stderr)
        return 1
    if found["status"] == "not_found":
        print(found["answer"])
        return 0
    for citation in found["citations"]:
        origin = " · ".join(filter(None, (citation["title"], citation["issuer"], citation["date"], citation["source"])))
        print(f"[{citation['number']}] {citation['quote']}\n    {origin}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
