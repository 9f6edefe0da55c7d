"""An outside issuer of tokens, and the IAM of a DC/OS cluster: they sign for real, with openssl."""

import base64
import json
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import secret_watch
from programs import run


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SigningKey:
    """An RSA key in a folder, and what is signed with it."""

    def __init__(self, folder, name="issuer"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name = folder, name
        self.file = folder / f"{name}.key"
        run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
            "-out", self.file)
        secret_watch.register_key(self.file)

    def jwk(self):
        printed = run("openssl", "rsa", "-in", self.file, "-modulus", "-noout").stdout
        modulus = bytes.fromhex(printed.strip().partition("=")[2])
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.name,
                "n": base64url(modulus), "e": "AQAB"}

    def jwk_set(self):
        return json.dumps({"keys": [self.jwk()]})

    def sign(self, claims, **header):
        header = {"alg": "RS256", "typ": "JWT", "kid": self.name, **header}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        signed, signature = (self.folder / f"{uuid.uuid4()}" for _ in range(2))
        signed.write_text(text)
        run("openssl", "dgst", "-sha256", "-sign", self.file, "-out", signature, signed)
        token = f"{text}.{base64url(signature.read_bytes())}"
        signed.unlink()
        signature.unlink()
        secret_watch.register(token.rpartition(".")[2])
        return token


class TokenIssuer:
    """`/token` as the Docker token specification has it, `/keys` as the registry needs them. It
    knows one name and password, which may do everything that is asked for."""

    def __init__(self, folder, name, password, service="pkgreg"):
        self.key, self.service = SigningKey(folder), service
        self.login = base64.b64encode(f"{name}:{password}".encode()).decode()
        self.user, self.password, self.requests = name, password, []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                target = urlsplit(self.path)
                issuer.requests.append(f"GET {target.path}")
                if target.path == "/keys":
                    return self.answer(200, issuer.key.jwk_set())
                known = self.headers.get("Authorization") == f"Basic {issuer.login}"
                self.give_token(known, parse_qs(target.query))

            def do_POST(self):
                issuer.requests.append(f"POST {self.path}")
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                known = (form.get("username"), form.get("password")) == (
                    [issuer.user], [issuer.password])
                self.give_token(known, form)

            def give_token(self, known, asked):
                if not known:
                    return self.answer(401, "{}")
                token = issuer.token(" ".join(asked.get("scope", [])).split())
                self.answer(200, json.dumps({"token": token, "access_token": token,
                                             "expires_in": 300}))

            def answer(self, status, text):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def claims(self, scopes=(), **changed):
        now = int(time.time())
        access = [{"type": kind, "name": name, "actions": actions.split(",")}
                  for kind, name, actions in (scope.split(":") for scope in scopes)]
        return {"iss": "stand-in", "sub": self.user, "aud": self.service, "iat": now, "nbf": now,
                "exp": now + 300, "access": access, **changed}

    def token(self, scopes=(), **changed):
        return self.key.sign(self.claims(scopes, **changed))

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
