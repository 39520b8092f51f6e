# SPDX-License-Identifier: Apache-2.0
"""Drive the completion of real shells: type a line, press the key, see what stands there.

bash and zsh run on a pseudo-terminal, where a key of ours prints the line between two
bytes that nobody types. Another key inserts all that is offered, so that it can be read
off the line as well. fish is asked with `complete -C`.
"""
import os
import pty
import select
import shlex
import subprocess
import time

SECONDS = 60
COMPLETE, ALL, SHOW, CLEAR = "\t", "\x18a", "\x18p", "\x15"


class Terminal:
    """A shell on a pseudo-terminal of its own."""

    def __init__(self, command, setup, env, cwd):
        self.name, self.env, self.cwd = command[0], env, cwd
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(command[0], command, env)
        self.text = b""
        self.send("\n".join(setup) + "\nprintf '\\1%s\\2' ready\n")
        assert self.read() == "ready"

    def send(self, keys):
        """Type."""
        os.write(self.fd, keys.encode())

    def read(self):
        """What stands between the two bytes, which nothing else prints."""
        deadline = time.monotonic() + SECONDS
        while b"\2" not in self.text:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"the shell says no more than {self.text[-2000:]!r}"
            self.text += os.read(self.fd, 65536)
        before, self.text = self.text.split(b"\2", 1)
        return before.rpartition(b"\1")[2].decode()

    def press(self, line, key):
        """Type a line and a key; returns the line as it is then."""
        self.send(line + key + SHOW)
        after = self.read()
        self.send(CLEAR)
        return after

    def complete(self, line):
        """The line after a tab."""
        return self.press(line, COMPLETE)

    def offers(self, line):
        """What is offered for the last word of a line, as whole words."""
        begun = [] if line.endswith(" ") else shlex.split(line)[-1:]
        before = shlex.split(line)[:-1] if begun else shlex.split(line)
        words = shlex.split(self.press(line, ALL))[len(before):]
        return [] if words == begun else words

    def carry_out(self, line):
        """What a shell of this kind makes of a line."""
        return subprocess.run([self.name, "-c", line], env=self.env, cwd=self.cwd, check=False,
                              capture_output=True, timeout=SECONDS)

    def close(self):
        """End the shell."""
        os.close(self.fd)
        os.waitpid(self.pid, 0)


class Bash(Terminal):
    """bash with readline."""

    def __init__(self, script, env, cwd):
        all_keys = """bind '"\\C-xa": insert-completions'"""
        show = """bind -x '"\\C-xp": printf "\\1%s\\2" "$READLINE_LINE"'"""
        super().__init__(["bash", "--noprofile", "--norc", "-i"],
                         [f". {shlex.quote(str(script))}", all_keys, show], env, cwd)


class Zsh(Terminal):
    """zsh with compinit."""

    def __init__(self, script, env, cwd):
        folder = shlex.quote(os.path.dirname(script))
        super().__init__(["zsh", "-f", "-i"], [
            "unsetopt auto_list auto_menu beep", f"fpath=({folder} $fpath)",
            "autoload -Uz compinit", "compinit -u -D",
            "show() { printf '\\1%s\\2' \"$BUFFER\" }", "zle -N show", "bindkey '^Xp' show",
            "insert_all() { _main_complete; compstate[insert]=all }",
            "zle -C insert-all complete-word insert_all", "bindkey '^Xa' insert-all"], env, cwd)


class Fish:
    """fish, a new one for each question."""

    def __init__(self, script, env, cwd):
        self.script, self.env, self.cwd = script, env, cwd

    def offers(self, line):
        """What is offered for the last word of a line, as whole words."""
        script = "source $argv[1]; complete -C $argv[2]"
        result = subprocess.run(["fish", "--no-config", "-c", script, "--", self.script, line],
                                env=self.env, cwd=self.cwd, check=True, capture_output=True,
                                text=True, timeout=SECONDS)
        assert result.stderr == ""
        return [item.split("\t")[0] for item in result.stdout.splitlines()]

    def complete(self, line):
        """The line with the only offer in its last word's place."""
        (offer,) = self.offers(line)
        return line[:line.rindex(" ") + 1] + offer + ("" if offer[-1] in "=/" else " ")

    def close(self):
        """There is none to end."""
