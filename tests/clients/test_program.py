"""The command line of pkgreg: help, exit codes, options, lists and logs."""

import json
import os
import re
import signal
import socket

import pytest

from http_client import Repository, digest_of, status_of
from programs import PKGREG, run, wait_until

pytestmark = pytest.mark.program

OK, FAILED, USAGE, STORAGE, ADDRESS, SERVER = range(6)


def pkgreg(*arguments, env=None):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("PKGREG_")}
    return run(PKGREG, *arguments, env={**environment, **(env or {})}, check=False, timeout=30)


def refused(code, *arguments, env=None):
    """Runs what must fail with this exit code; gives its message back."""
    done = pkgreg(*arguments, env=env)
    assert done.returncode == code, done
    assert done.stdout == ""
    assert done.stderr.strip()
    return done.stderr


# Help and version.


def test_help_tells_commands_examples_and_exit_codes():
    done = pkgreg("--help")
    assert done.returncode == OK
    for word in ("serve", "repositories", "tags", "options", "Exit codes", "PKGREG_STORAGE"):
        assert word in done.stdout, word
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize("command", ["serve", "repositories", "tags", "options"])
def test_every_command_has_help(command):
    done = pkgreg(command, "--help")
    assert done.returncode == OK
    assert len(done.stdout.splitlines()) >= 3


def test_help_of_serve_names_every_option():
    text = pkgreg("serve", "--help").stdout
    for option in ("--storage", "--listen", "--options", "--read-only", "--no-delete",
                   "--allow-http", "--log-level", "--log-format"):
        assert option in text, option


def test_version_names_the_libraries():
    done = pkgreg("--version")
    assert done.returncode == OK
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"pkgreg \d+\.\d+\.\d+", lines[0])
    for library in ("Boost", "OpenSSL", "simdjson", "libcurl"):
        assert re.search(rf"^ *{library} +\d+\.\d+", done.stdout, re.MULTILINE), library


# What cannot work.


@pytest.mark.parametrize("arguments", [
    (), ("unknown",), ("serve", "--unknown"), ("serve", "--listen"), ("serve", "extra"), ("tags",),
    ("serve", "--log-level", "loud"), ("serve", "--log-format", "xml"), ("options",), ("options", "x")])
def test_a_wrong_command_line_ends_with_2(arguments):
    refused(USAGE, *arguments)


def test_serve_needs_a_storage():
    assert "--storage" in refused(USAGE, "serve", "--listen", "127.0.0.1:0")


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:x", ":"])
def test_an_address_that_is_none_is_refused(address):
    assert address in refused(USAGE, "serve", "--storage", "memory:", "--listen", address)


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_plain_http_beyond_loopback_must_be_allowed(address):
    assert "--allow-http" in refused(USAGE, "serve", "--storage", "memory:", "--listen", address)


def test_a_taken_port_comes_with_a_hint():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = refused(ADDRESS, "serve", "--storage", "memory:", "--listen", f"127.0.0.1:{port}")
    assert str(port) in message
    assert "--listen" in message


def test_a_storage_that_is_a_file_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    assert str(file) in refused(STORAGE, "serve", "--storage", file, "--listen", "127.0.0.1:0")
    assert file.read_text() == "x"


def test_a_directory_of_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("meow")
    message = refused(STORAGE, "serve", "--storage", tmp_path, "--listen", "127.0.0.1:0")
    assert str(tmp_path) in message
    assert (tmp_path / "photos" / "cat.jpg").read_text() == "meow"


# Options.


def options_file(tmp_path, document):
    file = tmp_path / "options.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return file


def test_options_check_prints_the_effective_options(tmp_path):
    file = options_file(tmp_path, {"pkgreg": {"storage": "/srv/registry", "read-only": True}})
    done = pkgreg("options", "check", file)
    assert done.returncode == OK, done
    effective = json.loads(done.stdout)
    assert effective["pkgreg"]["storage"] == "/srv/registry"
    assert effective["pkgreg"]["read-only"] is True
    assert effective["pkgreg"]["deletion"] is True
    assert effective["pkgreg"]["listen"] == ["127.0.0.1:5000"]
    # What was printed says the same when it is read.
    again = pkgreg("options", "check", options_file(tmp_path, done.stdout))
    assert again.stdout == done.stdout


def test_options_check_masks_secrets(tmp_path):
    file = options_file(tmp_path, {"registry": {"s3": {
        "bucket": "b", "path": "p", "endpoint": "https://user:hidden-word@s3.example.test"}}})
    done = pkgreg("options", "check", file)
    assert "hidden-word" not in done.stdout + done.stderr


