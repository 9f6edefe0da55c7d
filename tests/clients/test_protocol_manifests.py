"""Manifests and tags: pushed and pulled byte for byte, and refused when they cannot be right."""

import json

import pytest

from http_client import (DOCKER_LIST, DOCKER_MANIFEST, DOCKER_SCHEMA1, OCI_CONFIG, OCI_EMPTY,
                         OCI_INDEX, OCI_LAYER, OCI_MANIFEST, Repository, as_json, descriptor_of,
                         digest_of, image_index, image_manifest)

pytestmark = [pytest.mark.protocol, pytest.mark.storages("directory", "s3")]

EMPTY_CONFIG = descriptor_of(OCI_EMPTY, b"{}")


@pytest.fixture
def body(repository):
    return repository.push_image("latest")


def artifact(repository, **fields):
    """The bytes of a manifest without layers, whose config is in the repository."""
    repository.push_blob(b"{}")
    return as_json(image_manifest(EMPTY_CONFIG, [], **fields))


# Pull.


def test_a_manifest_comes_back_byte_for_byte(repository, body):
    for reference in ("latest", digest_of(body)):
        answer = repository.get_manifest(reference)
        assert answer.status == 200
        assert answer.body == body
        assert answer.header("Content-Type") == OCI_MANIFEST
        assert answer.header("Docker-Content-Digest") == digest_of(body)
        assert answer.header("Content-Length") == str(len(body))


def test_odd_but_valid_json_is_kept_as_it_is(repository):
    repository.push_blob(b"{}")
    body = (b'\n{ "layers":[ ],\t"schemaVersion" : 2, "x-unknown": 1.50, "a":"\\u00e9\\/", "config":'
            + as_json(EMPTY_CONFIG) + b',\r\n"mediaType":"' + OCI_MANIFEST.encode() + b'"}\n\n')
    assert repository.put_manifest("odd", body).status == 201
    assert repository.get_manifest("odd").body == body


def test_head_is_get_without_the_body(repository, body):
    for reference in ("latest", digest_of(body)):
        get, head = repository.get_manifest(reference), repository.head_manifest(reference)
        assert head.status == 200
        assert head.body == b""
        for name in ("Content-Length", "Content-Type", "Docker-Content-Digest", "ETag"):
            assert head.header(name) == get.header(name), name


@pytest.mark.parametrize("reference", ["never-pushed", digest_of(b"never pushed")])
def test_an_unknown_manifest_is_404(repository, body, reference):
    assert repository.head_manifest(reference).status == 404
    answer = repository.get_manifest(reference)
    assert answer.status == 404
    assert answer.codes() == ["MANIFEST_UNKNOWN"]


def test_an_unknown_repository_is_404(shared_registry):
    assert Repository(shared_registry.http, "no/such").get_manifest("latest").status == 404


def test_a_repository_serves_only_its_own_manifests(repository, body):
    stranger = Repository(repository.http, repository.name + "/stranger")
    stranger.push_image("other", layers=[b"another layer"])
    assert stranger.get_manifest(digest_of(body)).status == 404
    assert stranger.get_manifest("latest").status == 404


def test_if_none_match_spares_the_transfer(repository, body):
    for reference in ("latest", digest_of(body)):
        tag = repository.get_manifest(reference).header("ETag")
        answer = repository.get_manifest(reference, If_None_Match=tag)
        assert answer.status == 304
        assert answer.body == b""
        assert answer.header("Docker-Content-Digest") == digest_of(body)
        assert repository.head_manifest(reference, If_None_Match=tag).status == 304
    repository.push_image("latest", layers=[b"moved"])
    assert repository.get_manifest("latest", If_None_Match=tag).status == 200


@pytest.mark.parametrize("accept", ["*/*", "application/json", DOCKER_MANIFEST, "text/html"])
def test_a_manifest_is_served_whatever_is_accepted(repository, body, accept):
    """There is one representation; the client decides what to do with its Content-Type."""
    assert repository.get_manifest("latest", Accept=accept).body == body


# Push.


