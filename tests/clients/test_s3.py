"""What only a bucket brings: several instances on one, servers and networks that fail, keys that are
wrong and must not be shown."""

import os
import random
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from bundles import Bundle, metadata
from crowd import Crowd, check_whole, run_at_once
from fault_proxy import FaultProxy
from http_client import OCI_CONFIG, OCI_LAYER, Http, Repository, as_json, descriptor_of, digest_of
from http_client import image_manifest, with_query
from programs import PKGREG, run, skip_if_instrumented, wait_until
from s3_servers import BucketStorage

pytestmark = pytest.mark.storages("s3", "swift")

MIB = 1 << 20


@pytest.fixture
def storage(new_storage, tmp_path):
    return new_storage(tmp_path)


# Several instances on one bucket.


@pytest.fixture
def rounds(storage_kind):
    """How often a race is run. Swift takes some 20 ms for what takes Ceph 2."""
    return 5 if storage_kind == "s3" else 2


@pytest.fixture
def instances(servers, storage):
    return [servers.start(storage=storage) for _ in range(3)]


def on_each(instances, name):
    return [Repository(server.http, name) for server in instances]


@pytest.mark.parametrize("count, algorithm", [(2, "sha256"), (3, "sha512")])
def test_an_upload_hops_to_another_instance_at_every_chunk(instances, count, algorithm):
    repositories = on_each(instances[:count], "hop")
    data = random.Random(1).randbytes(15 * MIB)
    # One byte, less than a part, more than a part, and nothing.
    ends = [1, 70_000, 9 * MIB, 9 * MIB, 9 * MIB + 333, 15 * MIB]
    turn = iter(range(1000))

    def following():
        return repositories[next(turn) % count]

    parameters = {} if algorithm == "sha256" else {"digest_algorithm": algorithm}
    begun = following().begin(**parameters)
    location, start = repositories[0].locate(begun), 0
    for end in ends:
        if end > start:
            sent = following().patch(location, data[start:end], start)
            assert sent.status == 202, sent
            assert sent.header("Range") == f"0-{end - 1}"
            location, start = repositories[0].locate(sent), end
        status = following().http.get(location)
        assert status.status == 204, status
        assert status.header("Range") == f"0-{start - 1}"
    digest = digest_of(data, algorithm)
    done = following().put(location, digest)
    assert done.status == 201, done
    for repository in repositories:
        answer = repository.get_blob(digest)
        assert (answer.status, answer.body) == (200, data)
        middle = repository.get_blob(digest, Range=f"bytes={9 * MIB - 5}-{9 * MIB + 4}")
        assert middle.body == data[9 * MIB - 5:9 * MIB + 5], "a range across two chunks"


def test_a_request_that_comes_again_elsewhere_does_no_damage(instances):
    """A client whose answer was lost sends the chunk, or the end, again to another instance."""
    first, second, third = on_each(instances, "again")
    data = random.Random(2).randbytes(300_000)
    begun = first.locate(first.begin())
    location = first.locate(first.patch(begun, data[:100_000]))
    repeated = second.patch(begun, data[:100_000])
    assert repeated.status in (202, 404, 416), repeated
    location = third.locate(third.patch(location, data[100_000:], 100_000))
    done = first.put(location, digest_of(data))
    assert done.status == 201, done
    again = second.put(location, digest_of(data))
    assert again.status in (201, 404), again
    for repository in (first, second, third):
        assert repository.get_blob(digest_of(data)).body == data


