"""Lists: tags, the catalog, and referrers; in order, in pages, with links."""

import json
import random

import pytest

from http_client import (OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, Repository, as_json,
                         descriptor_of, digest_of, image_index, image_manifest, with_query)

pytestmark = [pytest.mark.protocol, pytest.mark.storages("directory", "s3")]

EMPTY_CONFIG = descriptor_of(OCI_EMPTY, b"{}")
# Byte order: '-' '.' '0'..'9' 'A'..'Z' '_' 'a'..'z'.
TAGS = sorted(["1", "1-a", "1.0", "10", "2", "A", "B", "_x", "a", "a-1", "a.1", "a0", "aA", "b", "v1"])


@pytest.fixture
def quick(servers):
    """A repository in memory, for tests that need a thousand of something."""
    return Repository(servers.start(storage="memory:").http, "quick")


def put_tags(repository, tags):
    body = repository.push_image()
    connection = repository.http.connect()
    for tag in tags:
        done = repository.http.request("PUT", repository.manifest(tag), body,
                                       {"Content-Type": OCI_MANIFEST}, connection)
        assert done.status == 201, done
    connection.close()
    return body


def pages(http, target, key):
    """All entries of a list, page by page as its links lead; and how many pages there were."""
    entries, count = [], 0
    while target:
        answer = http.get(target)
        assert answer.status == 200, answer
        entries += answer.json()[key]
        target, count = answer.next_page(), count + 1
    return entries, count


# Tags.


def test_tags_are_listed_in_byte_order(repository):
    shuffled = TAGS[:]
    random.Random(1).shuffle(shuffled)
    put_tags(repository, shuffled)
    answer = repository.tags()
    assert answer.status == 200
    assert answer.json() == {"name": repository.name, "tags": TAGS}
    assert answer.header("Content-Type") == "application/json"
    assert answer.next_page() is None