def test_the_answer_to_a_push_says_where_the_manifest_is(repository):
    body = artifact(repository)
    done = repository.put_manifest("v1", body)
    assert done.status == 201
    assert done.header("Docker-Content-Digest") == digest_of(body)
    assert repository.http.get(repository.locate(done)).body == body


def test_a_push_by_digest_makes_no_tag(repository):
    body = artifact(repository)
    assert repository.put_manifest(digest_of(body), body).status == 201
    assert repository.get_manifest(digest_of(body)).body == body
    assert repository.tags().json()["tags"] == []


def test_a_push_by_another_digest_is_refused(repository):
    body = artifact(repository)
    failed = repository.put_manifest(digest_of(b"other"), body)
    assert failed.status == 400
    assert failed.codes() == ["DIGEST_INVALID"]
    assert repository.get_manifest(digest_of(body)).status == 404


def test_a_push_by_sha512(repository):
    body = artifact(repository)
    digest = digest_of(body, "sha512")
    done = repository.put_manifest(digest, body, tag="long")
    assert done.status == 201, done
    assert done.header("Docker-Content-Digest") == digest
    for reference in (digest, "long"):
        answer = repository.get_manifest(reference)
        assert answer.body == body
        assert answer.header("Docker-Content-Digest") == digest


def test_layers_named_by_sha512(repository):
    layer = b"a layer named by sha512"
    digest = repository.push_blob(layer, "sha512")
    repository.push_blob(b"{}")
    document = image_manifest(EMPTY_CONFIG, [
        {"mediaType": OCI_LAYER, "digest": digest, "size": len(layer)}])
    assert repository.put_manifest("v1", document).status == 201


def test_tags_given_with_a_digest_are_all_made(repository):
    body = artifact(repository)
    tags = [f"t{n}" for n in range(10)] + ["1.2.3", "latest"]
    done = repository.put_manifest(digest_of(body), body, tag=tags)
    assert done.status == 201, done
    assert sorted(done.header("OCI-Tag").replace(" ", "").split(",")) == sorted(tags)
    for tag in tags:
        assert repository.head_manifest(tag).header("Docker-Content-Digest") == digest_of(body)


def test_one_bad_tag_among_several_refuses_the_push(repository):
    body = artifact(repository)
    failed = repository.put_manifest(digest_of(body), body, tag=["good", ".bad"])
    assert failed.status == 400
    assert repository.get_manifest("good").status == 404
    assert repository.get_manifest(digest_of(body)).status == 404


def test_far_too_many_tags_are_refused(repository):
    body = artifact(repository)
    failed = repository.put_manifest(digest_of(body), body, tag=[f"t{n}" for n in range(1000)])
    assert failed.status == 414
    assert repository.get_manifest(digest_of(body)).status == 404


def test_a_tag_moves_and_the_old_manifest_stays(repository, body):
    newer = repository.push_image("latest", layers=[b"a newer layer"])
    assert repository.get_manifest("latest").body == newer
    assert repository.get_manifest(digest_of(body)).body == body


def test_a_push_repeated_changes_nothing(repository, body):
    assert repository.push_image("latest") == body
    assert repository.tags().json()["tags"] == ["latest"]


@pytest.mark.parametrize("tag", ["_", "A.b-c_D", "1", "x" * 128, "v1.0.0-rc.1"])
def test_every_valid_tag_works(repository, tag):
    body = artifact(repository)
    assert repository.put_manifest(tag, body).status == 201
    assert repository.get_manifest(tag).body == body
    assert repository.tags().json()["tags"] == [tag]


@pytest.mark.parametrize("tag", [".x", "-x", "x" * 129, "a+b", "a b", "%c3%a9", "%00", "a%0d%0ab"])
def test_what_is_no_tag_is_refused(repository, tag):
    body = artifact(repository)
    target = repository.manifest(tag.replace(" ", "%20"))
    failed = repository.http.request("PUT", target, body, {"Content-Type": OCI_MANIFEST})
    assert failed.status == 400, failed


