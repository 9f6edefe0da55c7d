// Uploads and blobs where the storage is shared: any instance goes on from what another one wrote,
// content lies in segments, and what is left behind is found.
#include "base/unique_fd.hpp"
#include "registry/engine_test.hpp"
#include "registry/two_instances.hpp"
#include "registry/upload_states.hpp"

#include <chrono>
#include <span>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace pkgreg {
namespace {

using namespace std::chrono_literals;

const RepositoryName repository = RepositoryName::parse("a/b");

UploadStatus append_to(const BlockingRegistry& registry, const UploadId& id, std::string_view bytes,
                       std::optional<std::uint64_t> offset = {}) {
    MemoryBody body(bytes);
    return run_blocking((*registry).append_upload(repository, id, offset, body));
}
UploadId begin_at(const BlockingRegistry& registry) {
    return run_blocking((*registry).begin_upload(repository)).id;
}
UploadStatus status_of(const BlockingRegistry& registry, const UploadId& id) {
    return run_blocking((*registry).upload_status(repository, id));
}
BlobInfo commit_at(const BlockingRegistry& registry, const UploadId& id, std::string_view all,
                   std::string_view rest = {}) {
    MemoryBody body(rest);
    return run_blocking((*registry).commit_upload(repository, id, sha256(all), {}, &body));
}

std::vector<std::string> keys_below(ObjectStore& store, const std::string& prefix) {
    std::vector<std::string> keys = all_keys(store);
    std::erase_if(keys, [&](const std::string& key) { return !key.starts_with(prefix); });
    return keys;
}

/// Pushes content in pieces of that size.
Digest push_in_pieces(const BlockingRegistry& registry, const std::string& bytes,
                      std::size_t piece) {
    UploadId id = begin_at(registry);
    for (std::size_t i = 0; i < bytes.size(); i += piece) {
        id = append_to(registry, id, std::string_view(bytes).substr(i, piece)).id;
    }
    return commit_at(registry, id, bytes).digest;
}

TEST(SharedUploads, GoOnAtAnotherInstanceWithEveryPiece) {
    TwoInstances both;
    const std::string bytes = test_bytes(1'000'000);
    UploadId id = begin_at(both.first);
    for (std::size_t i = 0; i < 10; ++i) {
        const BlockingRegistry& there = i % 2 == 0 ? both.second : both.first;
        const UploadStatus status =
            append_to(there, id, bytes.substr(i * 90'000, 90'000), i * 90'000);
        EXPECT_EQ(status.offset, (i + 1) * 90'000);
        EXPECT_NE(status.id, id);
        id = status.id;
        EXPECT_EQ(status_of(both.first, id).offset, status.offset);
        EXPECT_EQ(status_of(both.second, id).id, id);
    }
    commit_at(both.second, id, bytes, bytes.substr(900'000));
    EXPECT_EQ(both.first.read("a/b", sha256(bytes)), bytes);
    EXPECT_TRUE(keys_below(*both.memory, "uploads/").empty());
    EXPECT_EQ(code_of([&] { append_to(both.second, id, "x"); }), ErrorCode::blob_upload_unknown);
}

TEST(SharedUploads, AStaleOrRepeatedRequestDamagesNothing) {
    TwoInstances both;
    const UploadId begun = begin_at(both.first);
    const UploadStatus first = append_to(both.first, begun, "con", 0);
    // The answer was lost, so the client sends it again, to another instance.
    const UploadStatus again = append_to(both.second, begun, "con", 0);
    EXPECT_EQ(again.offset, 3u);
    const UploadStatus second = append_to(both.second, first.id, "tent", 3);
    append_to(both.first, begun, "something else");
    EXPECT_EQ(code_of([&] { append_to(both.first, begun, "x", 3); }), ErrorCode::range_invalid);
    EXPECT_EQ(commit_at(both.first, second.id, "content").size, 7u);
    EXPECT_EQ(both.second.read("a/b", sha256("content")), "content");
    EXPECT_EQ(commit_at(both.first, again.id, "content", "tent").size, 7u);
}

TEST(SharedUploads, ACommitThatComesAgainIsUnknownAlsoWhereARepeatedRequestLeftAState) {
    TwoInstances both;
    const UploadId begun = begin_at(both.first);
    const UploadStatus first = append_to(both.first, begun, "con", 0);
    append_to(both.second, begun, "con", 0);
    const UploadStatus second = append_to(both.first, first.id, "tent", 3);
    commit_at(both.first, second.id, "content");
    EXPECT_EQ(code_of([&] { commit_at(both.second, second.id, "content"); }),
              ErrorCode::blob_upload_unknown);
}

TEST(SharedUploads, AClientThatLostItsPlaceIsToldTheFurthestOne) {
    TwoInstances both;
    const UploadId begun = begin_at(both.first);
    const UploadStatus first = append_to(both.first, begun, "con");
    const UploadStatus second = append_to(both.first, first.id, "te");
    for (const UploadId& id : {begun, first.id, second.id, begun.substr(0, 36)}) {
        const UploadStatus status = status_of(both.second, id);
        EXPECT_EQ(status.offset, 5u);
        EXPECT_EQ(status.id, second.id);
    }
}

TEST(SharedUploads, ABodyThatBreaksOffGoesOnElsewhere) {
    TwoInstances both;
    const UploadId begun = begin_at(both.first);
    ScriptedBody body({"con", "te", break_off()});
    EXPECT_EQ(code_of([&] { both.first.append("a/b", begun, body); }), ErrorCode::truncated);
    const UploadStatus status = status_of(both.second, begun);
    EXPECT_EQ(status.offset, 5u);
    commit_at(both.second, status.id, "content", "nt");
}

TEST(SharedUploads, ACommitThatTheStorageFailedCanBeTriedAgain) {
    for (int step = 0; step < 100; ++step) {
        SCOPED_TRACE(step);
        TwoInstances both;
        const UploadId id = append_to(both.first, begin_at(both.first), "content").id;
        int steps = 0;
        both.first_store->after_each_verb([&] {
            if (steps++ == step) throw Error(ErrorCode::unavailable, "the storage is away");
        });
        std::optional<Error> failed;
        try {
            commit_at(both.first, id, "content");
        } catch (const Error& error) {
            failed = error;
        }
        both.first_store->after_each_verb(nullptr);
        if (steps <= step) return;  // every step of a commit has failed once
        if (failed) {
            EXPECT_EQ(failed->code(), ErrorCode::unavailable);
            commit_at(both.second, id, "content");
        }
        EXPECT_EQ(both.second.read("a/b", sha256("content")), "content");
    }
    ADD_FAILURE() << "a commit has too many steps";
}

TEST(SharedUploads, WhatStoodStillForTooLongIsOver) {
    TwoInstances both;
    RegistryOptions options;
    options.upload_idle_limit = 1s;
    const BlockingRegistry hasty(both.first_store, options);
    const UploadId id = append_to(hasty, begin_at(hasty), "content").id;
    std::this_thread::sleep_for(1100ms);
    EXPECT_EQ(code_of([&] { append_to(hasty, id, "x"); }), ErrorCode::blob_upload_unknown);
    EXPECT_EQ(code_of([&] { commit_at(hasty, id, "content"); }), ErrorCode::blob_upload_unknown);
}

TEST(SharedUploads, IdsOfAnotherFormAreUnknown) {
    TwoInstances both;
    const UploadId id = begin_at(both.first);
    for (const std::string& wrong :
         {std::string(), id.substr(0, 35), id + "x/y", id.substr(0, 37),
          id.substr(0, 36) + "./format",
          id.substr(0, 36) + "." + std::string(16, '0') + "-000000000000-../x",
          std::string(9999, 'a'), std::string(36, '-')}) {
        EXPECT_EQ(code_of([&] { status_of(both.second, wrong); }), ErrorCode::blob_upload_unknown)
            << wrong;
    }
}

TEST(SharedBlobs, ManySegmentsAreReadAsOneInEveryRange) {
    TwoInstances both;
    const std::string bytes = test_bytes(10'007);
    const Digest digest = push_in_pieces(both.first, bytes, 1000);
    EXPECT_EQ(both.second.blob("a/b", digest)->size, bytes.size());
    EXPECT_EQ(both.second.read("a/b", digest), bytes);
    for (const std::size_t first : {0u, 1u, 999u, 1000u, 1001u, 5500u, 9999u, 10'006u}) {
        for (const std::size_t length : {1u, 2u, 999u, 1000u, 1001u, 4000u, 20'000u}) {
            EXPECT_EQ(
                both.second.read("a/b", digest, ByteRange::between(first, first + length - 1)),
                bytes.substr(first, length));
        }
    }
    EXPECT_EQ(both.second.read("a/b", digest, ByteRange::suffix(1500)), bytes.substr(8507));
}

TEST(SharedBlobs, ManySegmentsGoThroughAPipeAsOne) {
    TwoInstances both;
    const std::string bytes = test_bytes(200'000);
    const Digest digest = push_in_pieces(both.first, bytes, 35'000);
    const ByteRange range = ByteRange::between(1'000, 180'000);
    const auto reader = run_blocking((*both.second).open_blob(repository, digest, range));
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const UniqueFd from(ends[0]);
    const UniqueFd to(ends[1]);
    std::string all;
    std::size_t spliced = 0;
    char buffer[20'000];
    while (true) {
        std::size_t n = run_blocking(reader->splice(to.get(), sizeof buffer));
        spliced += n;
        if (n > 0) {
            ASSERT_EQ(::read(from.get(), buffer, sizeof buffer), static_cast<ssize_t>(n));
        } else {
            n = run_blocking(reader->read(std::as_writable_bytes(std::span(buffer))));
        }
        if (n == 0) break;
        all.append(buffer, n);
    }
    EXPECT_TRUE(all == bytes.substr(1'000, 179'001));
    EXPECT_GE(spliced, 50'000U);
}

TEST(SharedBlobs, ASegmentThatIsMissingIsToldAndNothingWrongIsServed) {
    TwoInstances both;
    const std::string bytes = test_bytes(5000);
    const Digest digest = push_in_pieces(both.first, bytes, 1000);
    const std::vector<std::string> segments = keys_below(*both.memory, "data/");
    ASSERT_EQ(segments.size(), 5u);
    run_blocking(both.memory->remove(ObjectKey(segments[2])));
    try {
        const auto read = both.second.read("a/b", digest);
        EXPECT_EQ(read, std::nullopt);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::corrupt);
    }
}

TEST(SharedBlobs, ContentThatVanishedIsTakenAgain) {
    TwoInstances both;
    const Digest digest = both.first.push("a/b", "content");
    for (const std::string& key : keys_below(*both.memory, "data/")) {
        run_blocking(both.memory->remove(ObjectKey(key)));
    }
    EXPECT_EQ(both.second.blob("a/b", digest), std::nullopt);
    both.second.push("a/b", "content");
    EXPECT_EQ(both.first.read("a/b", digest), "content");
}

TEST(Orphans, AreWhatNothingNamesAndNothingElse) {
    TwoInstances both;
    RegistryOptions options;
    options.upload_idle_limit = 1s;
    options.orphan_grace = 0s;
    const BlockingRegistry hasty(both.first_store, options);
    const Digest whole = both.first.push("a/b", "whole");
    const std::string long_bytes = test_bytes(5000);
    const Digest pieces = push_in_pieces(both.first, long_bytes, 1000);
    const UploadId running = append_to(both.first, begin_at(both.first), "running").id;
    const UploadId given_up = append_to(both.first, begin_at(both.first), "given up").id;
    both.first.cancel("a/b", given_up);
    EXPECT_TRUE(run_blocking((*hasty).list_orphans()).empty()) << "too young";
    std::this_thread::sleep_for(2100ms);

    const std::vector<Orphan> orphans = run_blocking((*hasty).list_orphans());
    ASSERT_EQ(orphans.size(), 1u);
    EXPECT_EQ(orphans.front().kind, Orphan::Kind::segment);
    EXPECT_EQ(orphans.front().size, 8u);
    EXPECT_EQ(run_blocking((*hasty).remove_orphans(orphans)), 1u);
    EXPECT_TRUE(run_blocking((*hasty).list_orphans()).empty());
    EXPECT_EQ(both.second.read("a/b", whole), "whole");
    EXPECT_EQ(both.second.read("a/b", pieces), long_bytes);
    EXPECT_EQ(commit_at(both.second, running, "running").size, 7u);
    EXPECT_EQ(both.second.read("a/b", sha256("running")), "running");
}

TEST(Orphans, AnExpiredUploadLeavesNothing) {
    TwoInstances both;
    RegistryOptions options;
    options.upload_idle_limit = 1s;
    options.orphan_grace = 0s;
    const BlockingRegistry hasty(both.first_store, options);
    append_to(hasty, begin_at(hasty), "content");
    std::this_thread::sleep_for(2100ms);
    EXPECT_EQ(hasty.expire(), 1u);
    const std::vector<Orphan> orphans = run_blocking((*hasty).list_orphans());
    EXPECT_EQ(run_blocking((*hasty).remove_orphans(orphans)), 1u);
    EXPECT_EQ(all_keys(*both.memory), std::vector<std::string>{"format"});
}

TEST(UploadStates, ComeBackAsTheyWereWritten) {
    UploadState state{repository, Hasher(DigestAlgorithm::sha512)};
    state.hasher.update(std::string_view("content"));
    state.segments = {{"abc", 3}, {"def", 4}};
    state.earlier = {"0000000000000000-0192f0000000-abcdefgh"};
    const UploadState read = parse_upload_state(print_upload_state(state), "key");
    EXPECT_EQ(read.repository, state.repository);
    EXPECT_EQ(read.segments, state.segments);
    EXPECT_EQ(read.earlier, state.earlier);
    EXPECT_EQ(read.hasher.digest(), sha512("content"));
}

TEST(UploadStates, DamagedOnesAreRefused) {
    UploadState state{repository, Hasher(DigestAlgorithm::sha256)};
    state.hasher.update(std::string_view("content"));
    state.segments = {{"abc", 7}};
    const std::string good = print_upload_state(state);
    parse_upload_state(good, "key");
    std::vector<std::string> bad = {"", "{}", "[]", good.substr(0, good.size() / 2)};
    const std::pair<std::string, std::string> changes[] = {
        {"\"version\":1", "\"version\":2"}, {"a/b", "A/b"},
        {"\"size\":7", "\"size\":8"},       {"\"abc\"", "\"../abc\""},
        {"\"hash\":\"", "\"hash\":\"0"},    {"[]", "[\"x\"]"}};
    for (const auto& [from, to] : changes) {
        std::string text = good;
        ASSERT_NE(text.find(from), std::string::npos) << from;
        bad.push_back(text.replace(text.find(from), from.size(), to));
    }
    for (const std::string& text : bad) {
        EXPECT_EQ(code_of([&] { parse_upload_state(text, "key"); }), ErrorCode::corrupt) << text;
    }
}

// Blobs of many small segments are put together.

TEST(SharedUploads, ManySmallSegmentsAreMergedIntoOne) {
    TwoInstances both;
    const std::string bytes = test_bytes(900'000);
    const Digest digest = push_in_pieces(both.first, bytes, 100'000);
    EXPECT_EQ(keys_below(*both.memory, "data/").size(), 9u);
    EXPECT_EQ(run_blocking((*both.first).merge_segments()), 1u);
    EXPECT_EQ(keys_below(*both.memory, "blobs/").size(), 1u);
    EXPECT_EQ(both.first.read("a/b", digest), bytes);
    EXPECT_EQ(both.second.read("a/b", digest), bytes);
    EXPECT_EQ(both.second.read("a/b", digest, *ByteRange::try_parse("bytes=350000-449999")),
              bytes.substr(350'000, 100'000));
    EXPECT_EQ(run_blocking((*both.first).merge_segments()), 0u);
}

TEST(SharedUploads, AFewSegmentsAreLeftAsTheyAre) {
    TwoInstances both;
    push_in_pieces(both.first, test_bytes(700'000), 100'000);
    EXPECT_EQ(run_blocking((*both.first).merge_segments()), 0u);
    EXPECT_EQ(keys_below(*both.memory, "data/").size(), 7u);
}

TEST(SharedUploads, AReaderGoesOnWhileTheSegmentsAreMerged) {
    TwoInstances both;
    const std::string bytes = test_bytes(900'000);
    const Digest digest = push_in_pieces(both.first, bytes, 100'000);
    const auto reader = run_blocking((*both.second).open_blob(repository, digest));
    std::string start(50'000, '\0');
    run_blocking(reader->read(std::as_writable_bytes(std::span(start))));
    EXPECT_EQ(run_blocking((*both.first).merge_segments()), 1u);
    std::string rest;
    std::string buffer(100'000, '\0');
    while (const std::size_t n =
               run_blocking(reader->read(std::as_writable_bytes(std::span(buffer))))) {
        rest.append(buffer, 0, n);
    }
    EXPECT_EQ(start.substr(0, bytes.size() - rest.size()) + rest, bytes);
}

TEST(SharedUploads, TwoInstancesThatMergeTheSameBlobDoNoHarm) {
    TwoInstances both;
    const std::string bytes = test_bytes(900'000);
    const Digest digest = push_in_pieces(both.first, bytes, 100'000);
    push_in_pieces(both.second, bytes, 100'000);
    run_blocking((*both.first).merge_segments());
    run_blocking((*both.second).merge_segments());
    EXPECT_EQ(both.first.read("a/b", digest), bytes);
    EXPECT_EQ(both.second.read("a/b", digest), bytes);
}

TEST(SharedUploads, OldSegmentsOfAMergedBlobAreOrphansAndTheNewOneIsNot) {
    const std::shared_ptr<ObjectStore> memory = make_memory_store();
    RegistryOptions options;
    options.upload_idle_limit = 0s;
    options.orphan_grace = 0s;
    const BlockingRegistry hasty(std::make_shared<ManyWritersStore>(memory), options);
    const BlockingRegistry patient(std::make_shared<ManyWritersStore>(memory));
    const std::string bytes = test_bytes(900'000);
    const Digest digest = push_in_pieces(patient, bytes, 100'000);
    // A look at all blobs finds those that an instance pushed which is no more.
    EXPECT_TRUE(run_blocking((*hasty).list_orphans()).empty());
    EXPECT_EQ(run_blocking((*hasty).merge_segments()), 1u);
    const std::vector<Orphan> orphans = run_blocking((*hasty).list_orphans());
    EXPECT_EQ(orphans.size(), 9u);
    EXPECT_EQ(run_blocking((*hasty).remove_orphans(orphans)), 9u);
    EXPECT_EQ(patient.read("a/b", digest), bytes);
    EXPECT_EQ(keys_below(*memory, "data/").size(), 1u);
}

}  // namespace
}  // namespace pkgreg
