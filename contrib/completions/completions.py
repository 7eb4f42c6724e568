"""What shells complete after `nightscope`: completions.py bash|zsh|fish OPTIONS.def MAIN.c

Options and commands are those of the program's own tables."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import option_table

LETTERS = {name: letter for letter, name in option_table.COMMANDS.items()}
READ_FILES = ("replay", "explain")
WORDS = {"color": "auto always never", "output-format": "ndjson csv", "decapsulate": "gre ipip vxlan"}
COMMAND = re.compile(r'^    \{"(\w+)", command_\w+,\s*"([^"]+)"\}', re.MULTILINE)


def commands_of(path):
    with open(path, encoding="utf-8") as file:
        found = COMMAND.findall(file.read())
    if {name for name, _ in found} != set(LETTERS):
        sys.exit(f"{path}: its commands are not those of {option_table.__file__}")
    return found


def value_of(option):
    """What the value is: words, files, folders, interfaces, users; "" when nobody can know."""
    if option.kind == "FLAG":
        return None
    if option.name in WORDS:
        return "words"
    if option.argument.startswith("FILE") or option.name == "signatures":
        return "files"
    return {"DIR": "folders", "IFACE": "interfaces"}.get(
        option.argument, "users" if option.name == "user" else "")


def summary(option):
    """The first words of its help, up to where they explain themselves."""
    return re.split(r"[;:]| \(|\. ", option.text)[0].strip().rstrip(".")


def names(option):
    return ([f"-{option.short}"] if option.short else []) + [f"--{option.name}"]


def bash(commands, options):
    of_value = {}
    for option in options:
        if value_of(option) is not None:
            key = WORDS.get(option.name) or value_of(option)
            of_value.setdefault(key, []).extend(n for n in names(option)
                                                if n not in of_value.get(key, []))
    find = {"files": "_nightscope_names -f", "folders": "_nightscope_names -d",
            "interfaces": "_nightscope_words \"$(ls /sys/class/net 2>/dev/null)\"",
            "users": "mapfile -t COMPREPLY < <(compgen -u -- \"$cur\")", "": ":"}
    values = "".join(f"    {' | '.join(of_value[key])})\n"
                     f"        {find.get(key) or f'_nightscope_words {chr(34)}{key}{chr(34)}'}\n"
                     "        return\n        ;;\n" for key in of_value)
    cases = "".join(
        f"    {name})\n        options=\"" +
        " ".join(n for o in options if LETTERS[name] in o.commands for n in names(o)) +
        "\"\n        ;;\n" for name, _ in commands)
    return f"""# bash completion for nightscope

_nightscope_words() {{ # WORDS
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}}

_nightscope_names() {{ # -f or -d: names may have blanks
    mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
    compopt -o filenames 2>/dev/null
}}

_nightscope() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} options
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        _nightscope_words "{' '.join(name for name, _ in commands)} --help --version"
        return
    fi
    if [ "$cur" = = ]; then # --option=VALUE is three words
        cur=
    elif [ "$prev" = = ]; then
        prev=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    case $prev in
{values}    esac
    case ${{COMP_WORDS[1]}} in
{cases}    *)
        return
        ;;
    esac
    if [ "${{cur#-}}" != "$cur" ]; then
        _nightscope_words "$options"
        return
    fi
    case ${{COMP_WORDS[1]}} in
    {' | '.join(READ_FILES)})
        _nightscope_names -f
        ;;
    esac
}}

complete -F _nightscope nightscope
"""


def escaped(text):
    """As part of a text in single quotes."""
    return text.replace("'", "'\\''")


def zsh(commands, options):
    find = {"files": "_files", "folders": "_files -/", "interfaces": "_net_interfaces",
            "users": "_users", "": " "}

    def specs(option):
        again = "*" if option.kind in ("LIST", "PATHS") else ""
        for name in names(option):
            value = value_of(option)
            end = ""
            if value is not None:
                does = f"({WORDS[option.name]})" if value == "words" else find[value]
                end = f":{option.argument}:{does}".replace("[,PREFIX]...", "").replace(
                    "[,FORM]...", "").replace("[,ADDR]...", "")
            equals = "=" if value is not None and name.startswith("--") else ""
            description = escaped(re.sub(r"([\[\]\\])", r"\\\1", summary(option)))
            yield f"        '{again}{name}{equals}[{description}]{end}'"

    cases = ""
    for name, _ in commands:
        lines = [spec for o in options if LETTERS[name] in o.commands for spec in specs(o)]
        if name in READ_FILES:
            lines.append("        '*:capture file:_files'")
        cases += f"    {name})\n        _arguments \\\n    " + " \\\n    ".join(lines) + "\n        ;;\n"
    described = "\n".join(f"        '{name}:{escaped(text)}'" for name, text in commands)
    return f"""#compdef nightscope

_nightscope() {{
    local -a commands=(
{described}
    )
    if ((CURRENT == 2)); then
        _describe command commands
        return
    fi
    shift words
    ((CURRENT--))
    case $words[1] in
{cases}    esac
}}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _nightscope "$@"
else
    compdef _nightscope nightscope
fi
"""


def fish(commands, options):
    find = {"files": "-rF", "folders": "-xa '(__fish_complete_directories)'",
            "interfaces": "-xa '(__fish_print_interfaces)'",
            "users": "-xa '(__fish_complete_users)'", "": "-x"}
    lines = ["# fish completion for nightscope", "complete -c nightscope -f"]
    for name, text in commands:
        lines.append(f"complete -c nightscope -n __fish_use_subcommand -a {name} -d '{escaped(text)}'")
    lines.append("complete -c nightscope -n __fish_use_subcommand -l help -d 'explain the commands'")
    lines.append("complete -c nightscope -n __fish_use_subcommand -l version -d 'print the version'")
    for name in READ_FILES:
        lines.append(f"complete -c nightscope -n '__fish_seen_subcommand_from {name}' -F")
    for option in options:
        takers = " ".join(option_table.COMMANDS[letter] for letter in option.commands)
        value = value_of(option)
        takes = "" if value is None else (
            f" -xa '{WORDS[option.name]}'" if value == "words" else f" {find[value]}")
        short = f" -s {option.short}" if option.short else ""
        lines.append(f"complete -c nightscope -n '__fish_seen_subcommand_from {takers}'{short} "
                     f"-l {option.name}{takes} -d '{escaped(summary(option))}'")
    return "\n".join(lines) + "\n"


def main():
    shell, table, program = sys.argv[1:4]
    make = {"bash": bash, "zsh": zsh, "fish": fish}[shell]
    sys.stdout.write(make(commands_of(program), option_table.read(table)))


main()