@pytest.mark.parametrize("name", ["a", "a/b/c/d/e", "a.b_c__d---e/f", "blobs/uploads", "tags/list",
                                  "x" * 200, "library/manifests"])
def test_every_valid_name_works(shared_registry, name):
    repository = Repository(shared_registry.http, name)
    body = repository.push_image("v1")
    assert repository.get_manifest("v1").body == body
    assert repository.tags().json() == {"name": name, "tags": ["v1"]}


# Media types.


def test_the_content_type_of_the_push_is_served(repository):
    body = artifact(repository)
    done = repository.put_manifest("v1", body, OCI_MANIFEST + "; charset=utf-8")
    assert done.status == 201, done
    assert repository.get_manifest("v1").header("Content-Type") == OCI_MANIFEST


def test_without_content_type_the_manifest_says_what_it_is(repository):
    assert repository.put_manifest("v1", artifact(repository), None).status == 201
    assert repository.get_manifest("v1").header("Content-Type") == OCI_MANIFEST


def test_docker_images_and_lists(repository):
    body = repository.push_image("docker", media_type=DOCKER_MANIFEST)
    entry = {"mediaType": DOCKER_MANIFEST, "digest": digest_of(body), "size": len(body),
             "platform": {"architecture": "amd64", "os": "linux"}}
    assert repository.put_manifest("list", image_index([entry], DOCKER_LIST),
                                   DOCKER_LIST).status == 201
    assert repository.get_manifest("docker").header("Content-Type") == DOCKER_MANIFEST
    assert repository.get_manifest("list").header("Content-Type") == DOCKER_LIST


def test_an_index_of_indexes(repository, body):
    inner = as_json(image_index([descriptor_of(OCI_MANIFEST, body)]))
    assert repository.put_manifest("inner", inner, OCI_INDEX).status == 201
    outer = as_json(image_index([descriptor_of(OCI_INDEX, inner)]))
    assert repository.put_manifest("outer", outer, OCI_INDEX).status == 201
    assert repository.get_manifest("outer").body == outer


def test_an_empty_index(repository):
    assert repository.put_manifest("empty", image_index([]), OCI_INDEX).status == 201


def test_an_artifact_of_any_media_type(repository):
    content = b"neither image nor layer"
    repository.push_blob(content)
    document = image_manifest(
        descriptor_of("application/vnd.example.config.v7+cbor", content),
        [descriptor_of("text/x-poem; charset=utf-8", content)],
        artifactType="application/vnd.example.poem")
    assert repository.put_manifest("poem", document).status == 201
    assert json.loads(repository.get_manifest("poem").body) == document


def test_a_foreign_layer_with_urls_need_not_be_there(repository):
    repository.push_blob(b"{}")
    foreign = descriptor_of("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", b"foreign",
                            urls=["https://example.test/layer"])
    document = image_manifest(EMPTY_CONFIG, [foreign])
    assert repository.put_manifest("foreign", document).status == 201
    oci = descriptor_of("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", b"foreign",
                        urls=["https://example.test/layer"])
    assert repository.put_manifest("oci", image_manifest(EMPTY_CONFIG, [oci])).status == 201


def test_a_manifest_of_4_megabytes_is_accepted(repository):
    body = artifact(repository, annotations={"org.example.padding": "x" * 3_999_000})
    assert repository.put_manifest("big", body).status == 201
    assert repository.get_manifest("big").body == body


@pytest.mark.parametrize("chunked", [False, True])
def test_a_larger_manifest_is_413(repository, chunked):
    body = artifact(repository, annotations={"org.example.padding": "x" * (5 << 20)})
    failed = repository.http.request(
        "PUT", repository.manifest("huge"), iter([body]) if chunked else body,
        {"Content-Type": OCI_MANIFEST})
    assert failed.status == 413
    assert repository.get_manifest("huge").status == 404


# What a manifest refers to.