def test_what_is_acknowledged_on_one_instance_is_there_on_all_at_once(instances, rounds):
    repositories = on_each(instances, "visible")
    for number in range(rounds):
        for writer in repositories:
            body = writer.push_image("moving", f"fixed-{number}-{writer.http.port}",
                                     layers=[f"layer {number} {writer.http.port}".encode()])
            for reader in repositories:
                assert reader.get_manifest("moving").body == body
                assert f"fixed-{number}-{writer.http.port}" in reader.tags().json()["tags"]
                assert "visible" in reader.http.get("/v2/_catalog").json()["repositories"]
    first, second, third = repositories
    attached = as_json(image_manifest(descriptor_of(OCI_CONFIG, b"{}"), [],
                                      subject=descriptor_of(OCI_CONFIG, body)))
    first.push_blob(b"{}")
    assert first.put_manifest(digest_of(attached), attached).status == 201
    listed = second.referrers(digest_of(body)).json()["manifests"]
    assert [entry["digest"] for entry in listed] == [digest_of(attached)]
    assert third.delete_manifest("moving").status == 202
    for reader in repositories:
        assert reader.get_manifest("moving").status == 404
        assert "moving" not in reader.tags().json()["tags"]
    assert second.http.delete("/v2/visible/").status == 202
    for reader in repositories:
        assert reader.get_manifest(digest_of(body)).status == 404
        assert reader.http.get("/v2/_catalog").json() == {"repositories": []}


def test_the_same_image_pushed_on_all_at_once_is_there_once_and_whole(instances, rounds):
    layer = random.Random(3).randbytes(200_000)
    for number in range(rounds):
        clients = on_each(instances * 2, f"same/{number}")
        body, = set(run_at_once([lambda client=client: client.push_image("tag", layers=[layer])
                                 for client in clients]))
        for client in clients:
            assert client.get_manifest("tag").body == body
            assert client.get_blob(digest_of(layer)).body == layer
            assert client.tags().json()["tags"] == ["tag"]
    check_whole(instances[0])


def test_different_images_pushed_under_one_tag_end_as_one_of_them_everywhere(instances, rounds):
    for number in range(rounds):
        clients = on_each(instances * 2, f"race/{number}")
        bodies = run_at_once([
            lambda client=client, layer=layer: client.push_image("tag", layers=[b"%d" % layer])
            for layer, client in enumerate(clients)])
        winner, = {client.get_manifest("tag").body for client in clients}
        assert winner in bodies
        for client in clients:
            for body in bodies:
                assert client.get_manifest(digest_of(body)).body == body, "none of them is lost"


def bundle(tmp_path, name, data):
    described = Bundle(metadata(name, uris={"jar": "http://unused/jar"}))
    described.add_resource("resource.assets.uris.jar", data, "a.jar")
    return described.write(tmp_path / f"{name}-{digest_of(data)[-8:]}.dcos").read_bytes()


def add(server, data):
    return server.http.request("POST", "/api/v1/packages", data)


def packages(server):
    return server.http.get("/repo", Accept="application/vnd.dcos.universe.repo+json;"
                                           "charset=utf-8;version=v4").json()["packages"]


def test_a_package_is_seen_and_removed_by_all(instances, tmp_path):
    first, second, third = instances
    for server in instances:
        assert packages(server) == []  # all have looked before it comes
    assert add(first, bundle(tmp_path, "seen", b"content")).status == 201
    for server in instances:
        assert [package["name"] for package in packages(server)] == ["seen"]
    assert add(second, bundle(tmp_path, "seen", b"content")).status == 200
    assert third.http.delete("/api/v1/packages/seen/1.0").status in (200, 202, 204)
    for server in instances:
        assert packages(server) == []


def test_the_same_package_added_on_all_at_once_is_there_once(instances, tmp_path):
    for number in range(3):
        data = bundle(tmp_path, f"same-{number}", b"content")
        answers = run_at_once([lambda server=server: add(server, data) for server in instances])
        assert {answer.status for answer in answers} <= {200, 201}, answers
    for server in instances:
        assert [package["name"] for package in packages(server)] == ["same-0", "same-1", "same-2"]


