// Uploads: content in pieces, from its beginning to the blob, and every way in which that ends
// early.
#include "registry/engine_test.hpp"

#include <atomic>
#include <chrono>
#include <thread>

namespace pkgreg {
namespace {

using namespace std::chrono_literals;

using Names = std::vector<std::string>;

class Uploads : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Stores, Uploads, testing::ValuesIn(store_kinds()), kind_name);

/// Segments of an upload that was given up stay until it is certain that no other instance uses
/// them.
Names keys_but_segments(ObjectStore& store) {
    Names keys = all_keys(store);
    std::erase_if(keys, [](const std::string& key) { return key.starts_with("data/"); });
    return keys;
}

TEST_P(Uploads, PiecesBecomeABlob) {
    const UploadId id = registry.begin("a/b");
    EXPECT_EQ(id.size(), 36u);
    EXPECT_EQ(registry.offset("a/b", id), 0u);
    EXPECT_EQ(registry.append("a/b", id, "con"), 3u);
    EXPECT_EQ(registry.append("a/b", id, "te", 3), 5u);
    EXPECT_EQ(registry.offset("a/b", id), 5u);
    const BlobInfo blob = registry.commit("a/b", id, sha256("content"), "nt");
    EXPECT_EQ(blob.size, 7u);
    EXPECT_EQ(blob.digest, sha256("content"));
    EXPECT_EQ(registry.read("a/b", blob.digest), "content");
    EXPECT_EQ(code_of([&] { registry.offset("a/b", id); }), ErrorCode::blob_upload_unknown);
}

TEST_P(Uploads, TheCommitMayBringNothingOrEverything) {
    const UploadId all_before = registry.begin("a");
    registry.append("a", all_before, "content");
    registry.commit("a", all_before, sha256("content"));
    const UploadId all_in_commit = registry.begin("a");
    registry.commit("a", all_in_commit, sha256("other"), "other");
    const UploadId nothing = registry.begin("a");
    registry.commit("a", nothing, sha256(""));
    const UploadId empty_body = registry.begin("a");
    registry.commit("a", empty_body, sha256(""), "");
    EXPECT_EQ(registry.read("a", sha256("content")), "content");
    EXPECT_EQ(registry.read("a", sha256("other")), "other");
    EXPECT_EQ(registry.read("a", sha256("")), "");
}

TEST_P(Uploads, WithoutADigestTheContentGetsItsOwn) {
    const UploadId id = registry.begin("a");
    registry.append("a", id, "con");
    MemoryBody rest("tent");
    const RepositoryName name = RepositoryName::parse("a");
    const BlobInfo blob = run_blocking((*registry).commit_upload(name, id, std::nullopt, 3, &rest));
    EXPECT_EQ(blob.digest, sha256("content"));
    EXPECT_EQ(blob.size, 7u);
    EXPECT_EQ(registry.read("a", blob.digest), "content");

    const UploadId longer = registry.begin("a", DigestAlgorithm::sha512);
    MemoryBody whole("content");
    const BlobInfo other =
        run_blocking((*registry).commit_upload(name, longer, std::nullopt, std::nullopt, &whole));
    EXPECT_EQ(other.digest, Hasher::hash(DigestAlgorithm::sha512, "content"));

    MemoryBody body("more");
    EXPECT_EQ(run_blocking((*registry).put_blob(name, std::nullopt, body)).digest, sha256("more"));
    EXPECT_EQ(registry.read("a", sha256("more")), "more");
}

TEST_P(Uploads, AnOffsetMustBeWhereTheUploadStands) {
    const UploadId id = registry.begin("a");
    EXPECT_EQ(code_of([&] { registry.append("a", id, "x", 1); }), ErrorCode::range_invalid);
    registry.append("a", id, "con", 0);
    for (const std::uint64_t offset : {0u, 1u, 2u, 4u, 7u}) {
        EXPECT_EQ(code_of([&] { registry.append("a", id, "tent", offset); }),
                  ErrorCode::range_invalid);
        MemoryBody body("tent");
        EXPECT_EQ(code_of([&] { registry.commit("a", id, sha256("content"), &body, offset); }),
                  ErrorCode::range_invalid);
    }
    EXPECT_EQ(registry.offset("a", id), 3u);
    MemoryBody body("tent");
    registry.commit("a", id, sha256("content"), &body, 3);
    EXPECT_EQ(registry.read("a", sha256("content")), "content");
}

TEST_P(Uploads, AnotherRepositoryDoesNotKnowIt) {
    const UploadId id = registry.begin("a");
    for (const std::string& repository : {std::string("b"), std::string("a/a")}) {
        EXPECT_EQ(code_of([&] { registry.offset(repository, id); }),
                  ErrorCode::blob_upload_unknown);
        EXPECT_EQ(code_of([&] { registry.append(repository, id, "x"); }),
                  ErrorCode::blob_upload_unknown);
        EXPECT_EQ(code_of([&] { registry.commit(repository, id, sha256("")); }),
                  ErrorCode::blob_upload_unknown);
        EXPECT_EQ(code_of([&] { registry.cancel(repository, id); }),
                  ErrorCode::blob_upload_unknown);
    }
    EXPECT_EQ(registry.offset("a", id), 0u);
    EXPECT_EQ(code_of([&] { registry.offset("a", ""); }), ErrorCode::blob_upload_unknown);
    EXPECT_EQ(code_of([&] { registry.offset("a", std::string(100'000, 'x')); }),
              ErrorCode::blob_upload_unknown);
}

TEST_P(Uploads, AnnouncedAlgorithmIsUsedAndAnyOtherStillWorks) {
    const std::string bytes = test_bytes(700'000);
    const Digest digests[] = {sha256(bytes), sha512(bytes)};
    for (const DigestAlgorithm announced : {DigestAlgorithm::sha256, DigestAlgorithm::sha512}) {
        for (const Digest& digest : digests) {
            // All before the commit (read back where the algorithm is another one), a part,
            // nothing.
            for (const std::size_t before : {bytes.size(), std::size_t{300'000}, std::size_t{0}}) {
                const std::string repository =
                    "r" + std::to_string(before) + std::to_string(static_cast<int>(announced));
                const UploadId id = registry.begin(repository, announced);
                if (before > 0) registry.append(repository, id, bytes.substr(0, before));
                registry.commit(repository, id, digest, bytes.substr(before));
                EXPECT_EQ(registry.read(repository, digest), bytes);
            }
            const UploadId id = registry.begin("empty", announced);
            registry.commit("empty", id, Hasher::hash(digest.algorithm(), ""));
        }
    }
}

TEST_P(Uploads, AWrongDigestGivesTheUploadUp) {
    const UploadId id = registry.begin("a");
    registry.append("a", id, "con");
    EXPECT_EQ(code_of([&] { registry.commit("a", id, sha256("wrong"), "tent"); }),
              ErrorCode::digest_invalid);
    EXPECT_EQ(code_of([&] { registry.offset("a", id); }), ErrorCode::blob_upload_unknown);
    EXPECT_EQ(registry.blob("a", sha256("content")), std::nullopt);
    EXPECT_EQ(registry.blob("a", sha256("wrong")), std::nullopt);
    EXPECT_EQ(keys_but_segments(store()).size(), 1u);
}

TEST_P(Uploads, CancelledOnesAreGone) {
    const UploadId id = registry.begin("a");
    registry.append("a", id, "content");
    registry.cancel("a", id);
    EXPECT_EQ(code_of([&] { registry.offset("a", id); }), ErrorCode::blob_upload_unknown);
    EXPECT_EQ(code_of([&] { registry.cancel("a", id); }), ErrorCode::blob_upload_unknown);
    EXPECT_EQ(code_of([&] { registry.append("a", id, "x"); }), ErrorCode::blob_upload_unknown);
    EXPECT_EQ(keys_but_segments(store()).size(), 1u);
}

TEST_P(Uploads, ABodyThatBreaksOffKeepsWhatCameAndGoesOn) {
    const UploadId id = registry.begin("a");
    ScriptedBody first({"con", "te", break_off()});
    EXPECT_EQ(code_of([&] { registry.append("a", id, first); }), ErrorCode::truncated);
    EXPECT_EQ(registry.offset("a", id), 5u);
    registry.append("a", id, "nt", 5);
    ScriptedBody second({" and", break_off()});
    EXPECT_EQ(code_of([&] { registry.commit("a", id, sha256("content and more"), &second); }),
              ErrorCode::truncated);
    EXPECT_EQ(registry.offset("a", id), 11u);
    registry.commit("a", id, sha256("content and more"), " more");
    EXPECT_EQ(registry.read("a", sha256("content and more")), "content and more");
}

TEST_P(Uploads, ASecondWriterIsRefusedAndDisturbsNothing) {
    const UploadId id = registry.begin("a");
    registry.append("a", id, "c");
    const auto intrude = [&] {
        EXPECT_EQ(code_of([&] { registry.append("a", id, "x"); }), ErrorCode::blob_upload_invalid);
        EXPECT_EQ(code_of([&] { registry.commit("a", id, sha256("c")); }),
                  ErrorCode::blob_upload_invalid);
        EXPECT_EQ(code_of([&] { registry.cancel("a", id); }), ErrorCode::blob_upload_invalid);
        EXPECT_EQ(registry.offset("a", id), 1u) << "what was there before the request";
        EXPECT_EQ(registry.expire(), 0u);
    };
    ScriptedBody body({"on", intrude, "tent"});
    EXPECT_EQ(registry.append("a", id, body), 7u);
    registry.commit("a", id, sha256("content"));
}

TEST_P(Uploads, OfManyConcurrentWritersEachIsRefusedOrComesWhole) {
    const UploadId id = registry.begin("a");
    const std::string piece = test_bytes(50'000);
    std::atomic<int> accepted = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int round = 0; round < 10; ++round) {
                try {
                    registry.append("a", id, piece);
                    ++accepted;
                } catch (const Error& error) {
                    EXPECT_EQ(error.code(), ErrorCode::blob_upload_invalid);
                }
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(registry.offset("a", id), static_cast<std::uint64_t>(accepted) * piece.size());
    std::string all;
    for (int i = 0; i < accepted; ++i) all += piece;
    registry.commit("a", id, sha256(all));
    EXPECT_EQ(registry.read("a", sha256(all)), all);
}

TEST_P(Uploads, IdleOnesExpireAndBusyOnesDoNot) {
    RegistryOptions options;
    options.upload_idle_limit = 1s;
    const BlockingRegistry hasty = open(options);
    const UploadId idle = hasty.begin("a");
    hasty.append("a", idle, "content");
    const UploadId busy = hasty.begin("a");
    EXPECT_EQ(hasty.expire(), 0u);
    std::this_thread::sleep_for(600ms);
    hasty.append("a", busy, "content");
    std::this_thread::sleep_for(600ms);
    EXPECT_EQ(hasty.expire(), 1u);
    EXPECT_EQ(code_of([&] { hasty.offset("a", idle); }), ErrorCode::blob_upload_unknown);
    EXPECT_EQ(hasty.offset("a", busy), 7u);
}

TEST_P(Uploads, EverySizeAroundTheBuffersWorksWithAndWithoutAPool) {
    RegistryOptions plain;
    plain.buffer_size = 4096;
    plain.max_buffers = 6;
    RegistryOptions pooled = plain;
    pooled.pool = std::make_shared<WorkPool>(2);
    const std::size_t limit = 128 * 1024;  // from here on the hash runs on the pool
    for (const RegistryOptions& options : {plain, pooled}) {
        const BlockingRegistry other = open(options);
        unsigned seed = options.pool ? 1000 : 0;
        for (const std::size_t size :
             {std::size_t{1}, std::size_t{4095}, std::size_t{4096}, std::size_t{4097},
              std::size_t{8192}, limit - 1, limit, limit + 1, limit + 4096, 3 * limit + 17}) {
            const std::string bytes = test_bytes(size, ++seed);
            EXPECT_EQ(other.read("a", other.push("a", bytes)), bytes) << size;
            const UploadId id = other.begin("b", DigestAlgorithm::sha512);
            other.append("b", id, bytes.substr(0, size / 2));
            other.append("b", id, bytes.substr(size / 2));
            other.commit("b", id, sha512(bytes));
            EXPECT_EQ(other.read("b", sha512(bytes)), bytes) << size;
        }
    }
}

TEST_P(Uploads, ABodyThatBreaksOffGoesOnWithAPoolAsWell) {
    RegistryOptions options;
    options.buffer_size = 4096;
    options.pool = std::make_shared<WorkPool>(2);
    const BlockingRegistry pooled = open(options);
    const std::string bytes = test_bytes(1'000'000);
    const UploadId id = pooled.begin("a");
    ScriptedBody body({bytes.substr(0, 600'000), break_off()});
    EXPECT_EQ(code_of([&] { pooled.append("a", id, body); }), ErrorCode::truncated);
    EXPECT_EQ(pooled.offset("a", id), 600'000u);
    pooled.append("a", id, bytes.substr(600'000), 600'000);
    pooled.commit("a", id, sha256(bytes));
    EXPECT_EQ(pooled.read("a", sha256(bytes)), bytes);
}

TEST_P(Uploads, ManyAtOnceShareFewBuffers) {
    RegistryOptions options;
    options.buffer_size = 8192;
    options.max_buffers = 3;
    options.pool = std::make_shared<WorkPool>(2);
    const BlockingRegistry pooled = open(options);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 6; ++i) {
        threads.emplace_back([&, i] {
            const std::string bytes = test_bytes(400'000 + i, i);
            EXPECT_EQ(pooled.read("a", pooled.push("a", bytes)), bytes);
        });
    }
    for (std::thread& thread : threads) thread.join();
}

TEST_P(Uploads, ARepositorysDeletionGivesItsUploadsUp) {
    TestImage("x").push(registry, "a", "latest");
    const UploadId id = registry.begin("a");
    registry.append("a", id, "content");
    registry.remove_repository("a");
    EXPECT_EQ(code_of([&] { registry.append("a", id, "x"); }), ErrorCode::blob_upload_unknown);
}

}  // namespace
}  // namespace pkgreg
