"""Real servers of Amazon's S3 protocol, from Debian's packages, each on free ports of the loopback and
with all it keeps below one folder. Nothing of them needs root, systemd or a network.

They are as small as they get (one replica, one process per part) and disposable: they end by SIGKILL,
which no peer of theirs has to wait for, and die with the process that started them.
"""

import os
import pwd
import random
import re
import socket
import uuid
from pathlib import Path
from urllib.parse import quote

from programs import Daemon, find_program, run
from s3_client import S3Client

START_LIMIT = 180


def free_ports(count):
    """Ports that were free a moment ago, for servers that cannot pick one themselves. They lie below
    those that the kernel gives to outgoing connections, so that none of these gets in between."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found = []
    while len(found) < count:
        port = random.SystemRandom().randrange(first // 2, first)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def connects(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def user():
    return pwd.getpwuid(os.geteuid()).pw_name


def ini(path, sections):
    """Writes a configuration file: a dict of sections, each a dict of names and values."""
    path.write_text("".join(
        f"[{section}]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())
        for section, values in sections.items()))


class S3Server:
    """A running server, the keys of its one user, and a `bucket`."""

    name = ""
    programs = ()
    region = "us-east-1"
    access_key, secret_key = "", "s3-test-secret-7Q4mZk1x"

    def __init__(self, folder):
        self.folder, self.daemons = Path(folder).absolute(), []
        self.folder.mkdir(parents=True)
        try:
            self.start()
            self.bucket = self.fresh_bucket()
        except BaseException:
            self.stop()
            raise

    @classmethod
    def missing(cls):
        """A program that it needs and that is not installed, or None."""
        return next((name for name in cls.programs if find_program(name) is None), None)

    def start(self):
        """Starts all daemons, waits until they answer, and sets `endpoint`."""
        raise NotImplementedError

    def daemon(self, *command, name=None, env=None):
        self.daemons.append(Daemon(command, self.folder, name or command[0], env, death="KILL"))
        return self.daemons[-1]

    def wait_for(self, port):
        self.daemons[-1].wait_until(lambda: connects(port), f"port {port}", START_LIMIT)

    def stop(self):
        for daemon in reversed(self.daemons):
            if daemon.running():
                daemon.kill()

    def pids(self):
        return [daemon.pid for daemon in self.daemons]

    def environment(self, base=os.environ):
        """`base`, with what the usual clients of S3 take keys and region from, and without what the
        machine sets for a service of its own."""
        others = {name: value for name, value in base.items() if not name.startswith("AWS_")}
        return {**others, "AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key,
                "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}

    def client(self):
        return S3Client(self.endpoint, self.access_key, self.secret_key, self.region)

    def fresh_bucket(self):
        """Makes a bucket that nobody else knows and gives back its name."""
        bucket = f"test-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(bucket)
        return bucket


class Ceph(S3Server):
    """Ceph's RADOS Gateway with one monitor and one OSD, which keeps its data in memory, or in a file
    with `store="bluestore"`: slower to start, and steady under load."""

    name = "ceph"
    programs = ("radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "monmaptool")
    access_key = "S3TESTACCESS"

    def __init__(self, folder, store="memstore", size=8 << 30):
        self.store, self.size = store, size
        super().__init__(folder)

    def start(self):
        (self.folder / "osd").mkdir()
        port, monitor_port = free_ports(2)
        self.conf = self.folder / "ceph.conf"
        cluster, osd = str(uuid.uuid4()), str(uuid.uuid4())
        monitor = f"[v2:127.0.0.1:{monitor_port}]"
        ini(self.conf, self._configuration(cluster, monitor, port))

        monmap = self.folder / "monmap"
        run("monmaptool", "--create", "--fsid", cluster, "--addv", "a", monitor, monmap)
        run("ceph-mon", "-c", self.conf, "-i", "a", "--mkfs", "--monmap", monmap)
        self._ceph_daemon("ceph-mon", "-i", "a")
        run("ceph", "-c", self.conf, "--connect-timeout", START_LIMIT, "osd", "new", osd)
        run("ceph-osd", "-c", self.conf, "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._ceph_daemon("ceph-osd", "-i", "0")
        # This waits for the OSD, too.
        run("radosgw-admin", "-c", self.conf, "user", "create", "--uid=test", "--display-name=test",
            f"--access-key={self.access_key}", f"--secret-key={self.secret_key}",
            timeout=START_LIMIT)
        self._ceph_daemon("radosgw", "-n", "client.rgw")
        self.wait_for(port)
        self.endpoint = f"http://127.0.0.1:{port}"

    def requests(self):
        """Method and target of each request that was answered so far, from the log of the gateway."""
        log = (self.folder / "client.rgw.log").read_text(errors="replace")
        return re.findall(r'"([A-Z]+) (\S+) HTTP/1\.1"', log)

    def _ceph_daemon(self, program, *arguments):
        # glibc's malloc maps and unmaps each large buffer, which makes reads five times slower.
        allocator = next(Path("/usr/lib").glob("*-linux-gnu/libtcmalloc_minimal.so.4"), "")
        self.daemon(program, "-c", self.conf, *arguments, "-f",
                    env={**os.environ, "LD_PRELOAD": str(allocator)})

    def _configuration(self, cluster, monitor, port):
        folder = self.folder
        return {
            "global": {
                "fsid": cluster, "mon host": monitor,
                "public addr": "127.0.0.1", "cluster addr": "127.0.0.1",
                "auth cluster required": "none", "auth service required": "none",
                "auth client required": "none",
                "ms mon client mode": "crc",  # radosgw asks for "secure", which needs keys
                "run dir": folder, "admin socket": "", "crash dir": folder,
                "log file": folder / "$name.log", "mon cluster log file": folder / "cluster.log",
                "osd pool default size": 1, "osd pool default min size": 1,
                "osd pool default pg num": 8, "osd pool default pgp num": 8,
                "osd pool default pg autoscale mode": "off", "osd crush chooseleaf type": 0,
            },
            "mon": {
                "mon data": folder / "mon",
                # Also on a disk that is nearly full.
                "mon data avail warn": 2, "mon data avail crit": 1,
                "mon allow pool size one": "true", "mon max pg per osd": 1000,
                # Each change of the maps at once: seconds of waiting at the start.
                "paxos propose interval": 0.02, "paxos min wait": 0.01,
            },
            "osd": {
                "osd data": folder / "osd", "osd objectstore": self.store,
                "memstore device bytes": self.size, "bluestore block size": self.size,
                "bluestore fsck on mkfs": "false", "osd memory target": 1 << 30,
            },
            "client": {
                "rgw data": folder / "rgw",
                "rgw frontends": f"beast tcp_nodelay=1 endpoint=127.0.0.1:{port}",
                "rgw dns name": "s3.localhost", "rgw enable apis": "s3",
                "rgw thread pool size": 4,  # more are slower on few cores
                "rgw dynamic resharding": "false", "rgw override bucket index max shards": 1,
                # What was deleted is freed within seconds, not hours.
                "rgw gc obj min wait": 5, "rgw gc processor period": 2, "rgw gc max objs": 4,
            },
        }


class Swift(S3Server):
    """OpenStack Swift with its s3api: one proxy, account, container and object server. Its folder must
    be on a file system with user attributes."""

    name = "swift"
    parts = ("account", "container", "object")
    programs = ("memcached", *(f"swift-{part}-server" for part in (*parts, "proxy")))
    access_key = "s3test:access"

    def start(self):
        *ports, proxy_port, cache_port = free_ports(5)
        (self.folder / "node" / "d1").mkdir(parents=True)
        ini(self.folder / "swift.conf", {
            "swift-hash": {"swift_hash_path_suffix": "test"},
            "storage-policy:0": {"name": "one", "default": "yes"}})
        self._make_rings(ports)
        for part, port in zip(self.parts, ports):
            self._configure(part, port, [f"{part}-server"],
                            {f"app:{part}-server": {"use": f"egg:swift#{part}"}})
        self._configure_proxy(proxy_port, cache_port)
        # Without it each request asks for the account and the bucket, too.
        self.daemon("memcached", "-l", "127.0.0.1", "-p", cache_port, "-u", user())
        for part, port in zip((*self.parts, "proxy"), (*ports, proxy_port)):
            self.daemon(f"swift-{part}-server", self.folder / f"{part}.conf")
        for daemon, port in zip(self.daemons, (cache_port, *ports, proxy_port)):
            daemon.wait_until(lambda port=port: connects(port), f"port {port}", START_LIMIT)
        self.endpoint = f"http://127.0.0.1:{proxy_port}"

    def _make_rings(self, ports):
        # In a process of its own, since Swift's modules exchange parts of Python's.
        script = """
