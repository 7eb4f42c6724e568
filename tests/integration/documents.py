"""Are the documents that manual pages name installed? documents.py MESON-BUILD-FOLDER SOURCE"""
import glob
import json
import os
import re
import subprocess
import sys

build, source = sys.argv[1:3]
installed = json.loads(subprocess.run(["meson", "introspect", "--installed", build],
                                      capture_output=True, check=True).stdout)
named = set()
for page in glob.glob(os.path.join(source, "contrib/doc/*.scd*")):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    if "contrib/doc" in text or "contrib/redis" in text:
        sys.exit(f"{page} names a file of the source, which is not installed")
    named |= set(re.findall(r"share/doc/nightscope/[\w.-]+\w", text))
missing = [name for name in named if not any(path.endswith("/" + name) for path in installed.values())]
if missing or len(named) < 4:
    sys.exit(f"not installed: {missing}, of {sorted(named)}")
print(f"{len(named)} documents are named and installed")
