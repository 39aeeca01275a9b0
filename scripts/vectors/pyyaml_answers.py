#!/usr/bin/env python3
"""Writes what PyYAML makes of plain scalars and of small documents, for the tests of server/config.

Needs PyYAML 6.0 (Debian: python3-yaml). Run it from the root of the tree:
    scripts/vectors/pyyaml_answers.py
"""

import datetime
import itertools
import json
import math
import pathlib

import yaml

OUT = pathlib.Path("server/config/tests/vectors")

WORDS = """y Y n N yes Yes YES yEs no No NO true True TRUE tRUE false False FALSE on On ON oN off Off OFF
~ null Null NULL nULL none None = << < . .. ... - -- + +- _ __ e .e 0b 0b_ 0b1 0b102 0b1_0 -0b11 +0b11 0B1 0o7 0o17 0x
0x_ 0xg 0xFF 0Xff 0x1_f -0x1F 0 00 -0 +0 0_ 0_0 08 09 010 -010 +017 0_10 01_0 0778 1 -1 +1 1_000 1__0 1_ _1 -_1 12e3
1e3 1E3 1e+3 1.e+3 1.5e3 1.5e+3 1.5E-3 1.5e+ 1.e3 .5 -.5 +.5 .5e+1 .5e1 ._5 .5_0 1. -1. 1._ 1_.5 1.5.2 -1.5 +1.5_5
.inf .Inf .INF .iNF -.inf +.Inf .nan .NaN .NAN -.nan inf nan 1:30 1:30:00 0:30 01:30 1:60 1:5 1:005 -1:30 +1:30 1_0:30
1:30.5 -1:30.5 1:30. 0:30.5 190:20:30 190:20:30.15 1:30:61 1:a 12:30:45:59 20:30 60:00 1::2 1: 99999999999999999999
0x7fffffffffffffff 0xffffffffffffffff 9223372036854775808 18446744073709551616 1e400 1.5e+400 -1.5e+400 1.0e-400
2001-12-14 2001-1-1 2001-12-1 01-01-01 2001-12-14t21:59:43.10-05:00 2001-12-14T21:59:43Z 2001-12-15T2:59:43.1Z
2001-12-14T21:59 2001-12-14T21:59:43+1 2001-12-14T21:59:43+1:30 2001-12-14T21:59:43+130 20011214 10.0.0.0/8 127.0.0.1
::1 fe80::/10 50M 5m 1h 1.0 1.1 11 12 v1.0 example.org @user a:b a:b:c http://x/y x_y -x 1x x1 1-2 1/2 100% 1,000 0.0
-0.0 0.1 3.14159 1e5_0 1.0e+1_0 0o10 0777 0888 1L 1.5f 0x1.5 0b1.1 0b1:1 010:30 1:30e+1 1.5:30 +.inf ++1 --1 1+1
NULL~ True. yes_ 00:00 7:07 7:7 07:07 59:59 5:60 5:59.999 5:59._9 5:59.9_ 1_2_3:4_5 1_2:45""".split()

# Every short text over the characters that decide.
SHORT = ["".join(text) for length in (1, 2, 3) for text in itertools.product("01_:.e+-xb8", repeat=length)]
SHORT += ["".join(text) for length in (4, 5) for text in itertools.product("0_:.", repeat=length)]

SPACED = ["2001-12-14 21:59:43.10 -5", "2001-12-14 21:59:43", "2001-12-14  21:59:43 Z", "2001-12-14 21:59", "yes no", "1 2", "a b"]