import sys
from swift.common.ring import RingBuilder
folder, *ports = sys.argv[1:]
for part, port in zip(("account", "container", "object"), map(int, ports)):
    builder = RingBuilder(4, 1, 1)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "d1",
                     "weight": 1, "replication_ip": "127.0.0.1", "replication_port": port})
    builder.rebalance()
    builder.get_ring().save(f"{folder}/{part}.ring.gz")
"""
        run("/usr/bin/python3", "-c", script, self.folder, *ports)

    def _configure(self, part, port, pipeline, sections):
        ini(self.folder / f"{part}.conf", {
            "DEFAULT": {
                "bind_ip": "127.0.0.1", "bind_port": port, "workers": 0, "user": user(),
                "swift_dir": self.folder, "devices": self.folder / "node", "mount_check": "false",
                "disable_fallocate": "true", "log_level": "WARNING",
                # There is no syslog: what is said goes to the daemon's output.
                "log_udp_host": "", "log_address": self.folder / "no-syslog",
                "eventlet_debug": "false",
            },
            "pipeline:main": {"pipeline": " ".join(pipeline)}, **sections})

    def _configure_proxy(self, port, cache_port):
        filters = {
            "catch_errors": {}, "cache": {"use": "egg:swift#memcache",
                                          "memcache_servers": f"127.0.0.1:{cache_port}"}, "listing_formats": {},
            "s3api": {"location": self.region, "storage_domain": "s3.localhost",
                      "max_upload_part_num": 10000},
            "tempauth": {"user_" + self.access_key.replace(":", "_"): f"{self.secret_key} .admin"},
            "copy": {}, "slo": {}, "symlink": {},
            "versioned_writes": {"allow_object_versioning": "true"},
        }
        self._configure("proxy", port, [*filters, "proxy-server"], {
            "app:proxy-server": {"use": "egg:swift#proxy", "account_autocreate": "true"},
            **{f"filter:{name}": {"use": f"egg:swift#{name}", **fields}
               for name, fields in filters.items()}})


S3_SERVERS = {server.name: server for server in (Ceph, Swift)}


class BucketStorage:
    """Where one registry lies in a server's bucket: what `--storage` is given and the environment has.
    `endpoint` is that of a proxy in front of the server, where there is one."""

    def __init__(self, server, bucket, path, endpoint=None):
        self.server, self.bucket, self.path = server, bucket, path
        self.endpoint = endpoint or server.endpoint

    def through(self, endpoint):
        """The same registry by way of another endpoint."""
        return BucketStorage(self.server, self.bucket, self.path, endpoint)

    def environment(self, base=os.environ):
        return self.server.environment(base)

    def __str__(self):
        return f"s3://{self.bucket}/{self.path}?endpoint={quote(self.endpoint, safe=':/')}"

    def secrets(self):
        """What nobody may see: the keys, and signatures, by the names of their parameters."""
        return (*self.keys(), "Signature=", "Credential=")

    def keys(self):
        return self.server.secret_key, self.server.access_key

    def sizes(self):
        """All its objects: a dict of key and size."""
        return self.server.client().sizes(self.bucket, f"{self.path}/")

    def free(self):
        """Removes what takes room: the server may keep it in memory. The rest ends with the server."""
        client = self.server.client()
        for key, size in self.sizes().items():
            if size >= 1 << 20:
                client.remove(self.bucket, key)
