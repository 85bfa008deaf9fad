"""A service that is kept alive: what launchd and systemd have in common.

A job is a folder. `spec.json` says what to run, `status.json` how that is going; the files `start`, `stop`, `kill` and
`end` in it are requests. A process of its own looks after it, and ends with the folder, or after ten minutes.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

from stand_in import write

LOOK_SECONDS = 0.02
LIFE_SECONDS = 600
KEEPER_PATIENCE_SECONDS = 10


class Job:
    """A job, as `launchctl` and `systemctl` see it."""

    def __init__(self, folder):
        self.folder = folder

    def is_loaded(self):
        return os.path.isdir(self.folder)

    def load(self, spec):
        """`spec`: argv, environment, umask, stderr (a path or None), restart_seconds (None: never), patience_seconds,
        failed_to_start (exit code), ends_group (what the job leaves running in its process group is killed)."""
        os.makedirs(self.folder)
        write(os.path.join(self.folder, "spec.json"), json.dumps(spec))
        self._set_status({"state": "not running", "pid": 0, "last_exit": None, "runs": 0})
        subprocess.Popen(
            [sys.executable, "-B", __file__, self.folder],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def status(self):
        with open(os.path.join(self.folder, "status.json"), encoding="utf-8") as file:
            return json.load(file)

    def _set_status(self, status):
        write(os.path.join(self.folder, "status.json"), json.dumps(status))

    def ask(self, request):
        """Leaves a request."""
        write(os.path.join(self.folder, request), "")

    def was_heard(self, request, within_seconds):
        """Whether the job's keeper has dealt with a request; one for its end is heard when the folder has gone."""
        path = self.folder if request == "end" else os.path.join(self.folder, request)
        deadline = time.monotonic() + within_seconds
        while os.path.exists(path):
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_SECONDS)
        return True


class Keeper:
    """The process that looks after a job."""

    def __init__(self, folder):
        self.job = Job(folder)
        with open(os.path.join(folder, "spec.json"), encoding="utf-8") as file:
            self.spec = json.load(file)
        self.status = self.job.status()
        self.child = None
        self.start_at = None
        self.deadline = time.monotonic() + LIFE_SECONDS

    def keep(self):
        while self._is_wanted():
            if self._asked("end"):
                self._stop()
                shutil.rmtree(self.job.folder, ignore_errors=True)
                return
            if self._asked("stop"):
                self._stop()
                self._heard("stop")
            if self._asked("kill"):
                self._stop()
                self._start()
                self._heard("kill")
            if self._asked("start"):
                if self.child is None:
                    self._start()
                self._heard("start")
            self._look_at_child()
            if self.start_at is not None and time.monotonic() >= self.start_at:
                self._start()
            time.sleep(LOOK_SECONDS)
        self._stop()

    def _is_wanted(self):
        return os.path.isdir(self.job.folder) and time.monotonic() < self.deadline

    def _asked(self, request):
        return os.path.exists(os.path.join(self.job.folder, request))

    def _heard(self, request):
        try:
            os.unlink(os.path.join(self.job.folder, request))
        except FileNotFoundError:
            pass

    def _tell(self, state, **more):
        self.status.update(state=state, **more)
        try:
            write(os.path.join(self.job.folder, "status.json"), json.dumps(self.status))
        except FileNotFoundError:
            pass  # The folder has gone: so will this process.

    def _start(self):
        self.start_at = None
        errors = os.open(self.spec["stderr"] or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

        def become_the_agent():
            os.setpgrp()
            os.umask(self.spec["umask"])

        try:
            self.child = subprocess.Popen(
                self.spec["argv"],
                env=self.spec["environment"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
                preexec_fn=become_the_agent,
            )
        except OSError:
            self._ended(self.spec["failed_to_start"])
            return
        finally:
            os.close(errors)
        self._tell("running", pid=self.child.pid, runs=self.status["runs"] + 1)

    def _look_at_child(self):
        if self.child is None or self.child.poll() is None:
            return
        code = self.child.returncode
        self._end_group()
        self._ended(code)

    def _ended(self, code):
        self.child = None
        if code != 0 and self.spec["restart_seconds"] is not None:
            self.start_at = time.monotonic() + self.spec["restart_seconds"]
            self._tell("spawn scheduled", pid=0, last_exit=code)
        else:
            self._tell("not running", pid=0, last_exit=code)

    def _stop(self):
        """SIGTERM to the program alone; SIGKILL when its time is over."""
        self.start_at = None
        if self.child is not None:
            self._tell("SIGTERMed")
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(timeout=self.spec["patience_seconds"])
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
            code = self.child.returncode
            self._end_group()
            self.child = None
            self._tell("not running", pid=0, last_exit=code)
        elif self.status["state"] == "spawn scheduled":
            self._tell("not running")

    def _end_group(self):
        if self.spec["ends_group"]:
            try:
                os.killpg(self.child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # Nobody was left.


if __name__ == "__main__":
    Keeper(sys.argv[1]).keep()
