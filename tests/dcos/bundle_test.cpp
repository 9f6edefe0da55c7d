// The `.dcos` bundle: what is written can be read, and what is not a bundle is refused.
#include "pkgreg/dcos/bundle.hpp"

#include "pkgreg/error.hpp"
#include "pkgreg/hasher.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Digest digest_of(std::string_view bytes) {
    return Hasher::hash(DigestAlgorithm::sha256, bytes);
}

std::string descriptor(std::string_view type, std::string_view content,
                       std::string_view more = "") {
    return R"({"mediaType":")" + std::string(type) + R"(","digest":")" +
           digest_of(content).to_string() + R"(","size":)" + std::to_string(content.size()) +
           std::string(more) + "}";
}

/// Gives `text` in pieces of `step` bytes.
ByteReader reader_of(std::string_view text, std::size_t step = 1000) {
    return [rest = text, step](std::span<char> into) mutable {
        const std::size_t n = std::min({into.size(), step, rest.size()});
        std::copy_n(rest.begin(), n, into.begin());
        rest.remove_prefix(n);
        return n;
    };
}

/// An entry of an archive that a test puts together by hand.
struct Entry {
    std::string name;
    std::string content;
    bool deflated = false;
    unsigned type = AE_IFREG;
};

std::string zip(const std::vector<Entry>& entries) {
    std::string out;
    archive* handle = archive_write_new();
    archive_write_set_format_zip(handle);
    archive_write_set_bytes_in_last_block(handle, 1);
    const auto write = [](archive*, void* into, const void* bytes, std::size_t size) -> la_ssize_t {
        static_cast<std::string*>(into)->append(static_cast<const char*>(bytes), size);
        return static_cast<la_ssize_t>(size);
    };
    archive_write_open(handle, &out, nullptr, write, nullptr);
    for (const Entry& each : entries) {
        archive_entry* entry = archive_entry_new();
        archive_entry_set_pathname(entry, each.name.c_str());
        archive_entry_set_filetype(entry, each.type);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, static_cast<la_int64_t>(each.content.size()));
        if (each.type == AE_IFLNK) archive_entry_set_symlink(entry, "/etc/passwd");
        if (each.deflated) {
            archive_write_zip_set_compression_deflate(handle);
        } else {
            archive_write_zip_set_compression_store(handle);
        }
        archive_write_header(handle, entry);
        archive_write_data(handle, each.content.data(), each.content.size());
        archive_entry_free(entry);
    }
    archive_write_close(handle);
    archive_write_free(handle);
    return out;
}

/// A package with two resources and an image for two platforms that share a layer.
struct Example {
    const std::string jar = std::string(300'000, 'j') + "ar";
    const std::string icon = "icon";
    const std::string layer = std::string(100'000, 'l');
    const std::string config_a = "{\"a\":1}";
    const std::string config_b = "{\"b\":1}";
    const std::string manifest_a = manifest_of(config_a);
    const std::string manifest_b = manifest_of(config_b);
    const std::string index = R"({"schemaVersion":2,"manifests":[)" +
                              descriptor(media_types::oci_manifest, manifest_a) + "," +
                              descriptor(media_types::docker_manifest, manifest_b) + "]}";
    const std::string metadata =
        R"({"packagingVersion":"4.0","name":"hello","version":"1.0","maintainer":"m",)"
        R"("description":"d","tags":[],"resource":{"assets":{"uris":{"jar":"https://x/app.jar",)"
        R"("again":"https://y/app.jar","remote":"https://z"},"container":{"docker":{"main":"m:1"}}},)"
        R"("images":{"icon-small":"./icon.png"},"cli":{"binaries":{"linux":{"x86-64":)"
        R"({"url":"https://x/cli","kind":"zip","contentHash":[{"algo":"sha256","value":")" +
        upper(digest_of(icon).hex()) + R"("}]}}}}}})";

    std::string manifest_of(const std::string& config) const {
        return R"({"schemaVersion":2,"config":)" + descriptor("application/json", config) +
               R"(,"layers":[)" + descriptor("application/x-tar", layer) + "," +
               descriptor("application/x-foreign", "elsewhere", R"(,"urls":["https://w"])") + "]}";
    }
    static std::string upper(std::string text) {
        for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c);
        return text;
    }
    BundleContents contents() const {
        BundleContents all{PackageMetadata::parse(metadata)};
        const auto resource = [&](const char* asset, const std::string& bytes, const char* file) {
            all.resources.push_back({asset, digest_of(bytes), bytes.size(), file});
        };
        resource("resource.assets.uris.jar", jar, "app.jar");
        resource("resource.assets.uris.again", jar, "app.jar");
        resource("resource.images.icon-small", icon, "icon.png");
        resource("resource.cli.binaries.linux.x86-64.url", icon, "cli");
        all.images.push_back(
            {"resource.assets.container.docker.main",
             Descriptor{MediaType::parse(media_types::oci_index), digest_of(index), index.size()}});
        return all;
    }
    std::map<Digest, std::string> blobs() const {
        std::map<Digest, std::string> all;
        for (const std::string& each :
             {jar, icon, layer, config_a, config_b, manifest_a, manifest_b, index}) {
            all.emplace(digest_of(each), each);
        }
        return all;
    }
    std::string write() const {
        std::string out;
        const auto all = blobs();
        BundleWriter writer(contents(), [&](std::string_view bytes) { out.append(bytes); });
        while (const BundleBlob* blob = writer.next()) writer.add(reader_of(all.at(blob->digest)));
        writer.finish();
        return out;
    }
    /// The entries of the bundle, to be spoilt and put together again.
    std::vector<Entry> entries() const;
};

