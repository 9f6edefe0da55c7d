"""What a registry finds of a DC/OS cluster: its masters, with IAM, the secret store and the authority.

The authority is a real CFSSL server. The rest stands in for software that cannot be had, and checks what
comes as that would: tokens by their signature, their end and whom they name.
"""

import base64
import http.client
import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
from urllib.parse import unquote

import secret_watch
from certificates import Authority
from programs import Daemon, find_program, run, wait_until

ACCOUNT = "registry-account"
SECRET = "registry-private-key"
LOGIN, JWKS = "/acs/api/v1/auth/login", "/acs/api/v1/auth/jwks"
SIGN, INFO = "/ca/api/v2/sign", "/ca/api/v2/info"
SECRETS = "/secrets/v1/secret/default/"

# CFSSL dates certificates back by five minutes, from a whole minute.
BACKDATED = 300


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class RsaKey:
    """A key pair in files, which signs and verifies JSON Web Tokens with RS256, by openssl."""

    def __init__(self, folder, name):
        self.private, self.public = folder / f"{name}.key", folder / f"{name}.pub"
        run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.private)
        secret_watch.register_key(self.private)
        run("openssl", "pkey", "-in", self.private, "-pubout", "-out", self.public)

    def _openssl(self, *arguments, data):
        return subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, timeout=20)

    def sign(self, claims):
        parts = [encode(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
        text = ".".join(parts)
        made = self._openssl("dgst", "-sha256", "-sign", self.private, data=text.encode())
        assert made.returncode == 0, made
        return f"{text}.{encode(made.stdout)}"

    def claims(self, token, scratch):
        """What a token says; ValueError where it is not signed by this key or has ended."""
        text, _, signature = token.rpartition(".")
        header, payload = (json.loads(decode(part)) for part in text.split("."))
        if header != {"alg": "RS256", "typ": "JWT"}:
            raise ValueError(f"the header is {header}")
        file = scratch / f"{threading.get_ident()}.signature"
        file.write_bytes(decode(signature))
        done = self._openssl("dgst", "-sha256", "-verify", self.public, "-signature", file, data=text.encode())
        if done.returncode != 0:
            raise ValueError("the signature is not by this key")
        if not isinstance(payload.get("exp"), int) or payload["exp"] <= time.time():
            raise ValueError("the token has ended, or does not end")
        return payload


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.server.cluster.answer(self)

    do_POST = do_GET


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # clients that do not trust it go away


class Cluster:
    """`answers` takes the place of what a path would answer: (status, bytes), once where it is in a list.
    `requests` are the (method, path) that came. The masters can go away and come back."""

    def __init__(self, folder, name_whitelist=None):
        folder.mkdir(parents=True)
        self.folder = folder
        self.authority = Authority(folder / "ca", "Cluster CA")
        self.ca_file = self.authority.certificate
        self.account_key, self.iam_key = RsaKey(folder, "account"), RsaKey(folder, "iam")
        self.accounts = {ACCOUNT: self.account_key}
        self.secrets, self.answers, self.requests, self.tokens = {}, {}, [], []
        self.token_lifetime, self.life = 5 * 24 * 3600, None
        self.revoked, self.may_sign = set(), True
        self.cfssl_port = free_port()
        self.cfssl = None
        self._start_cfssl(name_whitelist)
        self.port, self.server = free_port(), None
        self.url = f"https://127.0.0.1:{self.port}"
        self.certificate = self.authority.issue("master.mesos")
        self.come_back()

    def _start_cfssl(self, name_whitelist):
        usages = ["signing", "key encipherment", "server auth"]
        # The expiry counts from the beginning, so there is one for each length of what is left.
        profiles = {f"s{seconds}": {"expiry": f"{seconds}s", "usages": usages}
                    for seconds in range(BACKDATED - 40, BACKDATED + 120)}
        profiles["narrow"] = {"expiry": "24h", "usages": usages, "name_whitelist": "^narrow\\.example\\.com$"}
        default = {"expiry": "24h", "usages": usages}
        if name_whitelist:
            default["name_whitelist"] = name_whitelist
        config = self.folder / "cfssl.json"
        config.write_text(json.dumps({"signing": {"default": default, "profiles": profiles}}))
        self.cfssl = Daemon(
            [find_program("cfssl"), "serve", "-address", "127.0.0.1", "-port", self.cfssl_port,
             "-ca", self.authority.certificate, "-ca-key", self.authority.folder / "ca.key",
             "-config", config], self.folder, "cfssl", death="KILL")
        self.cfssl.wait_until(lambda: self._cfssl_answers(), "CFSSL answers")

    def _cfssl_answers(self):
        try:
            return self._forward("info", b"{}")[0] == 200
        except OSError:
            return False

    def _forward(self, endpoint, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.cfssl_port, timeout=20)
        try:
            connection.request("POST", f"/api/v1/cfssl/{endpoint}", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    # The masters.

    def come_back(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate)
        # A port that was let go of can be taken by somebody else for a moment.
        wait_until(self._bind, "the masters' port is free")
        self.server.cluster = self
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _bind(self):
        try:
            self.server = _Server(("127.0.0.1", self.port), _Handler)
            return True
        except OSError:
            return False

    def go_away(self):
        """Nobody listens any more."""
        self.server.shutdown()
        self.server.server_close()
        self.server = None

    def stop(self):
        if self.server is not None:
            self.go_away()
        self.cfssl.kill()

    def count(self, path):
        return sum(1 for _, came in self.requests if came == path)

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.requests.append((handler.command, handler.path))
        planned = self.answers.get(handler.path)
        if isinstance(planned, list):
            planned = planned.pop(0) if planned else None
        content_type = "application/json"
        if planned is not None:
            status, data = planned
        else:
            status, data, *rest = self._serve(handler, body)
            content_type = rest[0] if rest else content_type
            data = data if isinstance(data, bytes) else json.dumps(data).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _serve(self, handler, body):
        path = handler.path
        if path == LOGIN and handler.command == "POST":
            return self._log_in(json.loads(body))
        if path == JWKS:
            return 200, self.jwks()
        if path == INFO and handler.command == "POST":
            return self._forward("info", body)
        if path != SIGN and not path.startswith(SECRETS):
            return 404, {"title": "not found"}
        if (problem := self._problem_of(handler.headers.get("Authorization", ""))) is not None:
            return 401, {"title": "Unauthorized", "description": problem}
        if path == SIGN and handler.command == "POST":
            if not self.may_sign:
                return 403, {"title": "Forbidden"}
            return self._forward("sign", self._with_life(body))
        secret = self.secrets.get(unquote(path[len(SECRETS):]))
        if secret is None:
            return 404, {"title": "Not Found", "description": "There is no such secret"}
        if isinstance(secret, bytes):
            return 200, secret, "application/octet-stream"
        return 200, {"value": secret}

    def _log_in(self, wanted):
        """IAM's check of a service account."""
        key = self.accounts.get(wanted.get("uid"))
        try:
            if key is None:
                raise ValueError("no such account")
            claims = key.claims(wanted["token"], self.folder)
            if claims.get("uid") != wanted["uid"] or claims["exp"] > time.time() + 600:
                raise ValueError("the token is for somebody else, or for too long")
        except (ValueError, KeyError) as error:
            return 401, {"title": "Unauthorized", "description": f"invalid credentials: {error}",
                         "code": "ERR_INVALID_CREDENTIALS"}
        token = self.iam_key.sign({"uid": wanted["uid"], "exp": int(time.time() + self.token_lifetime),
                                   "n": len(self.tokens)})
        self.tokens.append(secret_watch.register(token, "a token of IAM"))
        return 200, {"token": token}

    def _problem_of(self, field):
        if not field.startswith("token="):
            return "no token"
        token = field[len("token="):]
        if token in self.revoked:
            return "revoked"
        try:
            self.iam_key.claims(token, self.folder)
        except (ValueError, KeyError) as error:
            return str(error)

    def _with_life(self, body):
        """A request for a certificate that has `life` seconds left, where that is set."""
        if self.life is None:
            return body
        now = time.time()
        begin = (int(now + 30) // 60) * 60 - BACKDATED
        return json.dumps({**json.loads(body), "profile": f"s{int(now + self.life - begin)}"}).encode()

    def jwks(self):
        text = run("openssl", "rsa", "-pubin", "-in", self.iam_key.public, "-noout", "-modulus").stdout
        modulus = bytes.fromhex(text.strip().split("=")[1])
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "iam", "n": encode(modulus),
                          "e": "AQAB"}]}

    # What a task gets.

    def account_secret(self, **changes):
        document = {"scheme": "RS256", "uid": ACCOUNT, "private_key": self.account_key.private.read_text(),
                    "login_endpoint": self.url + LOGIN, **changes}
        return json.dumps({name: value for name, value in document.items() if value is not None})

    def hidden(self):
        """What nobody may see: keys, in each line of theirs, and tokens that were issued."""
        lines = self.account_key.private.read_text().splitlines()[1:-1]
        return [line for line in lines if len(line) > 20] + self.tokens