DOCUMENTS = [
    "", "\n", "# nothing\n", "---\n", "a: 1\n", "--- a\n", "a: 1\n---\nb: 2\n", "a: 1\n...\n", "%YAML 1.1\n---\na: 1\n",
    "a:\n  b: c\n  d: [1, 2, {e: f}]\n", "a: {b: c, d: e}\n", "a: {b: c,}\n", "a: [1, 2,]\n", "a: []\nb: {}\n",
    "a: 'it''s'\nb: \"x\\ny\\t\\u00e9\"\n", "a: |\n  one\n  two\nb: 1\n", "a: >\n  one\n  two\n\n  three\n", "a: |-\n  one\nb: |+\n  two\n\n",
    "a: one\n  two\n  three\n", "a: \"one\n  two\"\n", "- 1\n- 2\n", "a:\n- 1\n- 2\n", "a:\n  - 1\n  -\n  - 3\n", "? a\n: b\n",
    "a: &x 1\nb: *x\n", "a: &x [1, 2]\nb: *x\n", "a: &x {c: 1}\nb: {<<: *x, d: 2}\n", "a: &x {c: 1}\nb:\n  <<: *x\n  c: 3\n",
    "a: &x {c: 1}\nb:\n  c: 3\n  <<: *x\n", "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  <<: [*x, *y]\n  d: 5\n",
    "x: &x {a: 1}\ny: &y {<<: *x, b: 2}\nz: {<<: *y}\n", "a: {'<<': 1}\n", "a: <<\n", "a: {<<: 1}\n", "a: {<<: [1]}\n", "a: *x\n",
    "a: 1\na: 2\n", "a: 1\n'a': 2\n", "1: a\n01: b\n", "yes: a\n", "on: a\nno: b\n", "~: a\n", "1.5: a\n", "[a]: b\n", "{a: b}: c\n",
    "a: !!str 1\nb: !!int '2'\nc: !!float 3\nd: !!bool 'yes'\ne: !!null ''\n", "a: !!str yes\n", "a: !!int x\n", "a: !foo 1\n", "a: !!map {b: 1}\n",
    "a: !!seq [1]\n", "a: ! 12\n", "a: ! 'x'\n", "a: !!binary aGk=\n", "a: !!set {b, c}\n", "a: !!python/none x\n",
    "a: b: c\n", "a:b\n", "a: [\n", "a: }\n", "\ta: 1\n", "a:\n\t- 1\n", "a: \t1\n", "a: 1 # comment\n", "a: 1#not\n", "a: '#'\n", "a: \"\n", "a: @x\n", "a: `x\n",
    "a: %x\n", "a: -\n", "a: ?\n", "a: |2\n    x\n", "a: 'x' y\n", "a: \"\\/\"\n", "a: \"\\x41\\U0001F600\"\n", "a: é\n", "\ufeffa: 1\n", "a: \u2028\n",
    "a: x\r\nb: y\r\n", "a: x\rb: y\r", "a: 1\n b: 2\n", "a:\n    b: 1\n  c: 2\n", "a: [b: c]\n", "a: [b, c: d]\n", "a: {b, c}\n", "a: {b: }\n", "- a: 1\n  b: 2\n- c\n", "a: - b\n",
    "server_name: example.org\nlisteners:\n  - port: 8008\n    bind_addresses: ['::1', '127.0.0.1']\n    resources:\n      - names: [client, federation]\n        compress: false\n",
    "a: http://x:1/y?z=1&b=2#c\n", "a: x: \n", "a: 'x\n\n  y'\n", "a:   \n", "a: >-\n  x\n   y\n  z\n", "a: \"x\\\n  y\"\n", "? |\n  k\n: v\n", "a: {x: 'y', \"z\": 1}\n",
    "a: [1,2]\n", "a: [a,b]\n", "a: {x:1}\n", "a: {x: 1, y: [2, 3], z: }\n", "a: [ , ]\n", "a: {? x : y}\n", "&a a: 1\n", "&k key: &v value\nb: *v\n", "a: &x\nb: *x\n", "a: &x !!str 1\nb: *x\n",
]


class Refuse(Exception):
    """PyYAML takes it and we do not."""


def encode(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return {"float": str(value)}
        return {"float": value.hex(), "decimal": value}
    if isinstance(value, (datetime.date, datetime.datetime)):
        return {"date": True}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {"mapping": [[encode(key), encode(item)] for key, item in value.items()]}
    raise Refuse


def load(text):
    try:
        return encode(yaml.safe_load(text))
    except Refuse:
        return {"error": "refused"}
    except (yaml.YAMLError, ValueError, OverflowError):
        return {"error": "pyyaml"}


NOT_PLAIN = object()


def scalar(text):
    """The value of a plain scalar; NOT_PLAIN if the text is something else in a list (`-`, `a:`)."""
    got = load(f"- {text}\n")
    if isinstance(got, dict) and "error" in got:
        return got
    if len(got) != 1 or isinstance(got[0], list) or (isinstance(got[0], dict) and "mapping" in got[0]):
        return NOT_PLAIN
    return got[0]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    with open(OUT / "yaml-scalars.tsv", "w", encoding="utf-8") as out:
        out.write(f"# Plain scalars and what PyYAML {yaml.__version__} reads. Written by scripts/vectors/pyyaml_answers.py.\n")
        for text in dict.fromkeys(WORDS + SPACED + SHORT):
            value = scalar(text)
            if value is not NOT_PLAIN:
                out.write(f"{text}\t{json.dumps(value)}\n")
    documents = [{"text": text, "value": load(text)} for text in DOCUMENTS]
    with open(OUT / "yaml-documents.json", "w", encoding="utf-8") as out:
        out.write("[\n" + ",\n".join(json.dumps(document) for document in documents) + "\n]\n")


if __name__ == "__main__":
    main()
