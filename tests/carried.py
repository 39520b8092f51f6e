# SPDX-License-Identifier: Apache-2.0
"""What the views `model`, `torch` and `npz` show of the source folder's other files."""
import os
import stat

import compare
import expected
import views


def write(folder, path, text=None):
    """Write a small file that says where it lies."""
    path = os.path.join(folder, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"this is {path}\n" if text is None else text)
    return path


def carried(mounted, view="model"):
    """The files of a view beside its weights; none of them may be anything but a file."""
    root = mounted.at(".view", view)
    found = compare.files_below(root)
    for path in found:
        assert stat.S_ISREG(os.lstat(os.path.join(root, path)).st_mode), path
    assert views.WHOLE[view] in found
    return found - {views.WHOLE[view]}


def left_out(mounted):
    """Relative path -> reason, of what is not carried."""
    document = expected.parse_json(compare.slurp(mounted.at(compare.METADATA)))
    reasons = document.get("left_out", {})
    assert all(isinstance(reason, str) and reason for reason in reasons.values())
    return {path.rstrip("/"): reason for path, reason in reasons.items()}


def check_carried(mounted, paths, folder):
    """The three views show these files of the folder, byte for byte, and no others."""
    for view in views.WHOLE:
        assert carried(mounted, view) == set(paths), view
        for path in paths:
            want = (folder / path).read_bytes()
            assert compare.slurp(mounted.at(".view", view, path)) == want, path
