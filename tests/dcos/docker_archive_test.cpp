// Archives of `docker save`: both forms become images, hostile ones are refused, and a bundle may
// have them in place of an OCI layout.
#include "dcos/docker_archive.hpp"

#include "pkgreg/error.hpp"
#include "pkgreg/hasher.hpp"

#include "dcos/archive_handles.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

using testing::HasSubstr;

Digest digest_of(std::string_view bytes) {
    return Hasher::hash(DigestAlgorithm::sha256, bytes);
}

struct Entry {
    std::string name;
    std::string content = {};
    std::string link = {};  ///< makes it a symbolic link
    std::string hardlink = {};
    unsigned type = AE_IFREG;
    std::size_t size = 0;  ///< larger than the content: the rest is a hole
};
using Entries = std::vector<Entry>;

la_ssize_t append(archive*, void* into, const void* bytes, std::size_t size) {
    static_cast<std::string*>(into)->append(static_cast<const char*>(bytes), size);
    return static_cast<la_ssize_t>(size);
}

void add(archive* handle, const Entry& each) {
    const ArchiveEntryPtr entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), each.name.c_str());
    archive_entry_set_filetype(entry.get(), each.link.empty() ? each.type : AE_IFLNK);
    archive_entry_set_perm(entry.get(), 0644);
    const auto written = static_cast<la_int64_t>(each.content.size());
    archive_entry_set_size(entry.get(), std::max(written, static_cast<la_int64_t>(each.size)));
    if (each.size != 0) archive_entry_sparse_add_entry(entry.get(), 0, written);
    if (!each.link.empty()) archive_entry_set_symlink(entry.get(), each.link.c_str());
    if (!each.hardlink.empty()) archive_entry_set_hardlink(entry.get(), each.hardlink.c_str());
    archive_write_header(handle, entry.get());
    archive_write_data(handle, each.content.data(), each.content.size());
}

std::string pack(const Entries& entries, int (*format)(archive*)) {
    std::string out;
    const ArchiveWritePtr handle(archive_write_new());
    format(handle.get());
    archive_write_set_bytes_in_last_block(handle.get(), 1);
    archive_write_open(handle.get(), &out, nullptr, append, nullptr);
    for (const Entry& each : entries) add(handle.get(), each);
    archive_write_close(handle.get());
    return out;
}

std::string tar(const Entries& entries) {
    return pack(entries, archive_write_set_format_pax_restricted);
}

ArchiveSource source_of(const std::string& text) {
    return {text.size(), [&text](std::uint64_t offset, std::span<char> into) {
                const std::string_view rest =
                    std::string_view(text).substr(std::min<std::size_t>(offset, text.size()));
                const std::size_t n = std::min(rest.size(), into.size());
                std::copy_n(rest.begin(), n, into.begin());
                return n;
            }};
}

std::string read_all(const ByteReader& reader) {
    std::string out;
    std::string buffer(1000, '\0');
    while (const std::size_t n = reader(buffer)) out.append(buffer, 0, n);
    return out;
}

/// An image of two layers, the first of which is there twice.
struct Example {
    const std::string base = tar({{"etc/name", "base"}});
    const std::string top = tar({{"bin/program", std::string(200'000, 'p')}});
    const std::string config = R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers",)"
                               R"("diff_ids":[")" +
                               digest_of(base).to_string() + R"(",")" + digest_of(top).to_string() +
                               R"(",")" + digest_of(base).to_string() + R"("]}})";
    const std::string config_name = digest_of(config).hex() + ".json";

    /// As Docker wrote them up to version 24.
    Entries folders() const {
        return {{"1a/", "", "", "", AE_IFDIR},
                {"1a/VERSION", "1.0"},
                {"1a/layer.tar", base},
                {"2b/layer.tar", top},
                {"3c/layer.tar", "", "../1a/layer.tar"},
                {config_name, config},
                {"manifest.json", R"([{"Config":")" + config_name +
                                      R"(","RepoTags":["hello:1.0"],"Layers":["1a/layer.tar",)"
                                      R"("2b/layer.tar","3c/layer.tar"]}])"},
                {"repositories", "{}"}};
    }
    static std::string blob(std::string_view content) {
        return "blobs/sha256/" + digest_of(content).hex();
    }
    /// As it writes them since version 25.
    Entries layout() const {
        return {{"blobs/", "", "", "", AE_IFDIR},
                {blob(base), base},
                {blob(config), config},
                {blob(top), top},
                {"index.json", "{}"},
                {"manifest.json",
                 R"([{"Config":")" + blob(config) +
                     R"(","RepoTags":["docker.io/library/hello:1.0"],"Layers":[")" + blob(base) +
                     R"(",")" + blob(top) + R"(",")" + blob(base) + R"("]}])"},
                {"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}};
    }
    std::string manifest() const {
        const auto layer = [](const std::string& content) {
            return R"({"mediaType":"application/vnd.docker.image.rootfs.diff.tar","size":)" +
                   std::to_string(content.size()) + R"(,"digest":")" +
                   digest_of(content).to_string() + R"("})";
        };
        return R"({"schemaVersion":2,"mediaType":)"
               R"("application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":)"
               R"("application/vnd.docker.container.image.v1+json","size":)" +
               std::to_string(config.size()) + R"(,"digest":")" + digest_of(config).to_string() +
               R"("},"layers":[)" + layer(base) + "," + layer(top) + "," + layer(base) + "]}";
    }
};

