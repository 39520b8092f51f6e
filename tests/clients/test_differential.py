# SPDX-License-Identifier: Apache-2.0
"""The reference reader beside ours on files that nobody has seen yet: see differential.py."""
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "differential.py"
MUTANTS = int(os.environ.get("MUTANTS", "200000"))
LEAST = 1000  # there is one of each verdict in so many mutants


def test_mutants(oracle, tmp_path):
    """Not one differs in verdict, variant, tensors or metadata; and they are not all alike."""
    command = [sys.executable, SCRIPT, "--mutants", str(MUTANTS), "--out", tmp_path]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    *counts, total = result.stdout.splitlines()
    assert total == f"{MUTANTS} mutants, 0 differences"
    found = {word: int(count) for count, word in (line.split() for line in counts)}
    assert set(found) == {"ok", *oracle.WORDING}
    assert min(found.values()) >= MUTANTS // LEAST
