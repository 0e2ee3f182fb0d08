"""NetworkPolicies in this machine's kernel: pods, a node and a bridge of the test's own.

The cases are Go tests (kube/networkpolicy/*_test.go), since what they apply is the program itself.
Everything that they make is in network namespaces that end with them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from embedded_cluster.go_build import environment, go_program
from embedded_cluster.layout import cache_directory

MODULE = Path(__file__).resolve().parents[2] / "kube"
# What must have been tried: a test that is skipped, or renamed, proves nothing.
TRIED = (
    "TestKernelBoundsConnections",
    "TestKernelBoundsHoldForWhatIsUnderWay",
    "TestKernelBoundsLeaveThePoliciesAsTheyAre",
    "TestKernelBoundsPods",
    "TestKernelCases",
    "TestKernelClosesMetadataOverIPv6",
    "TestKernelClosesIPv6BetweenPods",
    "TestKernelDoesWhatTheAPISays",
    "TestKernelEndsConnectionsToAPodThatIsGone",
    "TestKernelFollowsEveryChange",
    "TestKernelForgetsABlockWithAnExceptionForAPod",
    "TestKernelHostNetwork",
    "TestKernelJudgesEstablishedFlowsAgain",
    "TestKernelKeepsTheFormerRulesWhereNewOnesAreRefused",
    "TestKernelLetsNoPodSpeakForAnother",
    "TestKernelNoticesWhatSomebodyElseChanged",
    "TestKernelOrderOfCreation",
    "TestKernelStartsNoPodBeforeItsRules",
)


def test_the_kernel_does_what_the_policies_say() -> None:
    done = subprocess.run(
        [go_program(MODULE, cache_directory()), "test", "-count=1", "-v", "-run=^TestKernel",
         "./networkpolicy"],
        cwd=MODULE,
        env={**environment(cache_directory()), "LAB_KERNEL_TESTS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0
    passed = {line.split()[2] for line in done.stdout.splitlines() if line.startswith("--- PASS")}
    assert set(TRIED) <= passed
    assert "--- SKIP" not in done.stdout


def test_removal_takes_our_tables_and_no_other() -> None:
    """In a network namespace of its own, whose tables end with it."""
    script = """
        set -e
        nft add table inet mnist-lab-network-policy
        nft add table bridge mnist-lab-network-policy
        nft add table inet somebody-elses
        "$0" -c 'from embedded_cluster import nftables as n
print(n.tables()); n.remove_tables(); print(n.tables())'
        nft list tables
    """
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script, sys.executable],
        cwd=MODULE.parent / "src",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "['bridge mnist-lab-network-policy', 'inet mnist-lab-network-policy']",
        "[]",
        "table inet somebody-elses",
    ]
