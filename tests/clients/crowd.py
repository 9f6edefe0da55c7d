"""Many clients that push and delete in one repository at once, and what must be true afterwards."""

import random
import threading

from http_client import OCI_CONFIG, OCI_LAYER, Repository, as_json, descriptor_of, digest_of
from http_client import image_manifest

NAME = "crowd/image"
LAYERS = [f"layer {number} ".encode() * 5000 for number in range(12)]
CONFIGS = [as_json({"number": number}) for number in range(40)]


def parts(number):
    return CONFIGS[number], LAYERS[number % 12], LAYERS[number * 7 % 12]


def image(number):
    config, *layers = parts(number)
    return as_json(image_manifest(descriptor_of(OCI_CONFIG, config),
                                  [descriptor_of(OCI_LAYER, layer) for layer in layers]))


class Crowd:
    """40 images, of which the last 20 are never deleted; layers are shared, and deleted by others. What
    each client is answered must be a success or a refusal that the protocol has for it. `amount` is how
    many things are done."""

    def __init__(self, servers, seed, amount=200):
        self.servers = servers
        work = ([("push", number % 40) for number in range(120)]
                + [("delete image", number % 20) for number in range(50)]
                + [("delete layer", number % 12) for number in range(30)])
        self.work = random.Random(seed).sample(work, amount)
        self.lock, self.problems, self.accepted = threading.Lock(), [], set()

    def run(self, clients=16):
        """Does all the work, the clients spread over the servers, and checks what is left."""
        run_at_once([lambda number=number: self._client(self.servers[number % len(self.servers)])
                     for number in range(clients)])
        assert self.problems == []
        self._check()

    def _client(self, server):
        repository = Repository(server.http, NAME)
        while True:
            with self.lock:
                if not self.work:
                    return
                kind, number = self.work.pop()
            try:
                if kind == "push":
                    self._push(repository, number)
                elif kind == "delete image":
                    self._allowed(repository.delete_manifest(digest_of(image(number))),
                                  (404, "MANIFEST_UNKNOWN"), (404, "NAME_UNKNOWN"))
                else:
                    self._allowed(repository.delete_blob(digest_of(LAYERS[number])),
                                  (404, "BLOB_UNKNOWN"), (404, "NAME_UNKNOWN"), (405, "DENIED"))
            except Exception as error:
                self.problems.append((kind, number, repr(error)))

    def _allowed(self, answer, *expected):
        """Whether it is a success; anything but the expected refusals is a problem."""
        if answer.status in (200, 201, 202):
            return True
        code = answer.codes()[0] if answer.body else None
        if (answer.status, code) not in expected:
            self.problems.append(answer)
        return False

    def _push(self, repository, number):
        for data in parts(number):
            begun = repository.begin()
            if not self._allowed(begun) or not self._allowed(
                    repository.put(repository.locate(begun), digest_of(data), data)):
                return
        # A layer may have been deleted again before the manifest came.
        if self._allowed(repository.put_manifest(f"t{number}", image(number)),
                         (400, "MANIFEST_BLOB_UNKNOWN")):
            with self.lock:
                self.accepted.add(number)

    def _check(self):
        kept = {number for number in self.accepted if number >= 20}
        assert kept, "no image was accepted"
        for server in self.servers:
            repository = Repository(server.http, NAME)
            for number in kept:
                answer = repository.get_manifest(f"t{number}")
                assert answer.body == image(number), f"image {number} is lost: {answer}"
                for data in parts(number):
                    assert repository.get_blob(digest_of(data)).body == data
            check_whole(server)


def run_at_once(tasks, limit=120):
    """Runs each task on a thread of its own, all from the same moment, and gives back what they
    returned; what one raised is raised here."""
    start, results, errors = threading.Barrier(len(tasks)), [None] * len(tasks), []

    def one(number, task):
        start.wait(limit)
        try:
            results[number] = task()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=pair, daemon=True) for pair in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(limit)
        assert not thread.is_alive(), f"still at work after {limit} s"
    if errors:
        raise errors[0]
    return results


def check_whole(server):
    """Every manifest that is listed can be pulled with all that it refers to."""
    for name in server.http.get("/v2/_catalog").json()["repositories"]:
        repository = Repository(server.http, name)
        target = f"{repository.base}/tags/list"
        while target:
            page = server.http.get(target)
            assert page.status == 200, page
            for tag in page.json()["tags"]:
                answer = repository.get_manifest(tag)
                assert answer.status == 200, (tag, answer)
                assert digest_of(answer.body) == answer.header("Docker-Content-Digest")
                document = answer.json()
                for part in (document["config"], *document["layers"]):
                    found = repository.head_blob(part["digest"])
                    assert found.status == 200, f"{name}:{tag} refers to a blob that is not there"
                    assert found.header("Content-Length") == str(part["size"])
            target = page.next_page()
