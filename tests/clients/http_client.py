"""HTTP as the suites speak it: one request per connection, nothing decided behind the test's back.

No redirect is followed, no header is added but Host and Content-Length, and `raw` sends any bytes,
also such as no HTTP library would send.
"""

import hashlib
import http.client
import json
import socket
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urljoin, urlsplit

from secret_watch import watch

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
OCTETS = "application/octet-stream"


def digest_of(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def as_json(document):
    return json.dumps(document).encode()


@dataclass
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def header(self, name):
        """The value of a header, or None; several lines of it are joined as RFC 9110 says."""
        values = self.headers.get_all(name)
        return None if values is None else ", ".join(values)

    def json(self):
        return json.loads(self.body)

    def codes(self):
        """The codes of an error body, whose form is checked on the way."""
        assert self.header("Content-Type").split(";")[0] == "application/json", self
        errors = self.json()["errors"]
        assert errors and all(error["code"] for error in errors), self
        return [error["code"] for error in errors]

    def message(self):
        return self.json()["errors"][0]["message"]

    def next_page(self):
        """The target of the Link header with rel="next", or None."""
        link = self.header("Link")
        if link is None:
            return None
        target, _, relation = link.partition(">")
        assert target.startswith("<") and relation.replace(" ", "") == ';rel="next"', link
        return target[1:]


class Http:
    def __init__(self, host, port, timeout=30):
        self.host, self.port, self.timeout = host, port, timeout

    def connect(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)

    def request(self, method, target, body=None, headers=(), connection=None):
        """One request, on `connection` where one is given. An iterable body goes out in chunks."""
        own = connection is None
        if own:
            connection = self.connect()
        try:
            connection.request(method, target, body=body, headers=dict(headers))
            answer = connection.getresponse()
            response = Response(answer.status, answer.headers, answer.read())
            watch.exchanged(method, target, headers, response)
            return response
        finally:
            if own:
                connection.close()

    def get(self, target, **headers):
        return self.request("GET", target, headers=_fields(headers))

    def head(self, target, **headers):
        return self.request("HEAD", target, headers=_fields(headers))

    def delete(self, target, **headers):
        return self.request("DELETE", target, headers=_fields(headers))

    def socket(self):
        return socket.create_connection((self.host, self.port), self.timeout)

    def raw(self, data):
        """Sends bytes as they are and gives back all that the server sends until it closes."""
        with self.socket() as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError, OSError):
                pass  # it may answer and close before it has read all
            return _read_all(connection)


def _fields(keywords):
    return {name.replace("_", "-"): value for name, value in keywords.items()}


def _read_all(connection):
    received = b""
    try:
        while data := connection.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received


def status_of(answer):
    """The status of a raw answer; None when there was none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def with_query(target, **parameters):
    """`target` with further query parameters; a list gives one parameter for each value."""
    query = urlencode({name.replace("_", "-"): value for name, value in parameters.items()},
                      doseq=True, quote_via=quote, safe="")
    return target + ("&" if "?" in target else "?") + query


class Repository:
    """The requests of the distribution specification for one repository, each answer unchecked."""

    def __init__(self, http, name):
        self.http, self.name = http, name
        self.base = f"/v2/{name}"

    def locate(self, response):
        """Path and query of a Location, which must be relative to the server."""
        location = response.header("Location")
        assert location and location.startswith("/"), f"no relative Location: {response}"
        return location

    # Blobs.

    def blob(self, digest):
        return f"{self.base}/blobs/{digest}"

    def begin(self, **parameters):
        target = f"{self.base}/blobs/uploads/"
        return self.http.request("POST", with_query(target, **parameters) if parameters else target)

    def put(self, location, digest, body=None, headers=()):
        return self.http.request("PUT", with_query(location, digest=digest), body, headers)

    def patch(self, location, body, start=None):
        headers = {"Content-Type": OCTETS}
        if start is not None:
            headers["Content-Range"] = f"{start}-{start + len(body) - 1}"
        return self.http.request("PATCH", location, body, headers)

    def push_blob(self, data, algorithm="sha256"):
        """Pushes by POST and PUT, checks the answers, and gives the digest back."""
        begun = self.begin() if algorithm == "sha256" else self.begin(digest_algorithm=algorithm)
        assert begun.status == 202, begun
        digest = digest_of(data, algorithm)
        done = self.put(self.locate(begun), digest, data)
        assert done.status == 201, done
        return digest

    def get_blob(self, digest, **headers):
        return self.http.get(self.blob(digest), **headers)

    def head_blob(self, digest, **headers):
        return self.http.head(self.blob(digest), **headers)

    def delete_blob(self, digest):
        return self.http.delete(self.blob(digest))

    # Manifests.

    def manifest(self, reference):
        return f"{self.base}/manifests/{reference}"

    def put_manifest(self, reference, document, media_type=OCI_MANIFEST, **parameters):
        body = document if isinstance(document, bytes) else as_json(document)
        target = self.manifest(reference)
        if parameters:
            target = with_query(target, **parameters)
        headers = {} if media_type is None else {"Content-Type": media_type}
        return self.http.request("PUT", target, body, headers)

    def get_manifest(self, reference, **headers):
        return self.http.get(self.manifest(reference), **headers)

    def head_manifest(self, reference, **headers):
        return self.http.head(self.manifest(reference), **headers)

    def delete_manifest(self, reference):
        return self.http.delete(self.manifest(reference))

    def push_image(self, *tags, layers=(b"a layer",), media_type=OCI_MANIFEST, **fields):
        """Pushes a small image under its tags, or by digest; gives the manifest's bytes back."""
        config = self.push_blob(as_json({"architecture": "amd64", "os": "linux"}))
        document = image_manifest(
            descriptor_of(OCI_CONFIG, self.get_blob(config).body),
            [descriptor_of(OCI_LAYER, layer) for layer in layers], media_type, **fields)
        for layer in layers:
            self.push_blob(layer)
        body = as_json(document)
        for reference in tags or (digest_of(body),):
            done = self.put_manifest(reference, body, media_type)
            assert done.status == 201, done
        return body

    # Lists.

    def tags(self, **parameters):
        target = f"{self.base}/tags/list"
        return self.http.get(with_query(target, **parameters) if parameters else target)

    def referrers(self, digest, **parameters):
        target = f"{self.base}/referrers/{digest}"
        return self.http.get(with_query(target, **parameters) if parameters else target)


def descriptor_of(media_type, data, **fields):
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **fields}


def image_manifest(config, layers, media_type=OCI_MANIFEST, **fields):
    return {"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers,
            **fields}


def image_index(manifests, media_type=OCI_INDEX, **fields):
    return {"schemaVersion": 2, "mediaType": media_type, "manifests": manifests, **fields}
