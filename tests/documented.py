# SPDX-License-Identifier: Apache-2.0
"""What --help says that there is, for whatever else says it, too."""
import re
from functools import lru_cache

import harness

COLUMN = 21  # where the texts of --help begin


@lru_cache(maxsize=None)
def halves():
    """--help up to the mount options, and these."""
    result = harness.run("--help")
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.split("\nmount options:\n")


def switches():
    """The options: {"-f", "-u", "--unmount", ...}."""
    left = "\n".join(line[:COLUMN] for line in halves()[0].splitlines())
    return set(re.findall(r"(?:^    |, )(-[A-Za-z]|--[a-z]+)\b", left, re.MULTILINE))


def mount_options():
    """The names for -o, each with the values that it may have; [] for any or none."""
    found = {name: [] for name in ("include", "exclude", "rename")}  # as --include and so on
    for line in halves()[1].splitlines():
        for name, value in re.findall(r"(?:^    |, )([a-z_]+)(?:=(\w+))?(?=[, ]|$)", line[:COLUMN]):
            found.setdefault(name, [])
            if value.islower():
                found[name].append(value)
    found["view"] = re.findall(r"^ {6}(\w+)  ", halves()[1], re.MULTILINE)
    return found
