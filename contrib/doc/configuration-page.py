"""Fills the keys of src/app/options.def into nightscope.conf(5): configuration-page.py PAGE.in TABLE"""
import re
import sys
import textwrap

COMMANDS = {"r": "replay", "e": "explain", "c": "check", "p": "report", "l": "live", "s": "serve"}
ROW = re.compile(r'^SECTION\((\w*)\)$|^OPTION\(\w+, "(\w+)", "([\w-]+)", [^,]+, (\w+), "([^"]*)", '
                 r'(\d+),\s+(\d+), "([^"]*)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)', re.MULTILINE)


def escape(text):
    return text.replace("*", "\\*").replace("_", "\\_").replace("`", "*")


def key_text(section, commands, name, kind, argument, lowest, highest, default, text):
    key = name[len(section) + 1:] if name.startswith(section + "-") else name
    value = {"FLAG": "yes or no", "TEXT": argument, "LIST": argument, "PATHS": argument,
             "NUMBER": f"{lowest} to {highest}",
             "DURATION": f"a duration, {lowest} s to {highest} s"}[kind]
    text = text[0].upper() + text[1:].rstrip(".") + "."
    if kind in ("LIST", "PATHS") and "repeated" not in text:
        text += " May be repeated."
    if default or kind == "FLAG":
        text += f" Default: {default or 'no'}."
    takers = ", ".join(f"*{COMMANDS[c]}*" for c in commands)
    body = textwrap.fill(f"{escape(text)} Option: *--{name}* of {takers}.", 100,
                         initial_indent="\t", subsequent_indent="\t", break_long_words=False,
                         break_on_hyphens=False)
    return f"*{key}* = {escape(value)}\n{body}\n"


def main():
    page, table = (open(path, encoding="utf-8").read() for path in sys.argv[1:3])
    sections, section, rows = {}, "", 0
    for match in ROW.finditer(table):
        if match[2] is None:
            section = match[1]
            continue
        rows += 1
        text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match[9]))
        if section:
            sections.setdefault(section, []).append(key_text(section, *match.groups()[1:8], text))
    if rows != len(re.findall(r"^OPTION\(", table, re.MULTILINE)):
        sys.exit(f"{sys.argv[2]}: a row has a form that {sys.argv[0]} does not know")
    keys = "\n".join(f"## [{name}]\n\n" + "\n".join(texts) for name, texts in sections.items())
    sys.stdout.write(page.replace("@KEYS@", keys.rstrip()))


main()
