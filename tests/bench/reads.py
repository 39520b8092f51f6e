# SPDX-License-Identifier: Apache-2.0
"""Reads of one large tensor: ours, the model file's own, and those of other FUSE mounts."""
from bench import peers, tools
from bench.measure import SMALLER, Table, run_rounds

READERS = {"1 MiB reads": "read:1048576", "cat's 128 KiB reads": "read:131072",
           "into fresh memory, as np.load": "fresh"}
SOURCE, OURS, PRICE = "the model file", "safetensorsfs", "the kernel's own price"
USERS_PRICE = f"{PRICE} of a user"


def gigabytes(size, nanoseconds):
    """GB/s."""
    return size / nanoseconds


class Contest:
    """The peers of a run, and what is measured of each of them."""

    def __init__(self, report, setup, tensors):
        self.report = report
        self.reader = setup.tools
        self.content = peers.Bytes(setup.work, setup.size, tensors)
        self.size = setup.size
        self.source = peers.Source(self.content)
        ours = [peers.Ours(setup.program, self.content, *setup.options)]
        ours += [peers.Ours(program, self.content, *setup.options, name=f"{OURS}, {name}")
                 for name, program in setup.others.items()]
        self.newest = ours[-1]  # whole files and -o direct take a new libfuse
        self.fuse = list(peers.others(self.content, report.say))
        self.cached = ours + self.fuse
        self.is_root = tools.can_drop_caches()
        if self.is_root:
            self.cached.append(peers.kernel(setup.tools, self.content))
            self.cached.append(peers.kernel(setup.tools, self.content, "user"))
            self.cached.append(peers.Unprivileged(
                setup.program, self.content, setup.tools.folder / "bench-reader"))
        else:
            report.say("not root: no cold reads, no price of the kernel, no user beside root")

    def read(self, mounted, way, *files):
        """Nanoseconds of reading a mounted file."""
        return self.reader.read(way, *(files or [mounted.path]), prefix=mounted.prefix,
                                folder=mounted.folder)

    def heat(self):
        """Have the model file, and what the peers read, in the page cache."""
        self.reader.read("read", self.content.model)
        for name in self.content.files:
            self.reader.read("read", self.content.folder / name)
        for image in ("plain.squashfs", "plain.zip"):
            if (self.content.work / image).exists():
                self.reader.read("read", self.content.work / image)

    def all(self):
        """The model file, and then every mount."""
        return [self.source, *self.cached]


def first_and_again(contest):
    """Sequential reads, source hot: the first of a mount, and the next."""
    first = {name: Table(f"first read, {name}", "GB/s", SOURCE) for name in READERS}
    again = Table("read again, 1 MiB reads", "GB/s", SOURCE)
    cost = Table("processor time of the server for a first read", "ms per GB", OURS)
    mapped = {name: Table(f"mapped, {name}", "GB/s", SOURCE) for name in ("first", "again")}

    def way_of(peer):
        def way(counts):
            contest.heat()
            for name, reader in READERS.items():
                with peer.mount() as mounted:
                    before = tools.processor_seconds(mounted.pids)
                    took = contest.read(mounted, reader)
                    used = tools.processor_seconds(mounted.pids) - before
                    if counts:
                        first[name].add(peer.name, gigabytes(contest.size, took))
                    if reader == "read:1048576":
                        took = contest.read(mounted, reader)
                        if counts:
                            again.add(peer.name, gigabytes(contest.size, took))
                        if counts and mounted.pids:
                            cost.add(peer.name, used * 1e12 / contest.size)
            with peer.mount() as mounted:
                for table in mapped.values():
                    took = contest.read(mounted, "map")
                    if counts:
                        table.add(peer.name, gigabytes(contest.size, took))
        return way

    run_rounds(contest.report, [way_of(peer) for peer in contest.all()])
    contest.report.finish(*first.values(), again, *mapped.values(), cost)
    set_goals(contest, first, again, mapped, cost)


