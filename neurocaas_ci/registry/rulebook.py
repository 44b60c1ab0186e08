"""The pages of the rules that the loader itself applies; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping

PAGES: Mapping[str, str] = {
    "NC-F001": """A file that is needed is there and can be read.

A name in the registry stands for a file, for example `m5.large` for `registry/hardware/m5.large.yaml`.
Symbolic links are not followed, because what they lead to is not part of the commit.

Fix: add the file as a regular file, or correct the name.""",
    "NC-F002": """A file of the registry has one million bytes at most.

Registry files describe; they are read on every change. Larger ones are a mistake or an attack.

Fix: put data into the store and name it by its digest.""",
    "NC-F003": """A file is UTF-8 text without control characters.

Other encodings read differently on different machines. Control characters, and characters that change
the direction of text, can make a file show something else than it says.

Fix: save the file as UTF-8; write such a character as an escape in double quotes.""",
    "NC-F004": """A file is well-formed YAML.

Fix: look at the line named and the one before it: indentation by spaces, a space after each colon,
closed quotes and brackets.""",
    "NC-F005": """A file holds exactly one YAML document.

Fix: remove further `---` lines, or make one file of each document.""",
    "NC-F006": """A key stands in a mapping once.

Readers disagree about which one counts: some take the first, some the last.

Fix: remove one of the two.""",
    "NC-F007": """A key is plain text.

Numbers, `true`, empty keys, lists as keys, aliases as keys and merge keys (`<<`) read differently
in different programs, and JSON has none of them.

Fix: put the key into quotes, or write merged keys out.""",
    "NC-F008": """A plain value means the same in YAML 1.1 and YAML 1.2.

`no`, `on`, `1:30`, `0777` and `1_000` are false, true, 90, 511 and 1000 to many programs, and text
or other numbers to the rest. (This project reads YAML 1.2.)

Fix: put text into quotes; write true or false for a switch; write numbers in plain decimal digits.""",
    "NC-F009": """A number is finite and has 18 digits at most.

NaN and infinities do not exist in JSON; longer numbers lose digits in many programs.

Fix: write a finite number, or put text into quotes.""",
    "NC-F010": """A value has no tag.

Tags such as `!!python/object` ask a program to build something else than data. Only `!!str`, `!!map`
and `!!seq`, which change nothing, are accepted.

Fix: remove the tag; quotes make a value text.""",
    "NC-F011": """An alias repeats a value that is complete.

An alias to an anchor that does not exist, or that contains the alias itself, has no meaning.

Fix: write the value out.""",
    "NC-F012": """Values are nested 50 deep at most.

No format of the registry needs more; deeper files exist to exhaust their readers.

Fix: flatten the file.""",
    "NC-F013": """A file holds 100,000 values at most, aliases expanded.

A few lines of aliases to aliases stand for billions of values.

Fix: write values out, and split what is really that large.""",
    "NC-S001": """A file has only keys that its format knows.

An unknown key is nearly always a slip, and what it was meant to say would be ignored.

Fix: correct or remove the key. The formats are described in docs/reference/registry.md.""",
    "NC-S002": """A file has all keys that its format needs.

Fix: add the key.""",
    "NC-S003": """A value has the type that its format asks for.

Fix: write a value of that type. Text that looks like a number needs quotes.""",
    "NC-S004": """A value is one of those that its format allows.

Fix: write a value within the bounds or of the form that the message names.""",
}
