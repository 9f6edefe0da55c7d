// The contract suite on buckets of a real server, whose address is in the environment
// (tests/clients/with_s3_server.py starts one), and what only such a store does.
#include "pkgreg/error.hpp"
#include "pkgreg/s3_store.hpp"

#include "base/random_id.hpp"
#include "store/contract.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace pkgreg {
namespace {

std::string setting(const char* name) {
    const char* const value = std::getenv((std::string("PKGREG_TEST_S3_") + name).c_str());
    return value ? value : "";
}

/// A place of its own in the bucket.
S3StoreOptions options_of_server() {
    S3StoreOptions options;
    options.endpoint = setting("ENDPOINT");
    options.region = setting("REGION");
    options.bucket = setting("BUCKET");
    options.path = "contract/" + random_id();
    options.credentials.access_key_id = setting("ACCESS_KEY");
    options.credentials.secret_access_key = setting("SECRET_KEY");
    options.part_size = std::size_t{5} << 20;
    return options;
}

StoreUnderTest in_bucket(const std::vector<std::string>& keys) {
    StoreUnderTest made{nullptr, open_s3_store(options_of_server())};
    const auto fill = [&](std::size_t first) {
        for (std::size_t i = first; i < keys.size(); i += 8) {
            run_blocking(made.store->put(ObjectKey(keys[i]), keys[i]));
        }
    };
    at_once(8, fill);
    return made;
}

std::string name_of_parameters(const testing::TestParamInfo<ContractParameters>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Store, ObjectStoreContract,
                         testing::Values(ContractParameters{"s3", in_bucket, 1100, 5,
                                                            std::size_t{20} << 20}),
                         name_of_parameters);

class S3Store : public testing::Test {
 protected:
    std::shared_ptr<ObjectStore> store = open_s3_store(options_of_server());