@pytest.mark.parametrize("document, named", [
    ({"pkgreg": {"storag": "/x"}}, "storag"), ({"unknown": {}}, "unknown"),
    ({"service": {"instances": 2}, "pkgreg": {"storage": "/x"}}, "instances"),
    ({"service": {"instances": 2}, "registry": {"mount-volume": {"container-path": "v"}}}, "instances"),
    ({"pkgreg": {"read-only": "yes"}}, "read-only"), ({"pkgreg": {"log-level": "loud"}}, "log-level"),
    ({"pkgreg": {"max-connections": -1}}, "max-connections"), ("{", "options.json"), ("[]", "options.json"),
    ("", "options.json")])
def test_options_that_cannot_work_are_refused_by_name(tmp_path, document, named):
    file = options_file(tmp_path, document)
    assert named in refused(USAGE, "options", "check", file)
    assert named in refused(USAGE, "serve", "--storage", "memory:", "--listen", "127.0.0.1:0",
                            "--options", file)


def test_local_storage_with_several_instances_is_refused(tmp_path):
    file = options_file(tmp_path, {"service": {"instances": 2}})
    assert "instances" in refused(USAGE, "serve", "--storage", tmp_path / "s", "--options", file,
                                  "--listen", "127.0.0.1:0")
    assert not (tmp_path / "s").exists()


def test_a_missing_options_file_is_named(tmp_path):
    done = pkgreg("options", "check", tmp_path / "none.json")
    assert done.returncode != OK
    assert "none.json" in done.stderr


def test_serve_takes_its_options_from_the_file_and_the_command_line_wins(servers, tmp_path):
    file = options_file(tmp_path, {"pkgreg": {"storage": str(tmp_path / "unused"), "deletion": False}})
    server = servers.start("--options", file, storage=tmp_path / "used")
    repository = Repository(server.http, "kept")
    repository.push_image("v1")
    assert repository.delete_manifest("v1").status == 405
    assert (tmp_path / "used").is_dir() and not (tmp_path / "unused").exists()


def test_serve_takes_its_options_from_the_environment(servers):
    server = servers.start(env={"PKGREG_READ_ONLY": "true", "PATH": "/usr/bin:/bin"},
                           storage="memory:")
    assert Repository(server.http, "x").begin().status == 405


# Lists.


def test_repositories_and_tags_are_listed(registry):
    for name in ("b", "a/x", "a"):
        Repository(registry.http, name).push_image("2", "1")
    server = f"http://{registry.address}"
    for source in (("--server", server), ("--storage", registry.storage)):
        assert pkgreg("repositories", *source).stdout.split() == ["a", "a/x", "b"]
        assert json.loads(pkgreg("repositories", "--json", *source).stdout) == {
            "repositories": ["a", "a/x", "b"]}
        assert pkgreg("tags", "a/x", *source).stdout.split() == ["1", "2"]
        assert json.loads(pkgreg("tags", "a/x", "--json", *source).stdout) == {
            "name": "a/x", "tags": ["1", "2"]}
        assert "no/such" in refused(FAILED, "tags", "no/such", *source)
    assert pkgreg("tags", "b", env={"PKGREG_SERVER": server}).stdout.split() == ["1", "2"]
    refused(USAGE, "tags", "UPPER", "--server", server)


def test_lists_are_complete_beyond_one_page(registry):
    repository = Repository(registry.http, "many")
    body = repository.push_image()
    tags = [f"t{number:04}" for number in range(1050)]
    for first in range(0, len(tags), 50):
        done = repository.put_manifest(digest_of(body), body, tag=tags[first:first + 50])
        assert done.status == 201, done
    for source in (("--server", f"http://{registry.address}"), ("--storage", registry.storage)):
        assert pkgreg("tags", "many", *source).stdout.split() == tags


def test_a_server_that_is_not_there_ends_with_5():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert str(port) in refused(SERVER, "repositories", "--server", f"http://127.0.0.1:{port}")


def test_a_storage_that_is_not_there_is_not_made(tmp_path):
    refused(STORAGE, "repositories", "--storage", tmp_path / "none")
    assert not (tmp_path / "none").exists()


# Serving.


