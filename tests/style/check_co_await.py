"""Finds uses of co_await that gcc 12 compiles wrongly.

Two of them: co_await in a condition, or beside &&, || or ?:, where release builds may lose the
coroutine's frame; and a lambda or an aggregate that is a temporary in the operand, which is destroyed
twice. The remedy for both is a named variable in front.
"""

import re
import sys
from pathlib import Path

COMMENTS_AND_TEXTS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
CONDITION = re.compile(r"\b(?:if|while|switch)\s*(?:constexpr\s*)?\($")
AGGREGATE = re.compile(r"\b[A-Z]\w*\s*\{\s*[^\s}]")
LAMBDA = re.compile(r"[(,=]\s*\[([^\[\]]*)\]\s*(?:\(|\{|mutable)")
CONTROL = re.compile(r"^\s*(?:else\s+)?(?:if|while|for)\s*(?:constexpr\s*)?\(")


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def enclosing(text, position):
    """Walks back from `position` to the statement's beginning; yields each '(' that is open there."""
    depth = 0
    while position > 0:
        position -= 1
        c = text[position]
        if c in ")]":
            depth += 1
        elif c in "([":
            if depth:
                depth -= 1
            elif c == "(":
                yield position
        elif c in ";{}" and not depth:
            return


def without_control(text):
    """A statement without the `if (…)` in front of it."""
    match = CONTROL.match(text)
    if not match:
        return text
    depth = 1
    for end in range(match.end(), len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if depth == 0:
            return without_control(text[end + 1:])
    return text


def statement(text, position):
    """The text from the last boundary before `position` to the end of its statement."""
    begin = max(text.rfind(mark, 0, position) for mark in ";{}") + 1
    depth, end = 0, position
    while end < len(text):
        c = text[end]
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth < 0:
                break
        elif c == ";" and depth <= 0:
            break
        end += 1
    return without_control(text[begin:position]), text[position:end]


def outermost(text):
    """The text without what is in parentheses."""
    kept, depth = [], 0
    for c in text:
        depth -= c in ")]}"
        if depth == 0:
            kept.append(c)
        depth += c in "([{"
    return "".join(kept)


def problems(text):
    text = COMMENTS_AND_TEXTS.sub(blank, text)
    for match in re.finditer(r"\bco_await\b", text):
        line = text.count("\n", 0, match.start()) + 1
        if any(CONDITION.search(text[:at + 1]) for at in enclosing(text, match.start())):
            yield line, "co_await in a condition"
        before, after = statement(text, match.start())
        beside = re.sub(r"\b\w+&&|<[^<>]*>", "", before + outermost(after))
        if re.search(r"&&|\|\||\?", beside):
            yield line, "co_await beside &&, || or ?:"
        closure = LAMBDA.search(after)
        # One that captures only references has nothing that could be destroyed twice.
        if closure and "=" in closure[1]:
            yield line, "a lambda as a temporary in the operand of co_await"
        if AGGREGATE.search(after[:closure.start()] if closure else after):
            yield line, "a braced temporary in the operand of co_await"


GOOD = """
    const auto page = co_await store_->list(prefix, "a ? b : c && d", 8);
    if (page) co_return co_await other(page);  // if (co_await x)
    while (true) { co_await body.wait(); }
    if (ready && !done) co_await send();
    x = co_await load(key, small ? 1 : 0);
    auto work = [&] { return 1; };
    co_await offload(*pool_, work);
"""
BAD = """
if (co_await f()) {}
while (!(co_await f())) {}
if (const auto x = co_await f(); x) {}
const bool a = ready && co_await f();
const int b = ready ? co_await f() : 0;
co_await offload(pool, [text = std::move(text)] { return 1; });
co_await store->put(key, PutOptions{true});
"""


def self_test():
    assert not list(problems(GOOD)), list(problems(GOOD))
    found = {line for line, _ in problems(BAD)}
    assert found == set(range(2, 9)), found


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    failed = False
    for folder in arguments:
        for file in sorted(Path(folder).rglob("*.[ch]pp")):
            for line, problem in problems(file.read_text()):
                print(f"{file}:{line}: {problem}; give it a name in front of the statement")
                failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