def test_n_and_last_give_pages_that_lose_nothing(repository):
    put_tags(repository, TAGS)
    assert repository.tags(n=3).json()["tags"] == TAGS[:3]
    assert repository.tags(n=3, last=TAGS[2]).json()["tags"] == TAGS[3:6]
    assert repository.tags(last=TAGS[9]).json()["tags"] == TAGS[10:]
    for n in (1, 4, 5, 15, 16):
        listed, count = pages(repository.http, with_query(f"{repository.base}/tags/list", n=n), "tags")
        assert listed == TAGS
        assert count == -(-len(TAGS) // n), "a page that could be full is not, or one is empty"


def test_last_need_not_be_a_tag_that_is_there(repository):
    put_tags(repository, ["a", "c"])
    assert repository.tags(last="b").json()["tags"] == ["c"]
    assert repository.tags(last="c").json()["tags"] == []
    assert repository.tags(last="zzz").json()["tags"] == []
    assert repository.tags(last="").json()["tags"] == ["a", "c"]


def test_n_0_gives_an_empty_list_without_a_link(repository):
    put_tags(repository, ["a", "b"])
    answer = repository.tags(n=0)
    assert answer.status == 200
    assert answer.json()["tags"] == []
    assert answer.header("Link") is None


def test_a_page_has_at_most_1000_entries(quick):
    tags = [f"t{number:04}" for number in range(1001)]
    put_tags(quick, tags)
    for parameters in ({}, {"n": 1000}, {"n": 1001}, {"n": 10**30}):
        answer = quick.tags(**parameters)
        assert answer.json()["tags"] == tags[:1000], parameters
        assert quick.http.get(answer.next_page()).json()["tags"] == tags[1000:], parameters


@pytest.mark.parametrize("n", ["-1", "x", "1.5", "", "0x10"])
def test_an_n_that_is_no_number_is_refused(repository, n):
    put_tags(repository, ["a"])
    answer = repository.tags(n=n)
    assert answer.status == 400
    assert answer.codes()


def test_tags_of_an_unknown_repository_are_404(shared_registry):
    answer = Repository(shared_registry.http, "no/such/repository").tags()
    assert answer.status == 404
    assert answer.codes() == ["NAME_UNKNOWN"]


def test_a_repository_without_tags_has_an_empty_list(repository):
    put_tags(repository, ["a"])
    repository.delete_manifest("a")
    assert repository.tags().json() == {"name": repository.name, "tags": []}


# The catalog.


def test_the_catalog_is_in_the_byte_order_of_names(registry):
    names = ["a", "a-b", "a.b", "a/b", "a/b-c", "a/b/c", "a0", "a_b", "ab", "b", "z/0"]
    shuffled = names[:]
    random.Random(2).shuffle(shuffled)
    for name in shuffled:
        Repository(registry.http, name).push_image("v1")
    answer = registry.http.get("/v2/_catalog")
    assert answer.status == 200
    assert answer.json() == {"repositories": sorted(names)}
    for n in (1, 2, 3, 10, 11, 12):
        listed, _ = pages(registry.http, f"/v2/_catalog?n={n}", "repositories")
        assert listed == sorted(names)
    assert registry.http.get("/v2/_catalog?n=2&last=a-b").json()["repositories"] == ["a.b", "a/b"]
    assert registry.http.get("/v2/_catalog?last=b").json()["repositories"] == ["z/0"]
    assert registry.http.get("/v2/_catalog?n=0").json()["repositories"] == []


def test_an_empty_registry_has_an_empty_catalog(registry):
    assert registry.http.get("/v2/_catalog").json() == {"repositories": []}


# Referrers.


def attach(repository, subject, number=0, **fields):
    """Pushes an artifact that has `subject`; gives its bytes back."""
    repository.push_blob(b"{}")
    body = as_json(image_manifest(EMPTY_CONFIG, [], subject=subject,
                                  annotations={"org.example.number": str(number)}, **fields))
    done = repository.put_manifest(digest_of(body), body)
    assert done.status == 201, done
    assert done.header("OCI-Subject") == subject["digest"]
    return body


@pytest.fixture
def subject(repository):
    return descriptor_of(OCI_MANIFEST, repository.push_image("subject"))


def test_referrers_are_listed_as_descriptors(repository, subject):
    body = attach(repository, subject, artifactType="application/vnd.example.sbom")
    answer = repository.referrers(subject["digest"])
    assert answer.status == 200
    assert answer.header("Content-Type") == OCI_INDEX
    assert answer.header("OCI-Filters-Applied") is None
    document = answer.json()
    assert (document["schemaVersion"], document["mediaType"]) == (2, OCI_INDEX)
    assert document["manifests"] == [descriptor_of(
        OCI_MANIFEST, body, artifactType="application/vnd.example.sbom",
        annotations={"org.example.number": "0"})]


def test_the_type_of_an_image_without_artifact_type_is_that_of_its_config(repository, subject):
    attach(repository, subject)
    listed = repository.referrers(subject["digest"]).json()["manifests"]
    assert [entry["artifactType"] for entry in listed] == [OCI_EMPTY]


def test_an_index_may_have_a_subject(repository, subject):
    for fields in ({}, {"artifactType": "application/vnd.example.list"}):
        document = image_index([], subject=subject, annotations={"a": "b"}, **fields)
        done = repository.put_manifest("index", document, OCI_INDEX)
        assert done.header("OCI-Subject") == subject["digest"]
    listed = repository.referrers(subject["digest"]).json()["manifests"]
    assert {entry.get("artifactType") for entry in listed} == {None, "application/vnd.example.list"}
    assert all(entry["mediaType"] == OCI_INDEX and entry["annotations"] == {"a": "b"}
               for entry in listed)


def test_no_referrers_is_an_empty_list(repository, subject):
    for digest in (subject["digest"], digest_of(b"never pushed")):
        answer = repository.referrers(digest)
        assert answer.status == 200
        assert answer.json()["manifests"] == []


def test_referrers_of_what_is_no_digest_are_refused(repository, subject):
    for digest in ("latest", "sha256:abc", "md5:" + "0" * 32):
        answer = repository.referrers(digest)
        assert answer.status == 400
        assert answer.codes() == ["DIGEST_INVALID"]


def test_referrers_are_filtered_by_artifact_type(repository, subject):
    wanted = attach(repository, subject, 1, artifactType="application/vnd.example.sbom")
    attach(repository, subject, 2, artifactType="application/vnd.example.signature")
    answer = repository.referrers(subject["digest"], artifactType="application/vnd.example.sbom")
    assert answer.header("OCI-Filters-Applied") == "artifactType"
    assert [entry["digest"] for entry in answer.json()["manifests"]] == [digest_of(wanted)]
    nothing = repository.referrers(subject["digest"], artifactType="application/vnd.example.none")
    assert nothing.status == 200
    assert nothing.header("OCI-Filters-Applied") == "artifactType"
    assert nothing.json()["manifests"] == []


def test_referrers_come_in_pages(repository, subject):
    pushed = {digest_of(attach(repository, subject, number, artifactType=f"application/x.{number % 2}"))
              for number in range(9)}
    target = f"{repository.base}/referrers/{subject['digest']}"
    for n in (1, 2, 4, 9, 10):
        listed, count = pages(repository.http, with_query(target, n=n), "manifests")
        assert len(listed) == 9 and {entry["digest"] for entry in listed} == pushed
        assert count == -(-9 // n)
    filtered, _ = pages(repository.http, with_query(target, n=2, artifactType="application/x.1"),
                        "manifests")
    assert len(filtered) == 4
    assert {entry["artifactType"] for entry in filtered} == {"application/x.1"}


def test_more_than_1000_referrers_are_linked(quick):
    subject = descriptor_of(OCI_MANIFEST, quick.push_image("subject"))
    pushed = {digest_of(attach(quick, subject, number)) for number in range(1001)}
    listed, count = pages(quick.http, f"{quick.base}/referrers/{subject['digest']}", "manifests")
    assert count == 2
    assert len(listed) == 1001 and {entry["digest"] for entry in listed} == pushed


def test_a_referrer_that_is_deleted_is_not_listed(repository, subject):
    body = attach(repository, subject)
    assert repository.delete_manifest(digest_of(body)).status == 202
    assert repository.referrers(subject["digest"]).json()["manifests"] == []


def test_referrers_outlive_their_subject(repository, subject):
    body = attach(repository, subject)
    assert repository.delete_manifest(subject["digest"]).status == 202
    listed = repository.referrers(subject["digest"]).json()["manifests"]
    assert [entry["digest"] for entry in listed] == [digest_of(body)]


def test_referrers_belong_to_their_repository(repository, subject):
    attach(repository, subject)
    other = Repository(repository.http, repository.name + "/other")
    other.push_image("v1")
    assert other.referrers(subject["digest"]).json()["manifests"] == []


def test_a_list_that_an_older_client_keeps_under_a_tag_is_shown_once(repository, subject):
    """The referrers tag schema: an index tagged `sha256-<hex>` that names the referrers."""
    both = attach(repository, subject, 1, artifactType="application/vnd.example.sbom")
    entry = descriptor_of(OCI_MANIFEST, both, artifactType="application/vnd.example.sbom",
                          annotations={"org.example.number": "1"})
    tag = subject["digest"].replace(":", "-")
    assert repository.put_manifest(tag, image_index([entry]), OCI_INDEX).status == 201
    listed = repository.referrers(subject["digest"]).json()["manifests"]
    assert listed == [entry]


# HEAD, for lists as for everything.


def test_head_of_a_list_is_get_without_the_body(repository, subject):
    attach(repository, subject)
    for target in (f"{repository.base}/tags/list", "/v2/_catalog", "/v2/",
                   f"{repository.base}/referrers/{subject['digest']}"):
        get, head = repository.http.get(target), repository.http.head(target)
        assert head.status == 200, target
        assert head.body == b""
        assert head.header("Content-Type") == get.header("Content-Type")
        assert head.header("Content-Length") == get.header("Content-Length")
    assert json.loads(repository.http.get("/v2/").body) == {}
