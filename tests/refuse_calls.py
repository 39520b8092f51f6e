# SPDX-License-Identifier: Apache-2.0
"""Run a program on a kernel that refuses some system calls, as an older one does or a container.

    refuse_calls.py ERRNO NAME[,NAME...] PROGRAM ARGUMENT...

An argument after a colon limits it to calls whose first argument that is: prctl:22.
"""
import ctypes
import errno
import os
import sys

ALLOW, FAIL = 0x7FFF0000, 0x00050000
NO_NEW_PRIVS = 3  # an attribute: set it when loading
EQUAL = 4


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp."""
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64),
                ("b", ctypes.c_uint64)]


def refuse(number, calls):
    """Have the calls fail from now on, in this process and in what it starts."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(ALLOW)))
    if os.geteuid() == 0:  # who may do without
        assert library.seccomp_attr_set(context, NO_NEW_PRIVS, ctypes.c_uint32(0)) == 0
    for call in calls:
        name, _, first = call.partition(":")
        known = library.seccomp_syscall_resolve_name(name.encode())
        when = (Comparison * 1)(Comparison(0, EQUAL, int(first or 0), 0))
        assert library.seccomp_rule_add_array(context, ctypes.c_uint32(FAIL | number), known,
                                              1 if first else 0, when) == 0, call
    assert library.seccomp_load(context) == 0
    library.seccomp_release(context)


if __name__ == "__main__":
    refuse(getattr(errno, sys.argv[1]), sys.argv[2].split(","))
    os.execv(sys.argv[3], sys.argv[3:])