def test_different_packages_added_as_one_version_end_as_one_of_them_everywhere(instances, tmp_path):
    for number in range(3):
        name = f"race-{number}"
        contents = [f"content {turn}".encode() for turn in range(3)]
        answers = run_at_once([
            lambda server=server, content=content: add(server, bundle(tmp_path, name, content))
            for server, content in zip(instances, contents)])
        assert 201 in {answer.status for answer in answers}, answers
        assert {answer.status for answer in answers} <= {201, 409}, answers
        served = {as_json(next(package for package in packages(server) if package["name"] == name)
                          ["resource"]["assets"]["uris"]["jar"].partition("/v2/")[2])
                  for server in instances}
        assert len(served) == 1, served


def test_pushes_and_deletes_on_all_instances_at_once(instances, storage_kind):
    Crowd(instances, seed=11, amount=200 if storage_kind == "s3" else 50).run(12)


def test_an_image_is_deleted_on_one_instance_while_another_pushes_it(instances, rounds):
    """Whatever comes first: what was answered last is so, and what is there is whole."""
    first, second, _ = on_each(instances, "toggled")
    for number in range(2 * rounds):
        layer = f"layer {number % 2}".encode()
        body = first.push_image("tag", layers=[layer])

        def push():
            for data in (layer, as_json({"architecture": "amd64", "os": "linux"})):
                first.push_blob(data)
            return first.put_manifest("tag", body).status

        pushed, deleted = run_at_once([push, lambda: second.delete_manifest(digest_of(body)).status])
        assert pushed in (201, 400) and deleted in (202, 404), (pushed, deleted)
        for server in instances:
            check_whole(server)


# Faults between the registry and the bucket.


SIZES = 1, 5_000, 300_000


class Push:
    """A client that pushes blobs and images and notes what was acknowledged."""

    def __init__(self, server, name, seed):
        self.repository, self.random = Repository(server.http, name), random.Random(seed)
        self.blobs, self.manifests = {}, {}

    def blob(self, size):
        """In one of the ways that clients have."""
        data, repository = self.random.randbytes(size), self.repository
        way, digest = self.random.randrange(3), digest_of(data)
        if way == 0:
            done = repository.http.request(
                "POST", with_query(f"{repository.base}/blobs/uploads/", digest=digest), data)
        else:
            location = repository.locate(self.answered(repository.begin(), 202))
            if way == 1:
                done = repository.put(location, digest, data)
            else:
                middle = size // 2
                for start, part in ((0, data[:middle]), (middle, data[middle:])):
                    if part:
                        sent = self.answered(repository.patch(location, part, start), 202)
                        location = repository.locate(sent)
                done = repository.put(location, digest)
        self.answered(done, 201)
        self.blobs[digest] = size
        return data

    def image(self):
        layer, config = self.blob(5_000), self.blob(300)
        body = as_json(image_manifest(descriptor_of(OCI_CONFIG, config),
                                      [descriptor_of(OCI_LAYER, layer)]))
        tag = f"t{len(self.manifests)}"
        self.answered(self.repository.put_manifest(tag, body), 201)
        self.manifests[tag] = body

    @staticmethod
    def answered(answer, status):
        assert answer.status == status, answer
        return answer

    def check(self, server):
        repository = Repository(server.http, self.repository.name)
        for digest, size in self.blobs.items():
            answer = repository.get_blob(digest)
            assert answer.status == 200, f"an acknowledged blob is lost: {digest}: {answer}"
            assert (digest_of(answer.body), len(answer.body)) == (digest, size)
        for tag, body in self.manifests.items():
            assert repository.get_manifest(tag).body == body


def test_200_pushes_with_a_fault_in_every_tenth_request_lose_nothing(servers, storage):
    with FaultProxy(storage.endpoint, seed=20240229, rate=0.1, silence=0.4) as proxy:
        server = servers.start("--log-level", "debug", storage=storage.through(proxy.endpoint))
        clients = [Push(server, f"faults/{number}", number) for number in range(8)]

        def push(client):
            for number in range(25):
                if number % 5 == 0:
                    client.image()
                else:
                    client.blob(12 * MIB if number == 13 else client.random.choice(SIZES))

        run_at_once([lambda client=client: push(client) for client in clients], limit=300)
        assert set(proxy.faults()) == set(FaultProxy.KINDS)
        straight = servers.start(storage=storage)
        for served_by in (server, straight):
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda client: client.check(served_by), clients))
            check_whole(served_by)
        server.stop()


