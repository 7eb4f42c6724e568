"""More signatures of the same shape, for measuring what their number costs.

    more_signatures.py SIGNATURES TIMES FOLDER

Writes the files of SIGNATURES into FOLDER, and TIMES - 1 variants of each signature with other
constants: other ports, windows, identifications, payloads. As with signatures of families that a
telescope does not see today, few packets match a variant, but each has to be looked at."""
import pathlib
import re
import sys

source, times, target = pathlib.Path(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
target.mkdir(parents=True, exist_ok=True)


def other(text, n):
    """The expression with other constants, if it has any."""
    def number(match):
        value = int(match.group(0))
        return str(value + n if value + n < 65536 else value - n)

    def hexbytes(match):
        digits = match.group(0)
        tail = (int(digits[-4:], 16) + n) & 0xFFFF
        return digits[:-4] + f"{tail:04x}"

    changed = re.sub(r"(?<![\w.\-/])[1-9]\d{3,4}(?![\w.\-/])", number, text)
    changed = re.sub(r"(?<=== )[0-9a-f]{8,}\b", hexbytes, changed)
    changed = changed.replace("== ip.dst", f"== ip.dst + {n}")
    return changed


for path in sorted(source.glob("*.sig")):
    text = path.read_text(encoding="utf-8")
    (target / path.name).write_text(text, encoding="utf-8")
    if times < 2:
        continue
    head, *signatures = re.split(r"^(?=signature )", text, flags=re.M)
    defines = "".join(re.findall(r"^define .*\n(?:[ \t].*\n)*", head + "".join(signatures), re.M))
    out = [defines]
    for n in range(1, times):
        for block in signatures:
            block = re.sub(r"^(?:define .*\n(?:[ \t].*\n)*|#.*\n|[ \t]*#.*\n|\s*\n)", "", block,
                           flags=re.M)
            name = re.match(r"signature (\S+)", block).group(1)
            # The body of `match`, up to the next key, with other constants; one that has none
            # gets another identification.
            head_part, match, rest = re.match(
                r"(.*?^    match\s+)(.*?)(^    \w.*|\Z)", block, re.M | re.S).groups()
            varied = other(match, n)
            body = f"ip.id == {(7919 * n) % 65536} and ({varied.strip()})\n" \
                if varied == match else varied
            block = head_part + body + rest
            block = block.replace(f"signature {name}", f"signature {name}.{n}", 1)
            block = re.sub(r"^    label(\s+)(\S+)", rf"    label\1\2.{n}", block, flags=re.M)
            out.append(block)
    (target / f"{path.stem}-more.sig").write_text("".join(out), encoding="utf-8")
