"""Text that others wrote steers nothing, wherever it is shown."""

from __future__ import annotations

import io
import json
import sys
import unicodedata

import pytest
from hypothesis import example, given

from modelops_runtime.contracts.plain_text import json_text, plain_line, plain_streams, plain_text, unfiltered
from tests.strategies import hostile_text
from tests.support.steering import steering


@given(hostile_text)
@example("\x1b]52;c;ZXZpbA==\x07")
def test_nothing_in_it_steers_a_terminal_or_hides(text: str) -> None:
    assert steering(plain_text(text)) == set()
    assert steering(plain_line(text)) == set()
    assert "\n" not in plain_line(text)
    assert "\t" not in plain_line(text)


@given(hostile_text)
def test_text_that_is_plain_already_stays_as_it_is(text: str) -> None:
    once = plain_text(text)
    assert plain_text(once) == once
    assert plain_line(plain_line(text)) == plain_line(text)


@pytest.mark.parametrize("text", ["", "β = 1.7 ± 0.2", "Zoë\N{NO-BREAK SPACE}Müller", "模型", "نموذج", "🦠", "a\tb\n"])
def test_what_people_write_stays(text: str) -> None:
    assert plain_text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("\u202eevil", r"\u202eevil"),
        ("\x9b31m", r"\x9b31m"),
        ("100 %\rdone", r"100 %\x0ddone"),
        ("a\x00\x7f\x08", r"a\x00\x7f\x08"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("two\r\nlines", "two\nlines"),
    ],
)
def test_it_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert plain_text(text) == shown


def test_a_line_is_one_line_and_ends_somewhere() -> None:
    assert plain_line("a\nb\u2028c\x85d\te") == "a b c d e"
    assert plain_line("x" * 50, limit=10) == "xxxxxxxxx…"
    assert plain_line("\x1b" * 50, limit=10) == r"\x1b\x1b\…"


@given(hostile_text)
def test_json_is_printable_ascii_and_says_the_same(text: str) -> None:
    dumped = json_text({text: [text]})
    assert dumped.isascii()
    assert dumped.isprintable()
    paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")  # as JSON has it
    assert json.loads(dumped) == {paired: [paired]}


def test_all_that_is_written_by_name_passes_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with plain_streams(), plain_streams():
        sys.stdout.write("\x1b[2J\n")
        sys.stderr.writelines(["\u202e", "\n"])
        assert not hasattr(sys.stdout, "buffer"), "bytes would go past the door"
        unfiltered(sys.stdout).write("\x1b[1m")
    assert out.getvalue() == "\\x1b[2J\n\x1b[1m"
    assert err.getvalue() == "\\u202e\n"
    assert sys.stdout is out


def test_every_control_and_format_letter_is_an_escape() -> None:
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    missed = [
        hex(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in hidden and chr(code) not in "\n\t" and chr(code) in plain_text(chr(code))
    ]
    assert missed == []