/// What is said of an archive that was changed. Empty where it is taken.
std::string refusal(const std::function<void(Entries&)>& change, std::string_view name = "") {
    Entries entries = Example().folders();
    change(entries);
    const std::string text = tar(entries);
    try {
        DockerArchive(source_of(text)).image(name);
    } catch (const Error& error) {
        return error.message();
    }
    return {};
}

TEST(DockerArchive, both_forms_give_the_same_image) {
    const Example example;
    for (const Entries& entries : {example.folders(), example.layout()}) {
        const std::string text = tar(entries);
        const DockerArchive archive(source_of(text));
        for (const std::string& name :
             {std::string(), std::string("hello:1.0"), std::string("docker.io/library/hello:1.0"),
              digest_of(example.config).to_string()}) {
            const DockerImage image = archive.image(name);
            EXPECT_EQ(image.manifest, example.manifest());
            EXPECT_EQ(image.descriptor.digest, digest_of(example.manifest()));
            EXPECT_EQ(image.descriptor.size, image.manifest.size());
            std::vector<std::string> contents;
            for (const auto& blob : image.blobs) contents.push_back(read_all(archive.open(blob)));
            EXPECT_THAT(contents, testing::ElementsAre(example.config, example.base, example.top,
                                                       example.base));
        }
    }
}

TEST(DockerArchive, hard_links_lead_to_layers_too) {
    EXPECT_EQ(refusal([](Entries& e) { e[4] = {"3c/layer.tar", "", "", "1a/layer.tar"}; }), "");
}

TEST(DockerArchive, the_order_of_its_entries_does_not_matter) {
    EXPECT_EQ(refusal([](Entries& e) { std::rotate(e.begin(), e.begin() + 6, e.end()); }), "");
}

TEST(DockerArchive, a_compressed_layer_keeps_its_bytes_and_gets_its_type) {
    const Example example;
    Entries entries = example.layout();
    entries[3].content = "\x1f\x8b compressed";
    std::string& list = entries[5].content;
    const std::string old = Example::blob(example.top);
    entries[3].name = Example::blob(entries[3].content);
    list.replace(list.find(old), old.size(), entries[3].name);
    const std::string text = tar(entries);
    EXPECT_THAT(DockerArchive(source_of(text)).image("").manifest,
                HasSubstr("application/vnd.docker.image.rootfs.diff.tar.gzip\",\"size\":13,"));
}

TEST(DockerArchive, of_several_images_one_is_chosen_by_name) {
    const auto twice = [](Entries& e) {
        std::string& list = e[6].content;
        std::string second = list.substr(1, list.size() - 2);
        second.replace(second.find("hello:1.0"), 9, "world:2.0");
        list = "[" + list.substr(1, list.size() - 2) + "," + second + "]";
    };
    EXPECT_EQ(refusal(twice, "world:2.0"), "");
    EXPECT_THAT(refusal(twice), HasSubstr("one must be named; it has: hello:1.0, world:2.0"));
    EXPECT_THAT(refusal(twice, "hello:2.0"), HasSubstr("has no image 'hello:2.0'"));
}