def test_one_line_for_each_address(servers, tmp_path):
    # A path of a socket has at most 107 bytes.
    path = os.path.relpath(tmp_path / "s")
    server = servers.start("--listen", "[::1]:0", "--listen", f"unix:{path}", storage="memory:")
    lines = server.daemon.wait_until(
        lambda: len(server.daemon.stdout().splitlines()) == 3 and server.daemon.stdout().splitlines(),
        "three addresses")
    assert re.fullmatch(r"listening on http://127\.0\.0\.1:\d+", lines[0])
    assert re.fullmatch(r"listening on http://\[::1\]:\d+", lines[1])
    assert path in lines[2]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status_of(connection.recv(4096)) == 200
    server.stop()
    assert not os.path.exists(path)


def test_sigint_stops_it_as_sigterm_does(registry):
    registry.daemon.process.send_signal(signal.SIGINT)
    assert registry.daemon.process.wait(10) == 0


def test_read_only_serves_beside_a_writer(servers):
    writer = servers.start()
    body = Repository(writer.http, "shared").push_image("v1")
    reader = servers.start("--read-only", storage=writer.storage)
    assert Repository(reader.http, "shared").get_manifest("v1").body == body
    newer = Repository(writer.http, "shared").push_image("v1", layers=[b"newer"])
    assert Repository(reader.http, "shared").get_manifest("v1").body == newer
    reader.stop()


# Logs.


def requests_of(server, form):
    """The access log's records, waited for: they are written shortly after the answer."""
    def lines():
        return [line for line in server.daemon.stderr().splitlines() if "/v2/" in line]
    wait_until(lambda: len(lines()) >= 3, "the access log")
    return [json.loads(line) for line in lines()] if form == "json" else lines()


def three_requests(server):
    repository = Repository(server.http, "logged")
    digest = repository.push_blob(b"x" * 1000)
    repository.get_blob(digest, User_Agent='a "client"\\ with {quotes}')
    return digest


def test_the_access_log_in_json(servers):
    server = servers.start("--log-format", "json")
    digest = three_requests(server)
    begin, put, get = requests_of(server, "json")
    assert [record["method"] for record in (begin, put, get)] == ["POST", "PUT", "GET"]
    assert [record["status"] for record in (begin, put, get)] == [202, 201, 200]
    assert get["target"] == f"/v2/logged/blobs/{digest}"
    assert (put["bytes_in"], get["bytes_out"]) == (1000, 1000)
    assert get["user_agent"] == 'a "client"\\ with {quotes}'
    assert get["client"].startswith("127.0.0.1")
    assert len({record["request_id"] for record in (begin, put, get)}) == 3
    assert all(record["duration_us"] >= 0 and record["complete"] for record in (begin, put, get))
    server.stop()
    for line in server.daemon.stderr().splitlines():
        assert {"ts", "level", "msg"} <= json.loads(line).keys(), line


def test_the_access_log_in_text(servers):
    server = servers.start()
    digest = three_requests(server)
    begin, put, get = requests_of(server, "text")
    assert re.search(rf'^\d{{4}}-\d\d-\d\dT\S+Z 127\.0\.0\.1:\d+ "GET /v2/logged/blobs/{digest}" '
                     r"200 0 1000 \d+\.\d{3} \S+$", get), get
    assert " 201 1000 0 " in put


def test_a_client_cannot_write_lines_into_the_log(servers):
    server = servers.start("--log-format", "text")
    server.http.raw(b"GET /v2/%0d%0ainjected HTTP/1.1\r\nHost: x\r\nUser-Agent: \x1b[31m\xff\r\n\r\n")
    server.http.get("/v2/")
    server.http.get("/v2/")
    requests_of(server, "text")
    assert not any(line.startswith("injected") for line in server.daemon.stderr().splitlines())
    assert "\x1b" not in server.daemon.stderr()


def test_the_log_can_be_silent(servers):
    server = servers.start("--log-level", "error", "--no-access-log")
    three_requests(server)
    server.stop()
    assert server.daemon.stderr() == ""


def test_an_incomplete_transfer_is_logged_as_such(servers):
    server = servers.start("--log-format", "json")
    repository = Repository(server.http, "cut")
    digest = repository.push_blob(bytes(8 << 20))
    with server.http.socket() as connection:
        connection.sendall(f"GET {repository.blob(digest)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.recv(1)
    record = wait_until(lambda: next((record for record in requests_of(server, "json")
                                      if record["method"] == "GET"), None), "the record")
    assert record["complete"] is False
    assert record["bytes_out"] < 8 << 20
    assert digest == digest_of(bytes(8 << 20))
