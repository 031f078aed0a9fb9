# SPDX-License-Identifier: Apache-2.0
"""Processes: started here, ended here, and what they cost.

Everything that is started is remembered and ended by its id, in reverse order, whatever happens. Children get a
session of their own, so that Ctrl-C at a terminal reaches this program only, which then ends them in order.
"""
import os
import signal
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
END_WITHIN_S = 15


class Failed(Exception):
    """A measurement that cannot be made; the text says why."""


class Procs:
    def __init__(self):
        self.running = []

    def start(self, argv, env=None, **kw):
        child = subprocess.Popen([str(a) for a in argv], env={**os.environ, **(env or {})}, start_new_session=True, **kw)
        self.running.append(child)
        return child

    def run(self, argv, env=None, **kw):
        """Runs a program to its end: (what it said, seconds, CPU seconds of it and its children)."""
        since = time.monotonic()
        child = self.start(argv, env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)
        said = child.stdout.read().decode(errors="replace")
        child.stdout.close()
        _, status, used = os.wait4(child.pid, 0)
        took = time.monotonic() - since
        child.returncode = os.waitstatus_to_exitcode(status)
        self.running.remove(child)
        if child.returncode != 0:
            raise Failed(f"{' '.join(map(str, argv))}\nended with status {child.returncode}:\n{said}")
        return said, took, used.ru_utime + used.ru_stime

    def stop(self, child, how=signal.SIGINT):
        if child.poll() is None:
            child.send_signal(how)
        try:
            child.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child in self.running:
            self.running.remove(child)

    def stop_all(self):
        for child in reversed(self.running[:]):
            if child.stdin:  # psql ends with its input; the program around it leaves SIGINT to psql
                try:
                    child.stdin.close()
                except OSError:
                    pass
            self.stop(child, 0 if child.stdin else signal.SIGINT)


def stat_of(pid):
    """(parent, CPU seconds of the process, CPU seconds of the children it has reaped); None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            fields = f.read().rsplit(b")", 1)[1].split()
    except OSError:
        return None
    own, reaped = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return int(fields[1]), own / TICK, reaped / TICK


def cpu_of(pid):
    found = stat_of(pid)
    if not found:
        raise Failed(f"process {pid} has ended while it was measured")
    return found[1]


def cpu_of_family(pid):
    """CPU seconds of a postmaster and of all its backends, those included that have ended: a backend's time moves
    into its parent's reaped time when it ends, so the sum never loses or doubles it. Read again when one ended
    meanwhile."""
    while True:
        before = stat_of(pid)
        if not before:
            raise Failed(f"process {pid} has ended while it was measured")
        live = 0.0
        for name in os.listdir("/proc"):
            if name.isdigit():
                found = stat_of(name)
                if found and found[0] == pid:
                    live += found[1] + found[2]
        after = stat_of(pid)
        if after and after[2] == before[2]:
            return live + after[1] + after[2]


def cpu_of_machine():
    """(CPU seconds that were used by anything, CPU seconds that there were)."""
    with open("/proc/stat", encoding="ascii") as f:
        fields = [int(x) for x in f.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK, sum(fields) / TICK


def pss_mib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:")) / 1024


def backends_of(postmaster, user):
    """The processes of a postmaster that serve a database user."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := stat_of(name)) and stat[0] == postmaster:
            try:
                with open(f"/proc/{name}/cmdline", "rb") as f:
                    if f" {user} ".encode() in f.read():
                        found.append(int(name))
            except OSError:
                pass
    return found


def own_mib(pid):
    """Memory that is the process's own: not files, nor what PostgreSQL's processes share. 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("Pss_Anon:")) / 1024
    except OSError:
        return 0.0