@pytest.mark.parametrize("missing", ["config", "layer"])
def test_a_manifest_that_refers_to_a_missing_blob_is_refused_naming_it(repository, missing):
    absent = descriptor_of(OCI_LAYER, f"absent {missing}".encode())
    repository.push_blob(b"{}")
    document = image_manifest(absent, []) if missing == "config" else image_manifest(
        EMPTY_CONFIG, [EMPTY_CONFIG, absent])
    failed = repository.put_manifest("broken", document)
    assert failed.status == 400
    assert failed.codes() == ["MANIFEST_BLOB_UNKNOWN"]
    assert absent["digest"] in json.dumps(failed.json())
    assert repository.get_manifest("broken").status == 404


def test_a_blob_of_another_repository_is_missing_here(repository):
    layer = b"only elsewhere"
    Repository(repository.http, repository.name + "/elsewhere").push_blob(layer)
    repository.push_blob(b"{}")
    failed = repository.put_manifest(
        "broken", image_manifest(EMPTY_CONFIG, [descriptor_of(OCI_LAYER, layer)]))
    assert failed.codes() == ["MANIFEST_BLOB_UNKNOWN"]


def test_an_index_that_refers_to_a_missing_manifest_is_refused_naming_it(repository):
    absent = descriptor_of(OCI_MANIFEST, b"absent manifest")
    failed = repository.put_manifest("broken", image_index([absent]), OCI_INDEX)
    assert failed.status == 400
    assert failed.codes() == ["MANIFEST_BLOB_UNKNOWN"]
    assert absent["digest"] in json.dumps(failed.json())


def test_a_subject_may_come_later_or_never(repository):
    body = artifact(repository, subject=descriptor_of(OCI_MANIFEST, b"not there"))
    done = repository.put_manifest("early", body)
    assert done.status == 201, done
    assert done.header("OCI-Subject") == digest_of(b"not there")


# What is no manifest.


@pytest.mark.parametrize("media_type", [DOCKER_SCHEMA1, DOCKER_SCHEMA1.replace("prettyjws", "json")])
def test_schema_1_is_refused_with_a_clear_message(repository, media_type):
    document = {"schemaVersion": 1, "name": repository.name, "tag": "old", "fsLayers": [],
                "history": [], "architecture": "amd64"}
    for content_type in (media_type, "application/json", None):
        failed = repository.put_manifest("old", document, content_type)
        assert failed.status == 400, failed
        assert failed.codes() == ["MANIFEST_INVALID"]
        assert "schema 1" in failed.message().lower().replace("schemaversion", "schema")


def deep(levels):
    return b'{"schemaVersion":2,"x":' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize("content", [
    b"", b" ", b"null", b"[]", b'"text"', b"{", b"{}", b"not json", b'{"schemaVersion":2}',
    b"\xff\xfe{}", b'{"schemaVersion":2} trailing', b"\x00" * 100, deep(100_000), deep(2_000_000 - 20),
    b'{"schemaVersion":"2","config":{},"layers":[]}',
    as_json({"schemaVersion": 2, "config": "text", "layers": []}),
    as_json({"schemaVersion": 2, "config": {"mediaType": OCI_CONFIG, "size": 2}, "layers": []}),
    as_json(image_manifest({**EMPTY_CONFIG, "digest": "sha256:../../etc"}, [])),
    as_json(image_manifest({**EMPTY_CONFIG, "size": -1}, [])),
    as_json(image_manifest(EMPTY_CONFIG, {"not": "an array"})),
    as_json(image_manifest(EMPTY_CONFIG, [1, 2])),
    as_json(image_manifest(EMPTY_CONFIG, [], subject="not a descriptor")),
], ids=lambda content: f"{content[:24]!r}-{len(content)}")
def test_what_is_no_manifest_is_refused(repository, content):
    repository.push_blob(b"{}")
    failed = repository.put_manifest("bad", content)
    assert failed.status == 400, failed
    assert failed.codes() == ["MANIFEST_INVALID"]
    assert failed.message()
    assert repository.get_manifest("bad").status == 404


def test_a_content_type_that_contradicts_the_manifest_is_refused(repository):
    failed = repository.put_manifest("liar", artifact(repository), OCI_INDEX)
    assert failed.status == 400
    assert failed.codes() == ["MANIFEST_INVALID"]
