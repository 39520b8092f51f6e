# SPDX-License-Identifier: Apache-2.0
"""Conversion to float32 in memory, beside memcpy and beside numpy."""
import subprocess
import sys

from bench.measure import Table, run_rounds

TYPES = ["BF16", "F16", "F8_E4M3", "F8_E5M2"]
LEVELS = ["portable", "avx2", "avx512", "neon", "best"]
NUMPY = """
import sys, time, numpy, ml_dtypes
name, count = sys.argv[1], int(sys.argv[2])
types = {"BF16": ml_dtypes.bfloat16, "F16": numpy.float16,
         "F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2}
source, target = numpy.ones(count, types[name]), numpy.empty(1 << 18, "f4")
def run():
    for at in range(0, count, 1 << 18):
        part = source[at:at + (1 << 18)]
        target[:len(part)] = part
run()
begin = time.perf_counter_ns()
run()
print(time.perf_counter_ns() - begin)
"""


def numpy_cast(dtype, count):
    """Nanoseconds; None where numpy or ml_dtypes is missing."""
    result = subprocess.run([sys.executable, "-c", NUMPY, dtype, str(count)], check=False,
                            capture_output=True, text=True)
    return int(result.stdout) if result.returncode == 0 else None


def measure(report, setup):
    """Every type at every level that this machine has."""
    count = 1 << 20 if setup.quick else 1 << 27
    for dtype in TYPES:
        table = Table(f"{dtype} to float32", "GB/s of output", "memcpy")

        def way_of(name, measured, table=table):
            def way(counts):
                took = measured()
                if counts and took is not None:
                    table.add(name, 4 * count / took)
            return way

        ways = {"memcpy": lambda: setup.tools.cast("memcpy", "best", count),
                "numpy, astype": lambda dtype=dtype: numpy_cast(dtype, count)}
        for level in LEVELS:
            ways[level] = lambda dtype=dtype, level=level: setup.tools.cast(dtype, level, count)
        run_rounds(report, [way_of(*way) for way in ways.items()])
        report.finish(table)
        if dtype == "BF16":
            report.goal("BF16 to float32, of memcpy", table.ratio("best"), 0.7)
