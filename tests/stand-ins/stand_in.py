"""What the stand-ins share. A stand-in takes the place of a program of the system on a test's PATH.

STAND_IN_LOG    a file: every call adds a line of JSON, {"program", "arguments", "stdin"}
STAND_IN_STATE  a folder: what the stand-ins remember, and where a test tells them how to behave:

    PROGRAM.failures      lines `VERB CODE TEXT`: the first one for a verb answers its next call and is then
                          removed. `VERB!` for a line that stays, `*` for any verb.
    PROGRAM.answer        what a recorded program says (osascript, open, ioreg, notify-send, zenity, loginctl)
    PROGRAM.exit          its exit code
    PROGRAM.hold          while this exists, it does not end
    no-desktop            launchctl knows no `gui` domain; holds the exit code (125 if empty)
    no-bus                systemctl reaches nobody
    graphical-session     systemd's graphical-session.target is active
    systemctl.environment lines NAME=VALUE: what the user's systemd gives to every service
    journal               what services of systemd say

None of them outlives a test by much: a call has a limit, and a job ends when its folder has gone.
"""

import json
import os
import signal
import sys

CALL_LIMIT_SECONDS = 120


class Failure(Exception):
    """Ends a stand-in with a text on standard error and an exit code."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code
        self.text = text


def run(answer):
    """Records the call, answers as a test has laid down, or else with `answer(arguments)`."""
    signal.alarm(CALL_LIMIT_SECONDS)
    program, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
    record(program, arguments)
    try:
        fail_as_told(program, arguments)
        code = answer(arguments)
    except Failure as failure:
        print(failure.text, file=sys.stderr)
        code = failure.code
    sys.exit(code or 0)


def record(program, arguments):
    stdin = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
    call = {"program": program, "arguments": arguments, "stdin": stdin}
    line = json.dumps(call, ensure_ascii=False) + "\n"
    log = os.open(os.environ["STAND_IN_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    # One write: lines of several processes do not mix.
    os.write(log, line.encode())
    os.close(log)


def state(*names):
    """A path below the folder of the stand-ins' state."""
    return os.path.join(os.environ["STAND_IN_STATE"], *names)


def told(name):
    """What a test has put into a file of the state; None if there is no such file."""
    try:
        with open(state(name), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def fail_as_told(program, arguments):
    name = f"{program}.failures"
    lines = (told(name) or "").splitlines()
    for index, line in enumerate(lines):
        verb, code, text = line.split(" ", 2)
        if verb.rstrip("!") != "*" and verb.rstrip("!") not in arguments:
            continue
        if not verb.endswith("!"):
            del lines[index]
            write(state(name), "".join(left + "\n" for left in lines))
        raise Failure(int(code), text)


def write(path, text):
    """Replaces a file as a whole."""
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(temporary, path)


def test_stage():
    """The variables by which an agent knows that it is tested; everything else it gets from its file."""
    names = ("STAND_IN_LOG", "STAND_IN_STATE", "SSO_WATCHER_PLATFORM")
    return {name: os.environ[name] for name in names if name in os.environ}


def person():
    """The variables of a login."""
    names = ("HOME", "USER", "LOGNAME")
    return {name: os.environ[name] for name in names if name in os.environ}