def best(contest, table, among):
    """The name of the peer that is fastest in a table; None where there is none."""
    found = [peer.name for peer in among if table.values(peer.name)]
    return max(found, key=table.median) if found else None


def set_goals(contest, first, again, mapped, cost):
    """Where these should come out."""
    goal = contest.report.goal
    block = first["1 MiB reads"]
    goal("first read, of the kernel's own price", block.ratio(OURS, PRICE), 0.9)
    goal("first read of a user, of the kernel's own price",
         block.ratio(peers.Unprivileged.NAME, USERS_PRICE), 0.9)
    rival = best(contest, block, contest.fuse)
    for name in (OURS, peers.Unprivileged.NAME):
        goal(f"first read of {name}, of {rival}", rival and block.ratio(name, rival), 1.5)
    for name, limit in zip(READERS, (0.28, 0.28, 0.36)):
        goal(f"first read, {name}, of the model file", first[name].ratio(OURS), limit)
    among = [peer for peer in contest.fuse if peer.name in ("squashfuse_ll", "passthrough_hp")]
    for what, table in (("read again", again), ("mapped, first", mapped["first"]),
                        ("mapped, again", mapped["again"])):
        rival = best(contest, table, among)
        goal(f"{what}, of {rival}", rival and table.ratio(OURS, rival), 0.95)
    for peer in contest.fuse:
        for name in (OURS, peers.Unprivileged.NAME):
            goal(f"processor time of the server of {name}, of {peer.name}",
                 cost.ratio(name, peer.name), 1, SMALLER)


def cold(contest):
    """Nothing in any cache: each mount is made after they were dropped."""
    if not contest.is_root:
        return

    table = Table("everything cold, 1 MiB reads", "GB/s", SOURCE)
    places = Table("everything cold, 4 KiB at 2,000 places", "thousand a second", SOURCE)
    blocks = Table("everything cold, 128 KiB at 500 places", "thousand a second", SOURCE)

    def way_of(peer):
        def way(counts):
            for into, reader, count in ((table, "read:1048576", 0),
                                        (places, "random:4096:2000", 2000),
                                        (blocks, "random:131072:500", 500)):
                tools.drop_caches()
                with peer.mount() as mounted:
                    took = contest.read(mounted, reader)
                if counts:
                    into.add(peer.name, count * 1e6 / took if count else
                             gigabytes(contest.size, took))
        return way

    with_disk = [peer for peer in contest.all() if peer.name not in (PRICE, USERS_PRICE)]
    run_rounds(contest.report, [way_of(peer) for peer in with_disk])
    contest.report.finish(table, places, blocks)
    goal = contest.report.goal
    goal("everything cold, of passthrough_hp", table.ratio(OURS, "passthrough_hp"), 1)
    goal("4 KiB at random, cold, of passthrough_hp", places.ratio(OURS, "passthrough_hp"), 1)
    goal("128 KiB at random, cold, of passthrough_hp", blocks.ratio(OURS, "passthrough_hp"), 1)


def each_way(contest, among, readers):
    """Rounds of peers, source hot, with a new mount for each reader.

    `readers` maps each to its table and to the amount that over nanoseconds is a value of it.
    """
    def way_of(peer):
        def way(counts):
            contest.heat()
            for reader, (table, amount) in readers.items():
                with peer.mount() as mounted:
                    took = contest.read(mounted, reader)
                if counts:
                    table.add(peer.name, amount / took)
        return way

    run_rounds(contest.report, [way_of(peer) for peer in among])


def at_random(contest):
    """Reads at places all over the file, source hot: by read() and from a mapping."""
    ways = {"4 KiB at 20,000 places": "random:4096:20000",
            "128 KiB at 4,000 places": "random:131072:4000",
            "4 KiB at 20,000 places, mapped": "maprandom:4096:20000"}
    tables = {name: Table(f"{name}, source hot, FUSE cold", "thousand a second", SOURCE)
              for name in ways}

    each_way(contest, contest.all(), {
        reader: (tables[name], int(reader.split(":")[2]) * 1e6) for name, reader in ways.items()})
    contest.report.finish(*tables.values())


