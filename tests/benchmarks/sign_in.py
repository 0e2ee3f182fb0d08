"""Nine o'clock: a class signs in at once, each learner with user and password.

    .lab/venv-test/bin/python tests/benchmarks/sign_in.py [--output FILE] [--quick] [--learners N]

On the cluster of KUBECONFIG (.lab/kubeconfig where it is not set), through the router. Makes an
account for each learner and removes them. Each has the form before them, as a browser with its
connection open; then all send it in the same moment. Figures, in milliseconds, 50th and 95th
percentile: ``sign_in`` from sending user and password to the answer that signs in; ``door`` the
whole way from there to the dashboard. ``alone_ms`` is one who signs in by himself.
"""

from __future__ import annotations

import argparse
import os
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import figures
import requests
from platform_cluster import STATE, read_authority

from lab_class.accounts import Accounts
from lab_ground.kubernetes.client import open_client

BOUNDS = {"sign_in_p95_ms": 300.0}
ROUNDS, QUICK_ROUNDS = 5, 1
NAME = "sign-in-bench"


def dashboard() -> str:
    """Address of the dashboard, by the checkout's base domain."""
    domain = (STATE / "base-domain").read_text().strip()
    return f"https://dashboard.{domain}/api/session"


def sign_in(verify: str, user: str, password: str, ready: threading.Barrier) -> tuple[float, float]:
    """How long one sign-in took, and the way on to the page, in milliseconds."""
    session = requests.Session()
    session.trust_env = False
    session.verify = verify
    session.headers["Accept"] = "text/html"
    form = session.get(dashboard(), timeout=60)
    assert 'id="by-password"' in form.text, form.url
    ready.wait(120)
    began = time.perf_counter()
    words = {"user": user, "password": password}
    answer = session.post(form.url, data=words, timeout=60, allow_redirects=False)
    signed_in = (time.perf_counter() - began) * 1000
    assert answer.status_code == 303, (answer.status_code, user)
    session.get(requests.compat.urljoin(form.url, answer.headers["Location"]), timeout=60)
    assert any(cookie.name == "__Host-lab-session" for cookie in session.cookies)
    return signed_in, (time.perf_counter() - began) * 1000


def at_once(verify: str, passwords: dict[str, str]) -> list[tuple[float, float]]:
    """Let all of them sign in in the same moment."""
    ready = threading.Barrier(len(passwords))
    with ThreadPoolExecutor(len(passwords)) as pool:
        parts = [pool.submit(sign_in, verify, *entry, ready) for entry in passwords.items()]
        return [part.result() for part in parts]


def percentiles(name: str, times: list[float]) -> dict[str, float]:
    """The two figures of some times."""
    ordered = sorted(times)
    return {
        f"{name}_p50_ms": round(statistics.median(ordered), 1),
        f"{name}_p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
    }


def main() -> int:
    """Measure and report; 1 if a bound was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--quick", action="store_true", help="one round, to see that it works")
    parser.add_argument("--learners", type=int, default=30)
    options = parser.parse_args()
    os.environ.setdefault("KUBECONFIG", str(STATE / "kubeconfig"))
    client = open_client()
    accounts = Accounts(client)
    authority = STATE / "tmp" / "sign-in-bench.crt"
    authority.parent.mkdir(exist_ok=True)
    authority.write_text(read_authority(client))
    names = [f"{NAME}-{number}" for number in range(options.learners)]
    for name in names:
        accounts.make(name)
    try:
        passwords = {name: accounts.renew(name) for name in names}
        # What is kept of the hashes is two seconds old at most.
        time.sleep(2.5)
        first = dict([next(iter(passwords.items()))])
        alone = [at_once(str(authority), first)[0][0] for _ in range(3)]
        times = [
            one
            for _ in range(QUICK_ROUNDS if options.quick else ROUNDS)
            for one in at_once(str(authority), passwords)
        ]
    finally:
        for name in names:
            accounts.take(name)
    measured = {
        "alone_ms": round(min(alone), 1),
        **percentiles("sign_in", [one for one, _ in times]),
        **percentiles("door", [whole for _, whole in times]),
    }
    return figures.finish(
        measured,
        BOUNDS,
        reference={"learners": float(options.learners)},
        output=options.output,
        quick=options.quick,
    )


if __name__ == "__main__":
    raise SystemExit(main())
