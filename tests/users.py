# SPDX-License-Identifier: Apache-2.0
"""Being somebody else, and hiding parts of the system from a program. Needs root."""
import shutil
import subprocess

import pytest

import harness

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
OWN_DEV = ("mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3"
           " && mknod -m 666 /dev/zero c 1 5")
FUSE_FOR_ALL = OWN_DEV + " && mknod -m 666 /dev/fuse c 10 229"


def reachable(driver, place):
    """The driver, copied to `place` if the original is out of another user's reach."""
    if subprocess.run([*NOBODY, driver, "-V"], capture_output=True, check=False).returncode == 0:
        return driver
    copy = shutil.copy(driver, place)
    if subprocess.run([*NOBODY, copy, "-V"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no other user can run the driver here")
    return copy


def run(*command):
    """Run a command that is expected to end."""
    result = subprocess.run(list(command), capture_output=True, text=True, timeout=60,
                            stdin=subprocess.DEVNULL, env=harness.environment(), check=False)
    harness.check_words(result.stdout + result.stderr)
    return result


def within(script, *command):
    """The words that run a command in a mount namespace in which `script` was run before."""
    return ["unshare", "-m", "sh", "-c", f'{script} && exec "$@"', "sh", *command]


def without(script, *command):
    """Run a command in a mount namespace in which `script` has changed the system."""
    return run(*within(script, *command))
