"""Does contrib/doc/adding-a-signature.md work as it stands? Its blocks, in order, in an empty
folder: `file NAME` is written, `sh` is run, and `output` must be what the block before it printed.
walkthrough.py NIGHTSCOPE [DOCUMENT]"""
import os
import re
import subprocess
import sys
import tempfile

NIGHTSCOPE = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = (sys.argv[2] if len(sys.argv) > 2
            else os.path.join(HERE, "../../contrib/doc/adding-a-signature.md"))


def blocks(text):
    """(line, kind, argument, content)"""
    for match in re.finditer(r"^```(\w+) ?(\S*)\n(.*?)^```$", text, re.M | re.S):
        yield (text.count("\n", 0, match.start()) + 1, *match.groups())


def main():
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    with tempfile.TemporaryDirectory() as folder:
        commands = os.path.join(folder, ".bin")
        os.mkdir(commands)
        os.symlink(NIGHTSCOPE, os.path.join(commands, "nightscope"))
        environment = {**os.environ, "PATH": commands + ":" + os.environ["PATH"]}
        printed, ran, compared = None, 0, 0
        for line, kind, argument, content in blocks(text):
            if kind == "file":
                path = os.path.join(folder, argument)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(content)
            elif kind == "sh":
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", content], cwd=folder,
                                      env=environment, capture_output=True, text=True, check=False)
                if done.returncode:
                    sys.exit(f"line {line}: exit {done.returncode}\n{content}\n{done.stdout}"
                             f"{done.stderr}")
                printed = done.stdout
                ran += 1
            elif kind == "output":
                if printed != content:
                    sys.exit(f"line {line}: printed\n{printed}\nbut the text says\n{content}")
                compared += 1
            else:
                sys.exit(f"line {line}: a block of unknown kind: {kind}")
    fences = len(re.findall(r"^```", text, re.M))
    if fences != 2 * len(list(blocks(text))) or ran < 6 or compared < 4:
        sys.exit(f"{fences} fences, {ran} blocks run, {compared} outputs compared: too few")
    print(f"{ran} blocks run, {compared} outputs as written")


main()
