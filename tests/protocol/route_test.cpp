// find_route: each path of the specification, with names that look like parts of other paths.
#include "protocol/oci/route.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace pkgreg::oci {
namespace {

struct Row {
    std::string_view path;
    Endpoint endpoint;
    std::string_view name = {};
    std::string_view item = {};
};

TEST(Route, FindsEveryEndpoint) {
    using enum Endpoint;
    const Row table[] = {
        {"/v2", base},
        {"/v2/", base},
        {"/v2/_catalog", catalog},
        {"/v2/a/blobs/sha256:x", blob, "a", "sha256:x"},
        {"/v2/a/b/c/blobs/x", blob, "a/b/c", "x"},
        {"/v2/a/blobs/uploads", uploads, "a"},
        {"/v2/a/blobs/uploads/", uploads, "a"},
        {"/v2/a/b/blobs/uploads/", uploads, "a/b"},
        {"/v2/a/blobs/uploads/id", upload, "a", "id"},
        {"/v2/a/b/blobs/uploads/id", upload, "a/b", "id"},
        {"/v2/a/manifests/latest", manifest, "a", "latest"},
        {"/v2/a/manifests/", manifest, "a", ""},
        {"/v2/a/tags/list", tags, "a"},
        {"/v2/a/b/tags/list", tags, "a/b"},
        {"/v2/a/referrers/sha256:x", referrers, "a", "sha256:x"},
        {"/v2/a", repository, "a"},
        {"/v2/a/", repository, "a"},
        {"/v2/a/b/c", repository, "a/b/c"},
        {"/v2/a/tags/other", repository, "a/tags/other"},

        // Names that hold the words of the paths.
        {"/v2/blobs/blobs/x", blob, "blobs", "x"},
        {"/v2/manifests/manifests/x", manifest, "manifests", "x"},
        {"/v2/tags/list/tags/list", tags, "tags/list"},
        {"/v2/uploads/blobs/uploads/", uploads, "uploads"},
        {"/v2/a/blobs/blobs/uploads/", uploads, "a/blobs"},
        {"/v2/a/blobs/uploads/blobs/uploads/id", upload, "a/blobs/uploads", "id"},
        {"/v2/a/blobs/uploads/manifests/x", manifest, "a/blobs/uploads", "x"},
        {"/v2/a/uploads/x", repository, "a/uploads/x"},

        // Without a name there is nothing but a name.
        {"/v2/blobs/x", repository, "blobs/x"},
        {"/v2/tags/list", repository, "tags/list"},
        {"/v2/blobs/uploads/id", repository, "blobs/uploads/id"},

        {"", none},
        {"/", none},
        {"/v1/", none},
        {"/v2x", none},
        {"/v2x/a/tags/list", none},
        {"/health", none},
        {"//v2/", none},
    };
    for (const Row& row : table) {
        const Route route = find_route(row.path);
        EXPECT_EQ(route.endpoint, row.endpoint) << row.path;
        EXPECT_EQ(route.name, row.name) << row.path;
        EXPECT_EQ(route.item, row.item) << row.path;
    }
}

}  // namespace
}  // namespace pkgreg::oci
