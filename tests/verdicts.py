# SPDX-License-Identifier: Apache-2.0
"""The table of the corpus: which verdict and which error the reference has for each file."""
import re
from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus"
TABLE = CORPUS / "verdicts.tsv"


def kebab(name):
    """Turn the CamelCase of the reference's source into the spelling of our messages."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def rows(table=TABLE):
    """(file, acceptable words) of each line: {'ok'}, or variants; `A|B` allows either."""
    for line in Path(table).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            file, verdict, variants = line.split("\t")
            ok = verdict == "OK"
            yield file, {"ok"} if ok else set(map(kebab, variants.split("|")))