# What one thing costs, in requests.


@pytest.fixture
def counted(storage):
    """A proxy that lets all through, and the storage behind it."""
    with FaultProxy(storage.endpoint) as proxy:
        yield proxy, storage.through(proxy.endpoint)


def requests_for(proxy, task):
    before = len(proxy.exchanges)
    task()
    return [f"{exchange.method} {exchange.target}" for exchange in proxy.exchanges[before:]]


@pytest.mark.storages("s3")
def test_a_push_takes_few_requests_beside_its_parts(servers, counted):
    """Five, and where several instances are possible three more for the state of the upload: it is
    written before the 202, read by the request that ends it, and removed."""
    proxy, storage = counted
    repository = Repository(servers.start(storage=storage).http, "counted")
    repository.push_blob(b"what a first push alone needs")
    for size, parts in ((1000, 1), (20 * MIB, 3)):
        data = random.Random(size).randbytes(size)
        made = requests_for(proxy, lambda: repository.push_blob(data))
        assert len(made) <= parts + 5 + 3, made


@pytest.mark.storages("s3")
def test_a_cold_pull_takes_three_requests(servers, counted):
    proxy, storage = counted
    data = random.Random(1).randbytes(100_000)
    digest = Repository(servers.start(storage=storage).http, "counted").push_blob(data)
    reader = Repository(servers.start(storage=storage).http, "counted")
    reader.http.get("/v2/")
    made = requests_for(proxy, lambda: reader.get_blob(digest))
    assert len(made) <= 3, made


# One instance, which says that there is no other.


@pytest.fixture
def only_one(tmp_path):
    path = tmp_path / "only-one.json"
    path.write_text('{"service": {"instances": 1}}')
    return "--options", str(path)


@pytest.mark.storages("s3")
def test_the_only_instance_needs_five_requests_beside_the_parts(servers, counted, only_one):
    proxy, storage = counted
    repository = Repository(servers.start(*only_one, storage=storage).http, "counted")
    repository.push_blob(b"what a first push alone needs")
    for size, parts in ((1000, 1), (20 * MIB, 3)):
        data = random.Random(size).randbytes(size)
        made = [request for request in requests_for(proxy, lambda: repository.push_blob(data))
                if ".lease/" not in request]
        assert len(made) <= parts + 5, made


def test_the_only_instance_keeps_another_one_away_until_it_ends(servers, storage, only_one, tmp_path):
    """In a bucket that is all its own, where the leases lie among the registry's objects."""
    bucket = f"only-{os.getpid()}-{storage.path.split('/')[-1]}"
    storage.server.client().create_bucket(bucket)
    whole = BucketStorage(storage.server, bucket, "")
    first = servers.start(*only_one, storage=whole)
    repository = Repository(first.http, "kept")
    kept = repository.push_blob(b"kept")
    location = repository.locate(repository.begin())
    location = repository.locate(repository.patch(location, b"x" * 1000, 0))
    second = servers.start(*only_one, storage=whole)
    assert second.http.get("/v2/").status == 200
    assert_told(second, "another instance", "service.instances")
    assert Repository(second.http, "kept").get_blob(kept).status in (500, 503)
    assert repository.get_blob(kept).body == b"kept"
    first.stop()
    assert_recovers(second)
    assert Repository(second.http, "kept").get_blob(kept).body == b"kept"
    # It knew where its uploads stood, and it is gone.
    assert Repository(second.http, "kept").patch(location, b"y", 1000).status == 404


