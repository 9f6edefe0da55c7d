"""The fixture that other test suites use."""

import time
import urllib.request



def test_a_test_gets_a_registry_that_listens(pkgreg_registry):
    assert pkgreg_registry.url == f"http://{pkgreg_registry.host}"
    with urllib.request.urlopen(f"{pkgreg_registry.url}/v2/_catalog") as answer:
        assert answer.read() == b'{"repositories":[]}'
    pkgreg_registry.repository("app").push_blob(b"x")


def test_each_test_gets_its_own(pytester):
    pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("number", range(100))
        def test_it_is_empty(pkgreg_registry, number):
            assert list(pkgreg_registry.repositories()) == []
            app = pkgreg_registry.repository("app")
            digest = app.push_blob(b"{}")
            app.put_manifest({"schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest,
                           "size": 2}, "layers": []}, "v1")
    """)
    begun = time.monotonic()
    result = pytester.runpytest("-p", "pkgreg.pytest_plugin", "-q")
    result.assert_outcomes(passed=100)
    assert (time.monotonic() - begun) / 100 < 0.1, "seconds for each test with a registry"