    std::unique_ptr<ObjectUpload> begin(ObjectStore& in, const std::string& key) {
        return run_blocking(in.begin_upload(ObjectKey(key)));
    }
    static void append(ObjectUpload& upload, std::string_view bytes) {
        run_blocking(upload.append(std::as_bytes(std::span(bytes)), nullptr));
    }
};

TEST_F(S3Store, SizesAroundThePartsComeBackWhole) {
    constexpr std::size_t part = std::size_t{5} << 20;
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, part - 1, part, part + 1, 2 * part, 3 * part + 17}) {
        SCOPED_TRACE(size);
        const std::string bytes = test_bytes(size, static_cast<unsigned>(size));
        auto upload = begin(*store, "key");
        for (std::size_t i = 0; i < size; i += 700'000) {
            append(*upload, std::string_view(bytes).substr(i, 700'000));
        }
        EXPECT_EQ(upload->size(), size);
        run_blocking(store->publish(std::move(upload), ObjectKey("key")));
        const auto reader = run_blocking(store->open(ObjectKey("key"), ByteRange()));
        EXPECT_EQ(reader->object_size(), size);
        EXPECT_TRUE(read_all(*reader) == bytes);
    }
}

TEST_F(S3Store, BytesReceivedIntoItsOwnMemoryComeBackWhole) {
    const std::string bytes = test_bytes(std::size_t{13} << 20);
    auto upload = begin(*store, "key");
    std::size_t at = 0;
    while (at < bytes.size()) {
        UploadBuffer buffer = run_blocking(upload->buffer());
        ASSERT_FALSE(buffer.room.empty());
        const std::size_t n =
            std::min({buffer.room.size(), std::size_t{300'000}, bytes.size() - at});
        std::memcpy(buffer.room.data(), bytes.data() + at, n);
        run_blocking(upload->append(buffer.room.first(n), buffer.owner));
        at += n;
    }
    run_blocking(store->publish(std::move(upload), ObjectKey("key")));
    EXPECT_TRUE(read_all(*run_blocking(store->open(ObjectKey("key"), ByteRange()))) == bytes);
}

TEST_F(S3Store, OneThatIsExclusiveKeepsAnotherOutUntilItIsGone) {
    S3StoreOptions options = options_of_server();
    options.exclusive = true;
    auto first = open_s3_store(options);
    EXPECT_TRUE(first->capabilities().exclusive);
    run_blocking(first->put(ObjectKey("key"), "bytes"));
    const auto second = open_s3_store(options);
    try {
        run_blocking(second->get(ObjectKey("key")));
        ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::unavailable);
        EXPECT_THAT(error.message(), testing::HasSubstr("service.instances"));
    }
    EXPECT_EQ(run_blocking(first->list("", "", 10)).keys, std::vector<std::string>{"key"});
    first.reset();
    EXPECT_EQ(*run_blocking(second->get(ObjectKey("key"))), "bytes");
}

TEST_F(S3Store, ObjectsOfAllSizesArePutTogetherAsTheyAre) {
    constexpr std::size_t mib = std::size_t{1} << 20;
    const std::vector<std::vector<std::size_t>> cases = {
        {mib, 7 * mib, 100'000, 100'000, 6 * mib, 12 * mib + 5, 3},
        {5 * mib, 5 * mib, 1},
        {1, 2, 3},
        {1, 12 * mib},
        {12 * mib, 5 * mib - 1, 5 * mib - 1, 5 * mib - 1}};
    for (const auto& sizes : cases) {
        std::string all;
        std::vector<ObjectPiece> pieces;
        for (const std::size_t size : sizes) {
            const std::string bytes = test_bytes(size, static_cast<unsigned>(size + pieces.size()));
            const ObjectKey key("piece/" + std::to_string(pieces.size()));
            auto upload = begin(*store, key.str());
            append(*upload, bytes);
            run_blocking(store->publish(std::move(upload), key));
            pieces.push_back({key, size});
            all += bytes;
        }
        ASSERT_TRUE(run_blocking(store->concatenate(pieces, ObjectKey("whole"))));
        const auto reader = run_blocking(store->open(ObjectKey("whole"), ByteRange()));
        ASSERT_TRUE(reader);
        EXPECT_TRUE(read_all(*reader) == all) << sizes.size() << " pieces";
    }
    EXPECT_TRUE(run_blocking(store->list_unfinished()).empty());
}

TEST_F(S3Store, APieceThatIsNotAsItWasIsRefusedAndNothingIsWritten) {
    run_blocking(store->put(ObjectKey("piece/0"), "bytes"));
    const std::vector<ObjectPiece> longer = {{ObjectKey("piece/0"), 6}, {ObjectKey("piece/0"), 5}};
    const std::vector<ObjectPiece> missing = {{ObjectKey("piece/0"), 5}, {ObjectKey("no"), 5}};
    for (const auto& pieces : {longer, missing}) {
        EXPECT_THROW(run_blocking(store->concatenate(pieces, ObjectKey("whole"))), Error);
        EXPECT_FALSE(run_blocking(store->head(ObjectKey("whole"))));
    }
}

TEST_F(S3Store, AnUploadThatIsGivenUpLeavesNothing) {
    {
        auto upload = begin(*store, "key");
        append(*upload, test_bytes(std::size_t{12} << 20));
    }
    EXPECT_FALSE(run_blocking(store->head(ObjectKey("key"))));
    for (int i = 0; i < 100; ++i) {
        if (run_blocking(store->list_unfinished()).empty()) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << "a multipart upload is left";
}

TEST_F(S3Store, UnfinishedUploadsAreToldAndGivenUp) {
    auto upload = begin(*store, "some/key");
    append(*upload, test_bytes(std::size_t{12} << 20));
    const auto unfinished = run_blocking(store->list_unfinished());
    ASSERT_EQ(unfinished.size(), 1u);
    EXPECT_EQ(unfinished.front().key, "some/key");
    EXPECT_GT(unfinished.front().begun, 0);
    run_blocking(upload->flush());
    run_blocking(store->remove_unfinished(unfinished.front()));
    EXPECT_TRUE(run_blocking(store->list_unfinished()).empty());
    EXPECT_NE(
        code_of([&] { run_blocking(store->publish(std::move(upload), ObjectKey("some/key"))); }),
        ErrorCode::ok);
}

TEST_F(S3Store, IsFullAfterTheLastPartThatAnObjectMayHave) {
    S3StoreOptions options = options_of_server();
    options.parts_per_object = 2;
    const auto small = open_s3_store(options);
    auto upload = begin(*small, "key");
    const std::string bytes = test_bytes(std::size_t{10} << 20);
    append(*upload, std::string_view(bytes).substr(0, bytes.size() - 1));
    EXPECT_FALSE(upload->full());
    append(*upload, std::string_view(bytes).substr(bytes.size() - 1));
    EXPECT_TRUE(upload->full());
    run_blocking(small->publish(std::move(upload), ObjectKey("key")));
    EXPECT_TRUE(read_all(*run_blocking(small->open(ObjectKey("key"), ByteRange()))) == bytes);
}

TEST_F(S3Store, ManyUploadsShareFewParts) {
    S3StoreOptions options = options_of_server();
    options.max_parts = 3;
    const auto small = open_s3_store(options);
    at_once(6, [&](std::size_t i) {
        const std::string bytes = test_bytes((std::size_t{6} << 20) + i, static_cast<unsigned>(i));
        const ObjectKey key("key" + std::to_string(i));
        auto upload = run_blocking(small->begin_upload(key));
        append(*upload, bytes);
        run_blocking(small->publish(std::move(upload), key));
        EXPECT_TRUE(read_all(*run_blocking(small->open(key, ByteRange()))) == bytes);
    });
}

TEST_F(S3Store, ListingsTellSizesAndTimes) {
    run_blocking(store->put(ObjectKey("a/1"), "one"));
    run_blocking(store->put(ObjectKey("a/2"), "three"));
    const ListPage page = run_blocking(store->list("a/", "", 10));
    ASSERT_EQ(page.infos.size(), 2u);
    EXPECT_EQ(page.infos[0].size, 3u);
    EXPECT_EQ(page.infos[1].size, 5u);
    EXPECT_GT(page.infos[0].modified, std::int64_t{1'700'000'000} * 1'000'000'000);
}

TEST_F(S3Store, APathKeepsRegistriesApart) {
    const auto other = open_s3_store(options_of_server());
    run_blocking(store->put(ObjectKey("key"), "mine"));
    EXPECT_FALSE(run_blocking(other->get(ObjectKey("key"))));
    EXPECT_TRUE(run_blocking(other->list("", "", 10)).keys.empty());
}

}  // namespace
}  // namespace pkgreg