class Collector final : public BundleVisitor {
 public:
    void contents(const BundleContents& all) override { contents_ = all; }
    void begin(const BundleBlob& blob) override {
        current_.clear();
        order.push_back(blob.kind);
    }
    void data(std::string_view bytes) override { current_.append(bytes); }
    void end(const BundleBlob& blob) override { blobs.emplace(blob.digest, current_); }

    std::optional<BundleContents> contents_;
    std::map<Digest, std::string> blobs;
    std::vector<BundleBlob::Kind> order;

 private:
    std::string current_;
};

Collector read(std::string_view bundle, std::size_t step = 100'000,
               BundleHashing hashing = BundleHashing::by_reader) {
    Collector collector;
    read_bundle(reader_of(bundle, step), collector, hashing);
    return collector;
}

std::vector<Entry> Example::entries() const {
    std::vector<Entry> all;
    const std::string bundle = write();
    archive* handle = archive_read_new();
    archive_read_support_format_zip_streamable(handle);
    archive_read_open_memory(handle, bundle.data(), bundle.size());
    archive_entry* entry = nullptr;
    while (archive_read_next_header(handle, &entry) == ARCHIVE_OK) {
        all.push_back({archive_entry_pathname(entry), ""});
        char buffer[10000];
        la_ssize_t n = 0;
        while ((n = archive_read_data(handle, buffer, sizeof buffer)) > 0) {
            all.back().content.append(buffer, static_cast<std::size_t>(n));
        }
    }
    archive_read_free(handle);
    return all;
}

TEST(Bundle, WhatIsWrittenIsRead) {
    const Example example;
    const std::string bundle = example.write();
    for (const std::size_t step : {std::size_t{1} << 20, std::size_t{777}}) {
        const Collector collector = read(bundle, step);
        EXPECT_EQ(collector.blobs, example.blobs());
        EXPECT_EQ(collector.contents_->metadata.text(), example.metadata);
        EXPECT_EQ(collector.contents_->resources.size(), 4U);
        EXPECT_EQ(collector.contents_->resources[2].file, "icon.png");
        EXPECT_EQ(collector.contents_->images[0].manifest, example.contents().images[0].manifest);
    }
    EXPECT_EQ(read(bundle, 1000, BundleHashing::by_visitor).blobs, example.blobs());
}

