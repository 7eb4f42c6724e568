"""The rows of src/app/options.def, for what is made of them: manual pages, completions."""
import re
import sys
from collections import namedtuple

COMMANDS = {"r": "replay", "e": "explain", "c": "check", "p": "report", "l": "live", "s": "serve"}
Option = namedtuple("Option", "section commands name short kind argument lowest highest default text")
ROW = re.compile(r'^SECTION\((\w*)\)$|^OPTION\(\w+, "(\w+)", "([\w-]+)", ([^,]+), (\w+), "([^"]*)", '
                 r'(\d+),\s+(\d+), "([^"]*)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)', re.MULTILINE)


def read(path):
    """Every option in the order of the table, under the section it stands in."""
    with open(path, encoding="utf-8") as file:
        table = file.read()
    section, options = "", []
    for match in ROW.finditer(table):
        if match[2] is None:
            section = match[1]
            continue
        short = match[4].strip("'") if match[4] != "0" else ""
        text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match[10]))
        options.append(Option(section, match[2], match[3], short, *match.groups()[4:9], text))
    if len(options) != len(re.findall(r"^OPTION\(", table, re.MULTILINE)):
        sys.exit(f"{path}: a row has a form that {__file__} does not know")
    return options