TEST(DockerArchive, names_and_links_that_lead_out_of_it_are_refused) {
    for (const std::string name : {"../evil", "/etc/passwd", "a/../../evil"}) {
        EXPECT_THAT(refusal([&](Entries& e) {
                        e.push_back({name, "x"});
                    }),
                    HasSubstr("leads out of it"))
            << name;
    }
    for (const std::string link : {"/etc/passwd", "../../etc/passwd", "..", "../1a/../../x"}) {
        EXPECT_THAT(refusal([&](Entries& e) { e[4].link = link; }),
                    HasSubstr("'3c/layer.tar' is a link that leads out of it"))
            << link;
    }
    EXPECT_THAT(refusal([](Entries& e) {
                    e.push_back({"x", "", "", "../x"});
                }),
                HasSubstr("is a link that leads out of it"));
    EXPECT_THAT(refusal([](Entries& e) {
                    std::string& list = e[6].content;
                    list.replace(list.find("1a/layer.tar"), 12, "../../../etc");
                }),
                HasSubstr("'../../../etc' is missing"));
}

TEST(DockerArchive, links_that_lead_nowhere_are_refused) {
    EXPECT_THAT(refusal([](Entries& e) { e[4].link = "../3c/layer.tar"; }),
                HasSubstr("is missing"));
    EXPECT_THAT(refusal([](Entries& e) { e[4].link = "../4d/layer.tar"; }),
                HasSubstr("is missing"));
}

TEST(DockerArchive, what_is_missing_double_or_no_file_is_refused) {
    for (const std::size_t i : {2U, 3U, 5U, 6U}) {
        EXPECT_THAT(refusal([&](Entries& e) { e.erase(e.begin() + static_cast<int>(i)); }),
                    HasSubstr("is missing"))
            << i;
    }
    EXPECT_THAT(refusal([](Entries& e) { e.push_back(e[2]); }), HasSubstr("is there twice"));
    EXPECT_THAT(refusal([](Entries& e) {
                    e.push_back({"./1a//layer.tar", "x"});
                }),
                HasSubstr("is there twice"));
    EXPECT_THAT(refusal([](Entries& e) {
                    e.push_back({"fifo", "", "", "", AE_IFIFO});
                }),
                HasSubstr("is a device or the like"));
}

TEST(DockerArchive, content_other_than_what_is_said_of_it_is_refused) {
    EXPECT_THAT(refusal([](Entries& e) { e[3].content += "x"; }),
                HasSubstr("another layer than the configuration"));
    EXPECT_THAT(refusal([](Entries& e) { e[5].content += " "; }), HasSubstr("has the digest"));
    EXPECT_THAT(refusal([](Entries& e) { e[5] = {e[5].name, "{}"}; }), HasSubstr("has the digest"));
    EXPECT_THAT(refusal([](Entries& e) {
                    std::string& list = e[6].content;
                    list.replace(list.find(",\"3c/layer.tar\""), 15, "");
                }),
                HasSubstr("speaks of other layers"));
    EXPECT_THAT(refusal([](Entries& e) { e[3].content = "\x28\xb5\x2f\xfd zstd"; }),
                HasSubstr("zstd"));
}

TEST(DockerArchive, a_list_that_is_no_list_is_refused) {
    for (const char* list : {"{}", "[]", "[{}]", "[1]", "x", R"([{"Config":1}])",
                             R"([{"Config":"c","Layers":[1]}])"}) {
        EXPECT_NE(refusal([&](Entries& e) { e[6].content = list; }), "") << list;
    }
    EXPECT_THAT(refusal([](Entries& e) { e[6].content.append(5U << 20, ' '); }),
                HasSubstr("more than 4 MiB"));
}

TEST(DockerArchive, an_archive_that_was_cut_is_refused) {
    const std::string whole = tar(Example().folders());
    // The end of a tar is two empty blocks, which readers do not need.
    for (std::size_t size = 0; size + 2048 < whole.size(); size += 997) {
        const std::string text = whole.substr(0, size);
        EXPECT_THROW(DockerArchive(source_of(text)).image(""), Error) << size;
    }
}

TEST(DockerArchive, a_file_with_holes_is_refused) {
    Entry holes{"layer", std::string(512, 'x')};
    holes.size = 1U << 20;
    const std::string text =
        tar({holes, {"c", "{}"}, {"manifest.json", R"([{"Config":"c","Layers":["layer"]}])"}});
    EXPECT_LT(text.size(), 16'384U);
    try {
        DockerArchive(source_of(text)).image("");
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), HasSubstr("'layer' has holes"));
    }
}

// In a bundle.

class Collector final : public BundleVisitor {
 public:
    std::optional<BundleContents> all;
    std::map<Digest, std::string> blobs;

