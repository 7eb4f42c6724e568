"""Makes the files of the page, and a C file that holds them: bundle.py DASHBOARD OUTPUT.c

The page is plain ES modules and CSS. Here its modules are put one after another into one script,
each after those it imports, without their import and export words; their top-level names are
unique, which is checked. Libraries are taken as their packages have them (`fetch` brings them).
Without them the C file has an empty table. The output is written when it changed."""
import hashlib
import json
import os
import re
import sys

# Of each library, the file that a browser takes as it is.
SCRIPTS = ["d3-array/dist/d3-array.min.js", "d3-geo/dist/d3-geo.min.js",
           "topojson-client/dist/topojson-client.min.js", "uplot/dist/uPlot.iife.min.js"]
STYLES = ["uplot/dist/uPlot.min.css"]
LICENSED = ["d3-array", "d3-geo", "internmap", "topojson-client", "uplot", "world-atlas"]
WORLD = "world-atlas/countries-110m.json"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z-]+\.js)";\n', re.M)
NAME = re.compile(r"^(?:export )?(?:async )?(?:function\*? |const |let |class )(\w+)", re.M)


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def modules(folder, name, done):
    """The text of a module after the texts of those it needs."""
    if name in done:
        return
    text = read(folder, name)
    done[name] = None
    for needed in IMPORT.findall(text):
        modules(folder, needed, done)
    body = IMPORT.sub("", text)
    if re.search(r"^import ", body, re.M):
        sys.exit(f"{name}: an import that this script does not understand")
    del done[name]  # so that it comes after what it needs
    done[name] = body


def script(folder):
    done = {}
    modules(folder, "main.js", done)
    seen = {}
    for name, body in done.items():
        for found in NAME.findall(body):
            if found in seen:
                sys.exit(f"{name}: {found} is also in {seen[found]}")
            seen[found] = name
    body = "".join(re.sub(r"^export ", "", text, flags=re.M) for text in done.values())
    return "(() => {\n\"use strict\";\n" + body + "})();\n"


def countries(text):
    """The atlas without what the page does not draw."""
    world = json.loads(text)
    world["objects"] = {"countries": world["objects"]["countries"]}
    return json.dumps(world, separators=(",", ":"))


def single(index, style, vendor, page, world):
    """One file with everything; the data go where @DATA@ stands."""
    inline = index
    inline = inline.replace('<link rel="icon" href="icon.svg">\n', "")
    inline = inline.replace('<link rel="stylesheet" href="page.css">', f"<style>\n{style}</style>")
    policy = ("default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
              "img-src data: blob:; base-uri 'none'; form-action 'none'")
    inline = inline.replace('<meta charset="utf-8">', '<meta charset="utf-8">\n'
                            f'<meta http-equiv="Content-Security-Policy" content="{policy}">')
    scripts = "".join(f"<script{kind}>{text}</script>\n" for kind, text in (
        (' type="application/json" id="world"', world),
        (' type="application/json" id="data"', "@DATA@"),
        ("", vendor.replace("</script", "<\\/script")), ("", page)))
    tags = re.compile(r'(<script src="[a-z.]+" defer></script>\n?)+')
    if len(tags.findall(inline)) != 1 or "</script" in page or "<" in world:
        sys.exit("the page cannot be put into one file")
    inline = tags.sub("", inline)
    return inline.replace("</body>", scripts + "</body>")


def licences(libraries):
    """What the libraries ask to be kept with every copy of them."""
    text = "".join(f"{name}\n\n{read(libraries, name, 'LICENSE')}\n" for name in LICENSED)
    return "/*\n" + text.replace("*/", "* /") + "*/\n"


def files(folder):
    libraries = os.path.join(folder, "node_modules")
    needed = SCRIPTS + STYLES + [WORLD]
    if not all(os.path.exists(os.path.join(libraries, name))
               for name in needed):
        return []
    vendor = licences(libraries) + "".join(read(libraries, name) + "\n" for name in SCRIPTS)
    style = "".join(read(libraries, name) for name in STYLES) + "\n" + read(folder, "page.css")
    index, page = read(folder, "index.html"), script(folder)
    world = countries(read(libraries, WORLD))
    before, after = single(index, style, vendor, page, world).split("@DATA@")
    return [
        ("", "text/html; charset=utf-8", index),
        # Of `replay --html`: no path of the server has a '='.
        ("=after", "", after),
        ("=before", "", before),
        ("icon.svg", "image/svg+xml", read(folder, "icon.svg")),
        ("page.css", "text/css; charset=utf-8", style),
        ("page.js", "text/javascript; charset=utf-8", page),
        ("vendor.js", "text/javascript; charset=utf-8", vendor),
        ("world.json", "application/json", world),
    ]


def source(assets):
    lines = ['#include "serve/asset.h"', ""]
    for index, (_, _, text) in enumerate(assets):
        numbers = ",".join(map(str, text.encode()))
        lines += [f"static const unsigned char BYTES_{index}[] = {{{numbers}}};", ""]
    lines.append("const struct asset ASSETS[] = {")
    for index, (name, kind, text) in enumerate(assets):
        tag = hashlib.sha256(text.encode()).hexdigest()[:32]
        lines.append(f'    {{"{name}", "{kind}", "{tag}", BYTES_{index}, sizeof BYTES_{index}}},')
    if not assets:
        lines.append('    {"", "", "", 0, 0}, /* none: see below */')
    lines += ["};", f"const size_t ASSETS_COUNT = {len(assets)};", ""]
    return "\n".join(lines)


def main():
    folder, output = sys.argv[1:3]
    text = source(files(folder))
    if os.path.exists(output) and read(output) == text:
        return
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)


main()