# What else a bucket brings.


def test_clients_of_a_network_are_sent_to_the_bucket_for_blobs(servers, storage):
    server = servers.start("--redirect-client", "127.0.0.0/8", storage=storage)
    repository = Repository(server.http, "redirected")
    data = random.Random(1).randbytes(3 * MIB)
    digest = repository.push_blob(data)
    manifest = Repository(servers.start(storage=storage).http, "redirected").push_image("v1")
    answer = repository.get_blob(digest)
    assert answer.status == 307, answer
    target = answer.header("Location")
    assert target.startswith(storage.endpoint)
    assert storage.server.secret_key not in target
    with urllib.request.urlopen(target, timeout=30) as served:
        assert served.read() == data
    request = urllib.request.Request(target, headers={"Range": "bytes=1000-1999"})
    with urllib.request.urlopen(request, timeout=30) as served:
        assert served.read() == data[1000:2000]
    assert repository.get_manifest("v1").body == manifest, "manifests come from the registry itself"
    # Content that lies in several objects has no one URL.
    location = repository.locate(repository.begin())
    location = repository.locate(repository.patch(location, data[:MIB], 0))
    pieces = digest_of(data + b"end")
    location = repository.locate(repository.patch(location, data[MIB:], MIB))
    assert repository.put(location, pieces, b"end").status == 201
    answer = repository.get_blob(pieces)
    assert (answer.status, answer.body) == (200, data + b"end")


def test_what_nothing_names_is_listed_and_removed_after_a_grace_period(faked_clock, servers, storage):
    skip_if_instrumented()
    server = servers.start(storage=storage)
    repository = Repository(server.http, "orphans")
    kept = repository.push_blob(b"kept")
    location = repository.locate(repository.begin())
    location = repository.locate(repository.patch(location, b"given up" * 1000, 0))
    assert repository.http.delete(location).status == 204
    client = storage.server.client()
    unfinished = f"{storage.path}/data/unfinished"
    client.request("POST", f"/{storage.bucket}/{unfinished}", {"uploads": ""})

    faked_clock.set(3 * 24 * 3600)
    later = faked_clock.environment(storage.environment())

    def orphans(*arguments, env):
        done = run(PKGREG, "storage", "orphans", "--storage", str(storage), *arguments, env=env)
        return done.stdout

    before = client.sizes(storage.bucket, storage.path)
    assert "\n0 orphans" in "\n" + orphans(env=storage.environment()), "all of it is too young"
    listed = orphans(env=later)
    assert "2 orphans, 8000 bytes" in listed and "data/unfinished" in listed, listed
    assert client.sizes(storage.bucket, storage.path) == before, "a list removes nothing"
    assert "2 removed" in orphans("--remove", env=later)
    assert len(client.sizes(storage.bucket, storage.path)) == len(before) - 1
    assert client.uploads(storage.bucket, storage.path) == []
    assert repository.get_blob(kept).body == b"kept"


# What an operator may have got wrong, and servers that are not there.


PATIENCE = 60  # within which an error is told, and a service that came back is used


def push(server):
    """Tries to push a blob; the answer that tells how that went."""
    data = os.urandom(100)
    target = with_query("/v2/operated/blobs/uploads/", digest=digest_of(data))
    return Http(server.host, server.port, PATIENCE).request("POST", target, data)


def assert_told(server, *words):
    """A push fails within the time limit, and the log says why in these words."""
    answer = push(server)
    assert answer.status in (500, 503), answer
    assert answer.codes()
    for secret in server.storage.secrets():
        assert secret not in str(answer), answer
    for word in words:
        assert word in server.daemon.stderr(), server.daemon.output()


def assert_recovers(server):
    wait_until(lambda: push(server).status == 201, "a push that works", PATIENCE, pause=0.2)