def parallel(contest):
    """Eight readers at once, of a tensor each and all of the same; and one of all, in turn."""
    many = Table("8 tensors, first read by 8 readers, all together", "GB/s", SOURCE)
    same = Table("1 tensor, first read by 8 readers, all together", "GB/s", SOURCE)
    alone = Table("8 tensors, first read by one reader, one after another", "GB/s", SOURCE)

    def way_of(peer):
        def way(counts):
            contest.heat()
            with peer.mount() as mounted:
                took = contest.read(mounted, "read:1048576", *peer.each(mounted))
            if counts:
                many.add(peer.name, gigabytes(contest.size, took))
            if peer.name != "fuse-zip":  # a minute
                with peer.mount() as mounted:
                    took = contest.read(mounted, "read:1048576", *peer.each(mounted)[:1] * 8)
                if counts:
                    same.add(peer.name, gigabytes(contest.size, took))
            with peer.mount() as mounted:
                took = sum(contest.read(mounted, "read:1048576", path)
                           for path in peer.each(mounted))
            if counts:
                alone.add(peer.name, gigabytes(contest.size, took))
        return way

    # The responder has one file; of eight readers of eight it can say nothing.
    run_rounds(contest.report, [way_of(peer) for peer in contest.all()
                                if peer.name not in (PRICE, USERS_PRICE)])
    contest.report.finish(many, same, alone)
    for name, table in (("8 tensors", many), ("one tensor", same)):
        contest.report.goal(f"8 readers of {name}, of one", table.ratio(OURS, OURS, alone), 1)


def by_size(contest):
    """First reads with requests of several sizes, for the plot."""
    sizes = [4096 << shift for shift in range(0, 11, 2)]
    table = Table("first read by the size of reads", "GB/s", None)
    table.base = f"{SOURCE}, {sizes[-1]} bytes"

    def way_of(peer):
        def way(counts):
            contest.heat()
            for size in sizes:
                with peer.mount() as mounted:
                    took = contest.read(mounted, f"read:{size}")
                if counts:
                    table.add(f"{peer.name}, {size} bytes", gigabytes(contest.size, took))
        return way

    run_rounds(contest.report, [way_of(peer) for peer in contest.all()
                                if peer.name not in ("fuse-zip", PRICE, USERS_PRICE)])
    contest.report.finish(table)
    return sizes, table


def special(contest):
    """Files that the kernel reads itself, and -o direct, where kernel and libfuse can."""
    content = contest.content
    whole = peers.Ours(contest.newest.program, content, name="model.safetensors of the mount",
                       path=".view/model/model.safetensors")
    direct = peers.Ours(contest.newest.program, content, "direct", name="safetensorsfs -o direct")
    tables = {reader: Table(f"one whole file, and -o direct: {name}", "GB/s", SOURCE)
              for reader, name in (("read:1048576", "1 MiB reads"), ("fresh", "as np.load"),
                                   ("map", "mapped"))}
    ways = [contest.source, whole]
    why = direct.works()
    if why:
        contest.report.say(f"-o direct is not measured: {why}")
    else:
        ways.append(direct)

    each_way(contest, ways, {reader: (table, contest.size) for reader, table in tables.items()})
    contest.report.finish(*tables.values())
    goal = contest.report.goal
    goal("a whole file, first read, of the model file", tables["read:1048576"].ratio(whole.name),
         0.95)
    goal("a whole file, mapped, of the model file", tables["map"].ratio(whole.name), 0.95)
    goal("-o direct as np.load, of the model file", tables["fresh"].ratio(direct.name), 0.55)


def run(part, report, setup):
    """A part of the benchmark: one of the functions above, with tensors of its own."""
    contest = Contest(report, setup, 8 if part is parallel else 1)
    try:
        return part(contest)
    finally:
        contest.content.remove()