    void contents(const BundleContents& contents) override { all = contents; }
    void begin(const BundleBlob& blob) override { EXPECT_FALSE(blobs.contains(blob.digest)); }
    void data(std::string_view bytes) override { bytes_.append(bytes); }
    void end(const BundleBlob& blob) override {
        EXPECT_EQ(bytes_.size(), blob.size);
        blobs[blob.digest] = std::exchange(bytes_, {});
    }

 private:
    std::string bytes_;
};

struct BundledExample {
    const Example example;
    std::string archive = tar(example.folders());
    std::string image = "hello:1.0";
    const std::string metadata =
        R"({"packagingVersion":"4.0","name":"hello","version":"1.0","maintainer":"m",)"
        R"("description":"d","tags":[],"resource":{"assets":{"container":{"docker":)"
        R"({"main":"hello:1.0","again":"hello:1.0"}}}}})";

    Entries entries() const {
        const auto entry = [&](const std::string& asset) {
            return R"({"asset":"resource.assets.container.docker.)" + asset + R"(","archive":")" +
                   digest_of(archive).to_string() + R"(","size":)" +
                   std::to_string(archive.size()) + R"(,"image":")" + image + R"("})";
        };
        return {
            {"metadata.json", metadata},
            {"bundle.json", R"({"formatVersion":1,"metadata":")" + digest_of(metadata).to_string() +
                                R"(","resources":[],"images":[)" + entry("main") + "," +
                                entry("again") + "]}"},
            {"images/docker/" + digest_of(archive).hex() + ".tar", archive}};
    }
};

std::string zip(const Entries& entries) {
    return pack(entries, [](archive* handle) {
        archive_write_set_format_zip(handle);
        return archive_write_zip_set_compression_store(handle);
    });
}

void read(const std::string& text, BundleVisitor& visitor) {
    read_bundle(
        [rest = std::string_view(text)](std::span<char> into) mutable {
            const std::size_t n = std::min({into.size(), rest.size(), std::size_t{777}});
            std::copy_n(rest.begin(), n, into.begin());
            rest.remove_prefix(n);
            return n;
        },
        visitor);
}

std::string bundle_refusal(const Entries& entries) {
    Collector collector;
    try {
        read(zip(entries), collector);
    } catch (const Error& error) {
        EXPECT_FALSE(collector.all.has_value()) << "what is wrong was found too late";
        return error.message();
    }
    return {};
}

TEST(BundleWithArchive, its_images_are_announced_and_come_once) {
    const BundledExample bundle;
    Collector collector;
    read(zip(bundle.entries()), collector);
    const std::string manifest = bundle.example.manifest();
    ASSERT_EQ(collector.all->images.size(), 2U);
    for (const BundleImage& image : collector.all->images) {
        EXPECT_EQ(image.manifest.digest, digest_of(manifest));
        EXPECT_EQ(image.manifest.media_type.str(), media_types::docker_manifest);
    }
    std::map<Digest, std::string> expected;
    for (const std::string& blob :
         {manifest, bundle.example.config, bundle.example.base, bundle.example.top}) {
        expected[digest_of(blob)] = blob;
    }
    EXPECT_EQ(collector.blobs, expected);
}

TEST(BundleWithArchive, one_that_is_missing_or_not_announced_is_refused) {
    const BundledExample bundle;
    Entries entries = bundle.entries();
    entries.pop_back();
    EXPECT_THAT(bundle_refusal(entries), HasSubstr("an archive of images is missing"));
    entries.push_back({"images/oci-layout", "{}"});
    EXPECT_THAT(bundle_refusal(entries), HasSubstr("stands where an archive"));
}

TEST(BundleWithArchive, other_content_than_announced_is_refused) {
    const BundledExample bundle;
    Entries entries = bundle.entries();
    entries[2].content[600] ^= 1;
    EXPECT_THAT(bundle_refusal(entries), HasSubstr("has the digest"));
    entries[2].content += "x";
    EXPECT_THAT(bundle_refusal(entries), HasSubstr("must have"));
}

TEST(BundleWithArchive, an_archive_that_is_none_is_refused) {
    BundledExample bundle;
    bundle.archive = "no archive";
    EXPECT_THAT(bundle_refusal(bundle.entries()), HasSubstr("not a valid archive"));
    bundle.archive = tar(bundle.example.folders());
    bundle.image = "world:1.0";
    EXPECT_THAT(bundle_refusal(bundle.entries()), HasSubstr("has no image 'world:1.0'"));
}

}  // namespace
}  // namespace pkgreg
