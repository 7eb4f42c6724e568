"""Fills the keys of src/app/options.def into nightscope.conf(5): configuration-page.py PAGE.in TABLE"""
import os
import sys
import textwrap

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import option_table


def escape(text):
    return text.replace("*", "\\*").replace("_", "\\_").replace("`", "*")


def key_text(option):
    name, section = option.name, option.section
    key = name[len(section) + 1:] if name.startswith(section + "-") else name
    value = {"FLAG": "yes or no", "TEXT": option.argument, "LIST": option.argument,
             "PATHS": option.argument, "NUMBER": f"{option.lowest} to {option.highest}",
             "DURATION": f"a duration, {option.lowest} s to {option.highest} s"}[option.kind]
    text = option.text[0].upper() + option.text[1:].rstrip(".") + "."
    if option.kind in ("LIST", "PATHS") and "repeated" not in text:
        text += " May be repeated."
    if option.default or option.kind == "FLAG":
        text += f" Default: {option.default or 'no'}."
    takers = ", ".join(f"*{option_table.COMMANDS[c]}*" for c in option.commands)
    body = textwrap.fill(f"{escape(text)} Option: *--{name}* of {takers}.", 100,
                         initial_indent="\t", subsequent_indent="\t", break_long_words=False,
                         break_on_hyphens=False)
    return f"*{key}* = {escape(value)}\n{body}\n"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        page = file.read()
    sections = {}
    for option in option_table.read(sys.argv[2]):
        if option.section:
            sections.setdefault(option.section, []).append(key_text(option))
    keys = "\n".join(f"## [{name}]\n\n" + "\n".join(texts) for name, texts in sections.items())
    sys.stdout.write(page.replace("@KEYS@", keys.rstrip()))


main()
