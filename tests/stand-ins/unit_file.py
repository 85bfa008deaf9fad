"""systemd's unit files, quoting included: systemd.syntax(7), systemd.exec(5), systemd.unit(5)."""

import re

ESCAPES = {"n": "\n", "t": "\t", "s": " ", "\\": "\\", '"': '"', "'": "'"}


class BadSetting(Exception):
    """systemd would refuse the unit."""


class UnitFile:
    """The settings of a unit."""

    def __init__(self, text):
        self.sections = {}
        section = None
        for line in text.replace("\\\n", " ").splitlines():
            line = line.strip()
            if not line or line[0] in "#;":
                continue
            if line.startswith("["):
                section = self.sections.setdefault(line.strip("[]"), [])
                continue
            name, separator, value = line.partition("=")
            if section is None or not separator:
                raise BadSetting(f"Missing '=': {line}")
            section.append((name.strip(), value.strip()))

    def all(self, section, name):
        return [value for one, value in self.sections.get(section, []) if one == name]

    def get(self, section, name, default=None):
        values = self.all(section, name)
        return values[-1] if values else default

    def environment(self):
        assignments = [word for value in self.all("Service", "Environment") for word in words(value)]
        pairs = [specifiers(assignment).partition("=") for assignment in assignments]
        for name, separator, _ in pairs:
            if not separator or not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
                raise BadSetting(f"Invalid environment assignment: {name}")
        return {name: value for name, _, value in pairs}

    def command(self):
        program, *arguments = words(self.get("Service", "ExecStart", ""))
        expands = not program.startswith(":")
        program = specifiers(program.lstrip(":"))
        if re.search(r"[\"'\\\x00-\x1f\x7f]", program):
            raise BadSetting(f"Executable name contains special characters: {program}")
        if not program.startswith("/"):
            raise BadSetting(f"Executable path is not absolute: {program}")
        arguments = [specifiers(argument) for argument in arguments]
        if expands and any("$" in argument.replace("$$", "") for argument in arguments):
            raise BadSetting("this stand-in expands no variables")
        return [program, *arguments]


def words(text):
    """Splits at blanks outside quotes, and takes quotes and escapes away."""
    found, word, quote, letters = [], None, None, iter(text)
    for letter in letters:
        if letter == "\\":
            escaped = next(letters, "")
            if escaped not in ESCAPES:
                raise BadSetting(f"Invalid escape: \\{escaped}")
            word = (word or "") + ESCAPES[escaped]
        elif quote:
            if letter == quote:
                quote = None
            else:
                word += letter
        elif letter in "\"'":
            quote, word = letter, word or ""
        elif letter.isspace():
            if word is not None:
                found.append(word)
            word = None
        else:
            word = (word or "") + letter
    if quote:
        raise BadSetting("Unbalanced quoting")
    return found if word is None else [*found, word]


def specifiers(text):
    """`%%` is `%`; others would be expanded by systemd, and nothing here means them."""
    if "%" in text.replace("%%", ""):
        raise BadSetting(f"Failed to resolve specifiers: {text}")
    return text.replace("%%", "%")
