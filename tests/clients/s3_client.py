"""Amazon S3 as the suites speak it: one request at a time, signed by hand (signature version 4), to
prepare buckets and to look into them behind the registry's back."""

import datetime
import hashlib
import hmac
import xml.etree.ElementTree as xml
from urllib.parse import quote, urlsplit

from http_client import Http


ALGORITHM = "AWS4-HMAC-SHA256"


def _now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def _sign(key, text):
    return hmac.digest(key, text.encode(), "sha256")


def _encode(text, safe=""):
    return quote(text, safe=safe + "-_.~")


class S3Client:
    """Path style only. Every answer but a success is an error, unless `expect` names it."""

    def __init__(self, endpoint, access_key, secret_key, region="us-east-1"):
        parts = urlsplit(endpoint)
        self.http, self.host = Http(parts.hostname, parts.port), parts.netloc
        self.access_key, self.secret_key, self.region = access_key, secret_key, region

    def request(self, method, path, query=None, body=b"", expect=(200, 204)):
        target = _encode(path, "/")
        parameters = "&".join(f"{_encode(name)}={_encode(str(value))}"
                              for name, value in sorted((query or {}).items()))
        fields = self._signed(method, target, parameters, hashlib.sha256(body).hexdigest())
        answer = self.http.request(method, f"{target}?{parameters}" if parameters else target,
                                   body or None, fields)
        if answer.status not in expect:
            raise AssertionError(f"{method} {path}: {answer.status} {answer.body[:500]}")
        return answer

    def _signed(self, method, target, parameters, payload_hash):
        now = _now()
        fields = {"host": self.host, "x-amz-content-sha256": payload_hash, "x-amz-date": now}
        names = ";".join(fields)
        signature = self._signature(now, [method, target, parameters,
                                          *(f"{name}:{value}" for name, value in fields.items()),
                                          "", names, payload_hash])
        del fields["host"]  # http.client sends it
        fields["Authorization"] = (
            f"{ALGORITHM} Credential={self.access_key}/{self._scope(now)}, SignedHeaders={names}, "
            f"Signature={signature}")
        return fields

    def _scope(self, now):
        return f"{now[:8]}/{self.region}/s3/aws4_request"

    def _signature(self, now, canonical_request):
        scope, key = self._scope(now), f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = _sign(key, part)
        hashed = hashlib.sha256("\n".join(canonical_request).encode()).hexdigest()
        return _sign(key, "\n".join([ALGORITHM, now, scope, hashed])).hex()

    def presigned_get(self, bucket, key, lifetime=3600):
        """A URL that needs no further signature."""
        now = _now()
        target, scope = _encode(f"/{bucket}/{key}", "/"), self._scope(now)
        parameters = "&".join(f"X-Amz-{name}={_encode(str(value))}" for name, value in (
            ("Algorithm", ALGORITHM), ("Credential", f"{self.access_key}/{scope}"), ("Date", now),
            ("Expires", lifetime), ("SignedHeaders", "host")))
        signature = self._signature(now, ["GET", target, parameters, f"host:{self.host}", "", "host",
                                          "UNSIGNED-PAYLOAD"])
        return f"http://{self.host}{target}?{parameters}&X-Amz-Signature={signature}"

    def create_bucket(self, bucket):
        self.request("PUT", f"/{bucket}")

    def put(self, bucket, key, body):
        self.request("PUT", f"/{bucket}/{key}", body=body)

    def get(self, bucket, key):
        return self.request("GET", f"/{bucket}/{key}").body

    def remove(self, bucket, key):
        self.request("DELETE", f"/{bucket}/{key}")

    def sizes(self, bucket, prefix=""):
        """The objects whose keys begin with `prefix`: a dict of key and size."""
        query, found = {"list-type": 2, "prefix": prefix}, {}
        while True:
            page = _document(self.request("GET", f"/{bucket}", query))
            found |= {entry.findtext("Key"): int(entry.findtext("Size"))
                      for entry in page.findall("Contents")}
            if page.findtext("IsTruncated") != "true":
                return found
            query["continuation-token"] = page.findtext("NextContinuationToken")

    def uploads(self, bucket, prefix=""):
        """The keys of the multipart uploads that are under way; a thousand at most."""
        page = _document(self.request("GET", f"/{bucket}", {"uploads": "", "prefix": prefix}))
        return [entry.findtext("Key") for entry in page.findall("Upload")]


def _document(answer):
    """The root of an XML answer, its names without S3's name space."""
    root = xml.fromstring(answer.body)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