TEST(Bundle, AnArchiveInsideIsNotTakenForTheEndOfItsEntry) {
    // As Java archives have them: a descriptor behind each of their own entries.
    const std::string descriptor("PK\7\10\1\2\3\4\5\0\0\0\5\0\0\0", 16);
    const std::string jar =
        std::string(5000, 'a') + descriptor + std::string(70'000, 'b') + descriptor + "end";
    BundleContents contents{PackageMetadata::parse(Example().metadata)};
    contents.resources.push_back({"resource.assets.uris.jar", digest_of(jar), jar.size(), "a.jar"});
    std::string out;
    BundleWriter writer(contents, [&](std::string_view bytes) { out.append(bytes); });
    writer.add(reader_of(jar));
    writer.finish();
    EXPECT_EQ(read(out).blobs.at(digest_of(jar)), jar);
}

TEST(Bundle, EntriesStandInTheOrderOfTheFormat) {
    const Example example;
    std::vector<std::string> names;
    for (const Entry& entry : example.entries()) names.push_back(entry.name);
    const auto blob = [](const std::string& content) {
        return "images/blobs/sha256/" + digest_of(content).hex();
    };
    EXPECT_THAT(
        names, ElementsAre("metadata.json", "bundle.json",
                           "resources/sha256/" + digest_of(example.jar).hex(),
                           "resources/sha256/" + digest_of(example.icon).hex(), "images/oci-layout",
                           "images/index.json", blob(example.index), blob(example.manifest_a),
                           blob(example.manifest_b), blob(example.config_a), blob(example.layer),
                           blob(example.config_b)));
}

TEST(Bundle, EqualContentsMakeEqualBundles) {
    EXPECT_EQ(Example().write(), Example().write());
}

TEST(Bundle, APackageWithoutAssetsIsABundle) {
    std::string out;
    const BundleContents contents{PackageMetadata::parse(
        R"({"packagingVersion":"3.0","name":"aa","version":"1","maintainer":"","description":"","tags":[]})")};
    BundleWriter writer(contents, [&](std::string_view bytes) { out.append(bytes); });
    EXPECT_EQ(writer.next(), nullptr);
    writer.finish();
    EXPECT_EQ(read(out).contents_->metadata.coordinate(), contents.metadata.coordinate());
}

TEST(BundleWriter, TakesOnlyWhatWasAnnounced) {
    const Example example;
    const auto code_of = [&](const std::string& first_blob) {
        BundleWriter writer(example.contents(), [](std::string_view) {});
        try {
            writer.add(reader_of(first_blob));
            writer.finish();
        } catch (const Error& error) {
            return error.code();
        }
        return ErrorCode::ok;
    };
    EXPECT_EQ(code_of(example.jar), ErrorCode::invalid_argument);  // the rest is missing
    EXPECT_EQ(code_of(example.jar + "x"), ErrorCode::size_invalid);
    EXPECT_EQ(code_of(example.jar.substr(1)), ErrorCode::size_invalid);
    EXPECT_EQ(code_of("x" + example.jar.substr(1)), ErrorCode::digest_invalid);
}

TEST(BundleWriter, TheContentsMustFitTheMetadata) {
    const auto refused = [](const std::function<void(BundleContents&)>& spoil) {
        BundleContents contents = Example().contents();
        spoil(contents);
        try {
            BundleWriter writer(contents, [](std::string_view) {});
        } catch (const Error& error) {
            return error.message();
        }
        return std::string("accepted");
    };
    EXPECT_THAT(refused([](auto& c) { c.resources[0].asset = "resource.assets.uris.none"; }),
                HasSubstr("not an asset"));
    EXPECT_THAT(refused([](auto& c) { c.resources[0].asset = c.resources[1].asset; }),
                HasSubstr("there twice"));
    EXPECT_THAT(refused([](auto& c) { c.resources[0].file = "../x"; }), HasSubstr("file name"));
    EXPECT_THAT(refused([](auto& c) { c.resources[0].file = ".."; }), HasSubstr("file name"));
    EXPECT_THAT(refused([](auto& c) { c.resources[0].file = ""; }), HasSubstr("file name"));
    EXPECT_THAT(refused([](auto& c) { c.resources[3].digest = c.resources[0].digest; }),
                HasSubstr("contentHash"));
    EXPECT_THAT(refused([](auto& c) { c.images[0].asset = c.resources[0].asset; }),
                HasSubstr("twice"));
    EXPECT_THAT(
        refused([](auto& c) { c.images[0].manifest.media_type = MediaType::parse("text/plain"); }),
        HasSubstr("type of an image"));
}

/// The message with which a bundle is refused.
std::string refusal(std::string_view bundle) {
    try {
        read(bundle);
    } catch (const Error& error) {
        EXPECT_FALSE(error.message().empty());
        return error.message();
    }
    return "accepted";
}

std::string refusal(const std::function<void(std::vector<Entry>&)>& spoil) {
    std::vector<Entry> entries = Example().entries();
    spoil(entries);
    return refusal(zip(entries));
}

using Entries = std::vector<Entry>;

TEST(BundleReader, TakesAnArchiveThatOthersMade) {
    EXPECT_EQ(refusal([](Entries&) {}), "accepted");
    EXPECT_EQ(refusal([](Entries& e) { e[0].deflated = e[1].deflated = e[5].deflated = true; }),
              "accepted");
}

TEST(BundleReader, EntriesThatDoNotBelongAreRefused) {
    for (const char* name :
         {"../evil", "/etc/passwd", "resources/../../evil", "evil", "images/evil",
          "resources/sha256/abc", "resources/md5/00", "a\\b", "metadata.json/x"}) {
        EXPECT_NE(refusal([&](Entries& e) { e.push_back({name, "x"}); }), "accepted") << name;
        EXPECT_NE(refusal([&](Entries& e) { e.insert(e.begin() + 2, {name, "x"}); }), "accepted");
        EXPECT_NE(refusal([&](Entries& e) { e.insert(e.begin(), {name, "x"}); }), "accepted");
    }
    EXPECT_THAT(refusal([](Entries& e) {
                    e.push_back({"images/blobs/sha256/" + digest_of("x").hex(), "x"});
                }),
                HasSubstr("not announced"));
    // That an entry is a link is told only at the end of the archive; its name gives it away
    // before.
    EXPECT_NE(refusal([](Entries& e) {
                  e.insert(e.begin() + 2, {"link", "", false, AE_IFLNK});
              }),
              "accepted");
    EXPECT_THAT(refusal([](Entries& e) {
                    e.insert(e.begin() + 2, {"dir/", "", false, AE_IFDIR});
                }),
                HasSubstr("regular file"));
}

TEST(BundleReader, AnEntryThatIsThereTwiceIsRefused) {
    const std::size_t count = Example().entries().size();
    for (std::size_t i = 0; i < count; ++i) {
        EXPECT_NE(refusal([&](Entries& e) { e.push_back(e[i]); }), "accepted") << i;
        EXPECT_NE(refusal([&](Entries& e) { e.insert(e.begin() + static_cast<long>(i), e[i]); }),
                  "accepted");
    }
}

TEST(BundleReader, AMissingEntryIsMissed) {
    const std::size_t count = Example().entries().size();
    for (std::size_t i = 0; i < count; ++i) {
        EXPECT_NE(refusal([&](Entries& e) { e.erase(e.begin() + static_cast<long>(i)); }),
                  "accepted")
            << i;
    }
}

TEST(BundleReader, ContentThatIsNotWhatWasAnnouncedIsRefused) {
    const std::size_t count = Example().entries().size();
    for (std::size_t i = 0; i < count; ++i) {
        EXPECT_NE(refusal([&](Entries& e) { e[i].content += "x"; }), "accepted") << i;
        EXPECT_NE(refusal([&](Entries& e) { e[i].content.erase(0, 1); }), "accepted") << i;
        EXPECT_NE(refusal([&](Entries& e) { e[i].content[0] ^= 1; }), "accepted") << i;
    }
}

TEST(BundleReader, WhatExpandsIsRefused) {
    // 300,000 times the same letter, deflated to almost nothing.
    EXPECT_THAT(refusal([](Entries& e) { e[2].deflated = true; }), HasSubstr("must be stored"));
    EXPECT_THAT(refusal([](Entries& e) {
                    e[0].deflated = true;
                    e[0].content.append(std::size_t{65} << 20, ' ');
                }),
                HasSubstr("more than 64 MiB"));
}

TEST(BundleReader, ABundleThatEndsTooEarlyIsRefused) {
    const std::string bundle = Example().write();
    // The directory at the end of the archive is not needed by a reader that streams.
    const std::size_t entries_end = bundle.find("PK\1\2");
    ASSERT_NE(entries_end, std::string::npos);
    for (std::size_t size = 0; size < entries_end; size += size < 5000 ? 97 : 20011) {
        EXPECT_NE(refusal(std::string_view(bundle).substr(0, size)), "accepted") << size;
    }
    EXPECT_NE(refusal(""), "accepted");
    EXPECT_NE(refusal("PK\3\4"), "accepted");
    EXPECT_NE(refusal(std::string(100'000, 'x')), "accepted");
}

TEST(BundleReader, ErrorsOfTheInputAndTheVisitorPassThrough) {
    const std::string bundle = Example().write();
    std::size_t given = 0;
    Collector collector;
    const ByteReader broken = [&, inner = reader_of(bundle)](std::span<char> into) mutable {
        given += into.size();
        if (given > 600'000) throw Error(ErrorCode::truncated, "the client went away");
        return inner(into);
    };
    try {
        read_bundle(broken, collector);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::truncated);
    }
    class Full final : public BundleVisitor {
        void contents(const BundleContents&) override {}
        void begin(const BundleBlob&) override {}
        void data(std::string_view) override { throw Error(ErrorCode::no_space, "full"); }
        void end(const BundleBlob&) override {}
    } full;
    try {
        read_bundle(reader_of(bundle), full);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::no_space);
    }
}

}  // namespace
}  // namespace pkgreg
