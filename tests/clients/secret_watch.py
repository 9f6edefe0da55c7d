"""No secret in any output: what the tests use as secrets is told here, and after each test everything
that pkgreg has said is searched for it.

    import secret_watch
    secret_watch.register("correct horse", "alice's password")
    secret_watch.register_login("alice", "correct horse")    # also as an Authorization field has it
    secret_watch.register_key(folder / "tls.key")            # a private key in a PEM file

Searched are the output of every server, of every command that `programs.run` ran, the bodies and
fields of answers that are errors, and files that `watch_file` names, such as an audit log. A finding
fails the test in whose time it came. Registered without being asked: keys of the S3 servers, private
keys that `Authority` makes, and, of what goes through `Http`, credentials in `Authorization`, tokens in
answers, and signatures of the URLs that clients are redirected to.
"""

import base64
import json
import re
from pathlib import Path
from urllib.parse import quote, quote_plus

# Shorter ones would be found in innocent words.
SHORTEST = 6

AUTHORIZATION = re.compile(r"(?:basic|bearer|token=)\s*(\S+)", re.IGNORECASE)
SIGNATURE = re.compile(r"(?:X-Amz-(?:Signature|Credential|Security-Token)|Signature)=([^&\s]+)", re.IGNORECASE)
PEM_BODY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.*?)-----END", re.DOTALL)


class Leak(AssertionError):
    pass


class SecretWatch:
    """The secrets of a run, and what is still to be searched for them."""

    def __init__(self):
        self.secrets = {}  # how a secret may be written: what it is
        self.files = {}    # a file: how much of it has been searched
        self.texts = []    # (where it was said, what was said)

    # What is a secret.

    def register(self, secret, what="a secret"):
        """A password, a token, a key: a text or bytes. Also found percent-encoded, in JSON and in Base64."""
        text = secret.decode("latin-1") if isinstance(secret, bytes) else str(secret)
        if len(text) < SHORTEST:
            raise ValueError(f"{what} has fewer than {SHORTEST} characters: too short to be searched for")
        forms = {text, quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1]}
        if len(text) >= 12:
            forms.add(base64.b64encode(text.encode()).decode().rstrip("="))
        for form in forms:
            self.secrets.setdefault(form, what)
        return secret

    def register_login(self, name, password):
        """A name's password, also as Basic authentication sends it."""
        self.register(password, f"{name}'s password")
        self.register(base64.b64encode(f"{name}:{password}".encode()).decode().rstrip("="),
                      f"{name}'s Basic credentials")

    def register_key(self, file):
        """The private keys in a PEM file."""
        for body in PEM_BODY.findall(Path(file).read_text()):
            for line in body.splitlines():
                if len(line) >= 32:
                    self.secrets.setdefault(line, f"the private key in {Path(file).name}")

    # What was said.

    def watch_file(self, file):
        """A file that pkgreg writes to, from now on; it need not be there yet."""
        self.files.setdefault(Path(file), 0)

    def said(self, where, text):
        if text:
            self.texts.append((where, text))

    def exchanged(self, method, target, request_headers, response):
        """A request and its answer: takes secrets from both, and looks at answers that are errors."""
        for name, value in dict(request_headers).items():
            found = AUTHORIZATION.match(str(value)) if name.lower() == "authorization" else None
            if found and len(found[1]) >= 12:
                self.register(found[1].rstrip("="), f"the Authorization of a {method}")
        fields = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        if response.status >= 400:
            self.said(f"the answer {response.status} to {method} {target}",
                      fields + "\n" + response.body.decode("utf-8", "replace"))
            return
        for value in SIGNATURE.findall(response.headers.get("Location") or ""):
            if len(value) >= 12:
                self.register(value, "a signed URL's signature")
        if response.body.startswith(b"{") and b"token\"" in response.body[:4096]:
            self._register_tokens(response)

    def _register_tokens(self, response):
        try:
            document = response.json()
        except ValueError:
            return
        for name in ("token", "access_token", "refresh_token"):
            if len(str(document.get(name, ""))) >= 12:
                self.register(document[name], f"the member {name} of an answer")

    # The search.

    def findings(self):
        """Says what was found in what came since the last call."""
        texts, self.texts = self.texts, []
        for file, searched in self.files.items():
            if file.exists():
                # A moved log begins anew.
                start = searched if file.stat().st_size >= searched else 0
                text = file.read_bytes()[start:].decode("utf-8", "replace")
                end = text.rfind("\n") + 1  # a line that is not whole is searched when it is
                self.files[file] = start + len(text[:end].encode())
                texts.append((str(file), text))
        return [f"{what} is in {where}: ...{self._around(text, form)}..." for where, text in texts
                for form, what in self.secrets.items() if form in text]

    def _around(self, text, form):
        at = text.index(form)
        around = text[max(at - 120, 0):at + len(form) + 120]
        for secret in self.secrets:
            around = around.replace(secret, "<SECRET>")
        return around

    def check(self):
        found = self.findings()
        if found:
            raise Leak("\n".join(found[:10]))


watch = SecretWatch()
register, register_login, register_key = watch.register, watch.register_login, watch.register_key
watch_file = watch.watch_file