def assert_starts_and_tells(servers, storage, *words):
    """A server that cannot use its storage yet: it listens, answers, and says why pushes fail."""
    server = servers.start(storage=storage)
    assert server.http.get("/v2/").status == 200
    assert "cannot be used yet" in server.daemon.stderr(), server.daemon.output()
    assert_told(server, *words)
    return server


def test_a_wrong_secret_is_told_and_a_right_one_is_used_without_a_restart(servers, storage, tmp_path):
    file = tmp_path / "credentials"

    def write(secret):
        file.write_text(f"[default]\naws_access_key_id = {storage.server.access_key}\n"
                        f"aws_secret_access_key = {secret}\n")

    environment = storage.environment()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del environment[name]
    storage.environment = lambda base=None: {**environment, "AWS_SHARED_CREDENTIALS_FILE": str(file)}
    write("not-the-secret")
    server = assert_starts_and_tells(servers, storage, "SignatureDoesNotMatch")
    write(storage.server.secret_key)
    assert_recovers(server)
    assert "can be used now" in server.daemon.stderr()


def test_a_missing_bucket_is_told_and_used_once_it_is_there(servers, storage):
    missing = BucketStorage(storage.server, f"missing-{os.getpid()}-{storage.path.split('/')[-1]}", "x")
    server = assert_starts_and_tells(servers, missing, "NoSuchBucket", missing.bucket)
    storage.server.client().create_bucket(missing.bucket)
    assert_recovers(server)


def test_an_endpoint_that_is_down_at_the_start_is_told_and_used_once_it_is_up(servers, counted):
    proxy, storage = counted
    proxy.refuse_connections()
    server = assert_starts_and_tells(servers, storage, proxy.endpoint)
    proxy.listen()
    assert_recovers(server)


def test_a_bucket_that_holds_something_else_is_refused_also_when_it_comes_late(servers, counted):
    proxy, storage = counted
    client = storage.server.client()
    key = f"{storage.path}/someone/elses"
    client.put(storage.bucket, key, b"data")
    with pytest.raises(AssertionError) as refused:
        servers.start(storage=storage)
    assert "ended with 3" in str(refused.value)
    assert "it is not a registry's storage" in str(refused.value)
    proxy.refuse_connections()
    server = assert_starts_and_tells(servers, storage, proxy.endpoint)
    proxy.listen()
    wait_until(lambda: push(server).status == 500, "a refusal", PATIENCE, pause=0.2)
    assert "it is not a registry's storage" in server.daemon.stderr()
    assert list(client.sizes(storage.bucket, storage.path)) == [key]


def test_an_endpoint_that_goes_down_in_the_middle_is_told_and_used_once_it_is_up(servers, counted):
    proxy, storage = counted
    server = servers.start(storage=storage)
    repository = Repository(Http(server.host, server.port, PATIENCE), "operated")
    data = random.Random(5).randbytes(300_000)
    kept = repository.push_blob(data)
    begun = repository.locate(repository.begin())
    location = repository.locate(repository.patch(begun, data[:100_000], 0))

    proxy.refuse_connections()
    assert_told(server, proxy.endpoint)
    assert repository.get_blob(kept).status in (500, 503)
    assert repository.patch(location, data[100_000:], 100_000).status in (500, 503)

    proxy.listen()
    assert_recovers(server)
    assert repository.get_blob(kept).body == data
    status = repository.http.get(location)
    assert (status.status, status.header("Range")) == (204, "0-99999")
    location = repository.locate(
        repository.patch(repository.locate(status), data[100_000:], 100_000))
    assert repository.put(location, kept).status == 201


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_off_by_an_hour_is_told_and_does_no_harm(faked_clock, servers, storage, hours):
    skip_if_instrumented()
    faked_clock.set(hours * 3600)
    server = servers.start(storage=storage, env=faked_clock.environment())
    repository = Repository(server.http, "late")
    body = repository.push_image("v1")
    assert repository.get_manifest("v1").body == body
    assert "clock" in server.daemon.stderr()
