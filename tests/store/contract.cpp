#include "store/contract.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <latch>
#include <set>
#include <thread>

namespace pkgreg {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ObjectStoreContract);

std::string read_all(ObjectReader& reader, std::size_t step) {
    std::string bytes;
    std::string part(step, '\0');
    while (true) {
        const std::size_t n = run_blocking(reader.read(std::as_writable_bytes(std::span(part))));
        if (n == 0) return bytes;
        bytes.append(part, 0, n);
    }
}

std::string test_bytes(std::size_t size, unsigned seed) {
    std::string bytes(size, '\0');
    std::uint64_t state = seed + 1;
    for (char& c : bytes) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        c = static_cast<char>(state >> 56);
    }
    return bytes;
}

void at_once(std::size_t count, const std::function<void(std::size_t)>& body) {
    std::latch start(static_cast<std::ptrdiff_t>(count));
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) {
        threads.emplace_back([&, i] {
            start.arrive_and_wait();
            try {
                body(i);
            } catch (const std::exception& e) {
                ADD_FAILURE() << "thread " << i << ": " << e.what();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
}

namespace {

using Keys = std::vector<std::string>;

std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

/// Appends a copy of `bytes`, given away to the upload as a buffer of a pool would be.
void append_owned(ObjectUpload& upload, std::string_view bytes) {
    const auto owner = std::make_shared<const std::string>(bytes);
    run_blocking(upload.append(as_bytes(*owner), owner));
}

void append_borrowed(ObjectUpload& upload, std::string_view bytes) {
    run_blocking(upload.append(as_bytes(bytes), nullptr));
}

Keys first_keys_with(const std::set<std::string>& keys, std::string_view prefix,
                     std::string_view start_after, std::size_t limit) {
    Keys expected;
    for (const std::string& key : keys) {
        if (expected.size() == limit) break;
        if (key.starts_with(prefix) && key > start_after) expected.push_back(key);
    }
    return expected;
}

}  // namespace

// One object

TEST_P(ObjectStoreContract, what_was_put_is_given_back) {
    put("a/b/c", "hello");
    EXPECT_EQ(get("a/b/c"), "hello");
    const auto info = head("a/b/c");
    ASSERT_TRUE(info);
    EXPECT_EQ(info->size, 5U);
    EXPECT_FALSE(info->etag.empty());
    const auto reader = open("a/b/c");
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->object_size(), 5U);
    EXPECT_EQ(read_all(*reader), "hello");
}

TEST_P(ObjectStoreContract, what_was_never_put_is_not_there) {
    put("a/b/c", "hello");
    for (const char* const key :
         {"x", "a/b/d", "a/c/c", "a/b/c/d", "a/b", "a", "a/b/cc", "A/b/c"}) {
        EXPECT_FALSE(head(key)) << key;
        EXPECT_FALSE(get(key)) << key;
        EXPECT_FALSE(open(key)) << key;
        EXPECT_EQ(code_of([&] { run_blocking(store().sync(ObjectKey(key))); }),
                  ErrorCode::not_found)
            << key;
    }
}

TEST_P(ObjectStoreContract, absence_is_found_also_after_a_listing) {
    put("a/b/c", "hello");
    EXPECT_EQ(list(""), Keys{"a/b/c"});
    EXPECT_EQ(list("a/x/"), Keys{});
    EXPECT_FALSE(get("a/b/d"));
    EXPECT_FALSE(head("a/x/y"));
    EXPECT_FALSE(open("b"));
    put("a/x/y", "now");
    EXPECT_EQ(get("a/x/y"), "now");
    EXPECT_TRUE(head("a/x/y"));
}

TEST_P(ObjectStoreContract, a_put_replaces_and_changes_the_etag) {
    std::set<std::string> etags;
    std::string last;
    for (int i = 0; i < 20; ++i) {
        const std::string value = "value " + std::to_string(i % 2);
        put("key", value);
        EXPECT_EQ(get("key"), value);
        const std::string etag = head("key")->etag;
        EXPECT_NE(etag, last);
        last = etag;
        etags.insert(etag);
        EXPECT_EQ(read_all(*open("key")), value);
    }
    // A condition must not hold for content that was there before and came back.
    if (store().capabilities().if_match) {
        EXPECT_EQ(etags.size(), 20U);
    }
    EXPECT_EQ(list(""), Keys{"key"});
}

TEST_P(ObjectStoreContract, the_etag_stays_while_the_object_does) {
    put("key", "value");
    const std::string etag = head("key")->etag;
    get("key");
    put("other", "value");
    run_blocking(store().sync(ObjectKey("key")));
    EXPECT_EQ(head("key")->etag, etag);
}

TEST_P(ObjectStoreContract, a_removed_object_is_gone) {
    put("a/b/c", "1");
    put("a/b/d", "2");
    EXPECT_TRUE(remove("a/b/c"));
    EXPECT_FALSE(get("a/b/c"));
    EXPECT_FALSE(head("a/b/c"));
    EXPECT_EQ(list(""), Keys{"a/b/d"});
    EXPECT_TRUE(remove("a/b/d"));
    EXPECT_EQ(list(""), Keys{});
    put("a/b/c", "3");
    EXPECT_EQ(get("a/b/c"), "3");
}

TEST_P(ObjectStoreContract, an_empty_object_is_an_object) {
    put("empty", "");
    EXPECT_EQ(get("empty"), "");
    EXPECT_EQ(head("empty")->size, 0U);
    const auto reader = open("empty");
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->interval(), (ByteInterval{0, 0}));
    EXPECT_EQ(read_all(*reader), "");
    EXPECT_FALSE(open("empty", ByteRange::from(0))->interval());
    EXPECT_FALSE(open("empty", ByteRange::suffix(5))->interval());
    publish(begin_upload("uploaded"), "uploaded");
    EXPECT_EQ(get("uploaded"), "");
    EXPECT_EQ(list(""), (Keys{"empty", "uploaded"}));
}

TEST_P(ObjectStoreContract, sync_accepts_what_is_there) {
    put("a/key", "value");
    run_blocking(store().sync(ObjectKey("a/key")));
    EXPECT_EQ(get("a/key"), "value");
}

TEST_P(ObjectStoreContract, what_is_too_large_for_get_is_refused_but_opens) {
    const std::string bytes = test_bytes(std::size_t{9} << 20);
    auto upload = begin_upload("large");
    append_borrowed(*upload, bytes);
    publish(std::move(upload), "large");
    EXPECT_EQ(code_of([&] { get("large"); }), ErrorCode::too_large);
    EXPECT_TRUE(read_all(*open("large")) == bytes);
}

TEST_P(ObjectStoreContract, keys_are_refused_by_type) {
    for (const char* const text :
         {"", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a/.b", ".lock", ".tmp/x", "a b",
          "a\\b", "a\nb", "a%b", "\xc3\xa4", "a\xff"}) {
        EXPECT_FALSE(ObjectKey::try_parse(text)) << text;
        EXPECT_EQ(code_of([&] { ObjectKey key{std::string(text)}; }), ErrorCode::invalid_argument);
    }
    EXPECT_FALSE(ObjectKey::try_parse(std::string("a\0b", 3)));
    EXPECT_FALSE(ObjectKey::try_parse(std::string(256, 'a')));
    EXPECT_FALSE(ObjectKey::try_parse(std::string(901, 'a')));
}

TEST_P(ObjectStoreContract, the_longest_keys_work) {
    const std::string component(255, 'x');
    const std::string key =
        component + "/" + component + "/" + component + "/" + std::string(100, 'y');
    const std::string all = "A-Z/a+z,0-9._=@~!/B";
    put(key, "long");
    put(all, "odd");
    EXPECT_EQ(get(key), "long");
    EXPECT_EQ(get(all), "odd");
    EXPECT_EQ(list(""), (Keys{all, key}));
    EXPECT_TRUE(remove(key));
    EXPECT_EQ(list(""), Keys{all});
}

// Ranges

TEST_P(ObjectStoreContract, ranges_select_what_http_says) {
    for (const std::size_t size : {std::size_t{10}, std::size_t{300'000}}) {
        const std::string bytes = test_bytes(size);
        const std::string key = "size/" + std::to_string(size);
        put(key, bytes);
        const auto n = static_cast<std::uint64_t>(size);
        const ByteRange ranges[] = {ByteRange(),
                                    ByteRange::from(0),
                                    ByteRange::from(3),
                                    ByteRange::from(n - 1),
                                    ByteRange::from(n),
                                    ByteRange::from(n + 1),
                                    ByteRange::suffix(1),
                                    ByteRange::suffix(4),
                                    ByteRange::suffix(n),
                                    ByteRange::suffix(n + 5),
                                    ByteRange::suffix(0),
                                    ByteRange::between(0, 0),
                                    ByteRange::between(2, 5),
                                    ByteRange::between(5, n + 100),
                                    ByteRange::between(n - 1, n - 1),
                                    ByteRange::between(n, n + 3)};
        for (const ByteRange& range : ranges) {
            const auto reader = open(key, range);
            ASSERT_TRUE(reader);
            EXPECT_EQ(reader->object_size(), n);
            const auto expected = range.resolve(n);
            ASSERT_EQ(reader->interval(), expected);
            EXPECT_TRUE(read_all(*reader, size / 7 + 1) ==
                        (expected ? bytes.substr(expected->offset, expected->length) : ""));
        }
    }
}

TEST_P(ObjectStoreContract, a_reader_shows_its_unread_rest_without_copying) {
    for (const std::size_t size : {std::size_t{1000}, std::size_t{300'000}}) {
        const std::string bytes = test_bytes(size);
        put("key", bytes);
        const auto reader = open("key", ByteRange::between(100, size - 101));
        std::string head_part(50, '\0');
        ASSERT_EQ(run_blocking(reader->read(std::as_writable_bytes(std::span(head_part)))), 50U);
        EXPECT_EQ(head_part, bytes.substr(100, 50));
        const std::string rest = bytes.substr(150, size - 250);
        if (const auto memory = reader->memory()) {
            ASSERT_EQ(memory->size(), rest.size());
            EXPECT_EQ(std::memcmp(memory->data(), rest.data(), rest.size()), 0);
        }
        if (const auto file = reader->file()) {
            EXPECT_GE(file->fd, 0);
            EXPECT_EQ(file->offset, 150U);
            EXPECT_EQ(file->length, rest.size());
        }
        EXPECT_TRUE(read_all(*reader) == rest);
    }
}

TEST_P(ObjectStoreContract, reading_into_nothing_reads_nothing) {
    put("key", "value");
    const auto reader = open("key");
    EXPECT_EQ(run_blocking(reader->read({})), 0U);
    EXPECT_EQ(read_all(*reader), "value");
    char byte;
    EXPECT_EQ(run_blocking(reader->read(std::as_writable_bytes(std::span(&byte, 1)))), 0U);
}

// Listings

TEST_P(ObjectStoreContract, a_listing_is_in_byte_order_wherever_the_prefix_is_cut) {
    const std::set<std::string> keys = {
        "a",           "a+b",   "a,b",   "a-b",   "a-c/d", "a.b",   "a.c/c/d", "a0",
        "aa/b",        "b!/x",  "b/a+",  "b/a,",  "b/a-",  "b/a.",  "b/a/x",   "b/a/y/z",
        "b/a0",        "b/a=",  "b/aA",  "b/aa",  "b/a~",  "b/b/+", "b/b/,/-", "b/b/-/x.",
        "c/d/e/f/g/h", "c/d-e", "c/d.e", "c/d0e", "Z",     "_x/y",  "~"};
    // Made through the store in an order of its own, so that the listing's order is its work.
    Keys shuffled(keys.begin(), keys.end());
    std::reverse(shuffled.begin(), shuffled.end());
    std::rotate(shuffled.begin(), shuffled.begin() + 7, shuffled.end());
    for (const std::string& key : shuffled) {
        if (key == "b/a/x") list("b/");  // what listings a store caches, it caches before the rest
        put(key, key);
    }
    std::set<std::string> prefixes = {"", "nothing", "b/a/x/", "b/a/xx", "zz/y/x"};
    for (const std::string& key : keys) {
        for (std::size_t n = 1; n <= key.size(); ++n) {
            if (ObjectKey::is_valid_prefix(key.substr(0, n))) prefixes.insert(key.substr(0, n));
        }
    }
    std::set<std::string> starts = {"",      "!",     "b/",          "b/a",          "b/a-",
                                    "b/a/",  "b/a/x", "b/a/x0",      "b/a/y",        "b/a/y/",
                                    "b/b/-", "c",     "c/d/e/f/g/h", "c/d/e/f/g/h/", "zzz"};
    for (const std::string& prefix : prefixes) {
        EXPECT_EQ(list(prefix), first_keys_with(keys, prefix, "", 1000)) << prefix;
        for (const std::string& start : starts) {
            for (const std::size_t limit : {1U, 2U, 5U}) {
                const ListPage page = run_blocking(store().list(prefix, start, limit));
                EXPECT_EQ(page.keys, first_keys_with(keys, prefix, start, limit))
                    << prefix << " after " << start << " limit " << limit;
                EXPECT_EQ(page.more, first_keys_with(keys, prefix, start, limit + 1).size() > limit)
                    << prefix << " after " << start << " limit " << limit;
            }
        }
    }
}

TEST_P(ObjectStoreContract, pages_give_every_key_once) {
    const std::size_t count = GetParam().many_keys;
    Keys keys;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string number = std::to_string(1'000'000 + i);
        // Most in one directory, some spread over many.
        keys.push_back(i % 10 == 0 ? "many/dir-" + number.substr(3, 2) + "/" + number
                                   : "many/k" + number);
    }
    keys.push_back("before");
    keys.push_back("zz/behind");
    fill(keys);
    std::sort(keys.begin(), keys.end());
    std::size_t at = 1;
    std::string last;
    while (true) {
        const ListPage page = run_blocking(store().list("many/", last, 1000));
        for (const std::string& key : page.keys) {
            ASSERT_LT(at, keys.size());
            ASSERT_EQ(key, keys[at]);
            ++at;
        }
        if (!page.more) break;
        ASSERT_EQ(page.keys.size(), 1000U);
        last = page.keys.back();
    }
    EXPECT_EQ(at, keys.size() - 1);
    EXPECT_EQ(get(keys[count / 2]), keys[count / 2]);
}

TEST_P(ObjectStoreContract, a_listing_that_cannot_be_is_refused) {
    for (const char* const prefix : {"/", ".tmp", "a/.", "a//", "../x", "a b"}) {
        EXPECT_EQ(code_of([&] { list(prefix); }), ErrorCode::invalid_argument) << prefix;
    }
    EXPECT_EQ(code_of([&] { list("", "", 0); }), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of([&] { list("", "", 1001); }), ErrorCode::invalid_argument);
}

// Conditions

TEST_P(ObjectStoreContract, only_if_absent_never_replaces) {
    if (!store().capabilities().if_absent) {
        EXPECT_EQ(code_of([&] { put("k", "v", PutOptions::only_if_absent()); }),
                  ErrorCode::unsupported);
        return;
    }
    put("a/key", "first", PutOptions::only_if_absent());
    EXPECT_EQ(code_of([&] { put("a/key", "second", PutOptions::only_if_absent()); }),
              ErrorCode::precondition_failed);
    EXPECT_EQ(get("a/key"), "first");
    remove("a/key");
    put("a/key", "third", PutOptions::only_if_absent());
    EXPECT_EQ(get("a/key"), "third");
}

TEST_P(ObjectStoreContract, only_if_match_replaces_what_was_seen) {
    if (!store().capabilities().if_match) {
        EXPECT_EQ(code_of([&] { put("k", "v", PutOptions::only_if_match("x")); }),
                  ErrorCode::unsupported);
        return;
    }
    EXPECT_EQ(code_of([&] { put("key", "v", PutOptions::only_if_match("x")); }),
              ErrorCode::precondition_failed);
    EXPECT_FALSE(head("key"));
    put("key", "first");
    const std::string etag = head("key")->etag;
    put("key", "second", PutOptions::only_if_match(etag));
    EXPECT_EQ(code_of([&] { put("key", "third", PutOptions::only_if_match(etag)); }),
              ErrorCode::precondition_failed);
    EXPECT_EQ(get("key"), "second");
}

TEST_P(ObjectStoreContract, of_racing_conditional_writes_one_wins) {
    const StoreCapabilities can = store().capabilities();
    constexpr std::size_t racers = 4;
    for (std::size_t round = 0; round < GetParam().rounds / 10 + 1; ++round) {
        const std::string key = "race/" + std::to_string(round);
        std::atomic<int> winners{0};
        std::atomic<std::size_t> winner{0};
        const auto race = [&](const PutOptions& options) {
            winners = 0;
            at_once(racers, [&](std::size_t i) {
                const ErrorCode code = code_of([&] { put(key, "v" + std::to_string(i), options); });
                if (code == ErrorCode::ok) {
                    ++winners;
                    winner = i;
                } else {
                    EXPECT_EQ(code, ErrorCode::precondition_failed);
                }
            });
            EXPECT_EQ(winners, 1);
            EXPECT_EQ(get(key), "v" + std::to_string(winner));
        };
        if (can.if_absent) race(PutOptions::only_if_absent());
        if (can.if_match && can.if_absent) race(PutOptions::only_if_match(head(key)->etag));
    }
}

// Uploads

TEST_P(ObjectStoreContract, an_upload_gives_what_was_appended_whatever_the_pieces) {
    const std::string bytes = test_bytes(GetParam().large_object);
    const std::size_t kib = 1024;
    const std::vector<std::vector<std::size_t>> shapes = {
        {1},
        {1, 1, 1},
        {64 * kib - 1, 1, 64 * kib, 64 * kib + 1, 1},
        {3, 256 * kib, 5, 256 * kib, 7, 256 * kib},
        {1024 * kib, 1024 * kib, 1024 * kib, 1024 * kib, 1024 * kib, 1024 * kib, 10},
        {0, 5, 0},
        {GetParam().large_object}};
    for (std::size_t shape = 0; shape < shapes.size(); ++shape) {
        for (const bool owned : {true, false}) {
            const std::string key = "uploads/" + std::to_string(shape) + (owned ? "-o" : "-b");
            auto upload = begin_upload(key);
            std::size_t at = 0;
            for (const std::size_t size : shapes[shape]) {
                const auto part = std::string_view(bytes).substr(at, size);
                owned ? append_owned(*upload, part) : append_borrowed(*upload, part);
                at += part.size();
                EXPECT_EQ(upload->size(), at);
            }
            publish(std::move(upload), key);
            const auto reader = open(key);
            ASSERT_TRUE(reader);
            EXPECT_TRUE(read_all(*reader, 1 << 20) == bytes.substr(0, at)) << key;
        }
    }
}

TEST_P(ObjectStoreContract, an_upload_goes_on_after_a_flush) {
    const std::string bytes = test_bytes(600'000);
    auto upload = begin_upload("key");
    std::size_t at = 0;
    for (const std::size_t size : {10U, 100'000U, 70'000U, 1U, 300'000U}) {
        append_owned(*upload, std::string_view(bytes).substr(at, size));
        at += size;
        run_blocking(upload->flush());
        run_blocking(upload->flush());
    }
    publish(std::move(upload), "key");
    EXPECT_TRUE(read_all(*open("key")) == bytes.substr(0, at));
}

TEST_P(ObjectStoreContract, an_upload_can_be_read_back_and_goes_on) {
    if (!store().capabilities().late_naming) {
        const auto named = begin_upload("key");
        EXPECT_EQ(code_of([&] { run_blocking(named->read_back()); }), ErrorCode::unsupported);
        return;
    }
    const std::string bytes = test_bytes(400'000);
    auto upload = begin_upload("key");
    EXPECT_EQ(read_all(*run_blocking(upload->read_back())), "");
    append_owned(*upload, std::string_view(bytes).substr(0, 300'000));
    {
        const auto reader = run_blocking(upload->read_back());
        EXPECT_EQ(reader->object_size(), 300'000U);
        EXPECT_TRUE(read_all(*reader) == bytes.substr(0, 300'000));
    }
    append_owned(*upload, std::string_view(bytes).substr(300'000));
    publish(std::move(upload), "key");
    EXPECT_TRUE(read_all(*open("key")) == bytes);
}

TEST_P(ObjectStoreContract, an_upload_is_seen_only_once_published) {
    auto upload = begin_upload("a/key");
    append_owned(*upload, test_bytes(200'000));
    run_blocking(upload->flush());
    EXPECT_FALSE(head("a/key"));
    EXPECT_FALSE(get("a/key"));
    EXPECT_EQ(list(""), Keys{});
    publish(std::move(upload), "a/key");
    EXPECT_EQ(head("a/key")->size, 200'000U);
    EXPECT_EQ(list(""), Keys{"a/key"});
}

TEST_P(ObjectStoreContract, an_abandoned_upload_leaves_nothing) {
    for (int i = 0; i < 10; ++i) {
        auto upload = begin_upload("key");
        for (int j = 0; j < i; ++j) append_owned(*upload, test_bytes(100'000));
    }
    EXPECT_FALSE(head("key"));
    EXPECT_EQ(list(""), Keys{});
}

TEST_P(ObjectStoreContract, publishing_replaces) {
    put("key", "small and old");
    EXPECT_EQ(get("key"), "small and old");
    auto upload = begin_upload("key");
    append_owned(*upload, "new");
    publish(std::move(upload), "key");
    EXPECT_EQ(get("key"), "new");
    upload = begin_upload("key");
    append_owned(*upload, test_bytes(100'000));
    publish(std::move(upload), "key");
    EXPECT_EQ(head("key")->size, 100'000U);
    EXPECT_TRUE(get("key") == test_bytes(100'000));
    put("key", "small again");
    EXPECT_EQ(get("key"), "small again");
}

TEST_P(ObjectStoreContract, an_upload_named_at_the_beginning_cannot_be_renamed) {
    auto upload = run_blocking(store().begin_upload(ObjectKey("one")));
    EXPECT_EQ(code_of([&] { publish(std::move(upload), "other"); }), ErrorCode::invalid_argument);
    EXPECT_EQ(list(""), Keys{});
}

TEST_P(ObjectStoreContract, uploads_run_side_by_side) {
    constexpr std::size_t uploads = 8;
    at_once(uploads, [&](std::size_t i) {
        const std::string key = "side/" + std::to_string(i);
        const std::string bytes = test_bytes(1'000'000, static_cast<unsigned>(i));
        auto upload = begin_upload(key);
        for (std::size_t at = 0; at < bytes.size(); at += 100'000) {
            append_owned(*upload, std::string_view(bytes).substr(at, 100'000));
        }
        publish(std::move(upload), key);
        EXPECT_TRUE(read_all(*open(key)) == bytes);
    });
    EXPECT_EQ(list("side/").size(), uploads);
}

// Many at once

TEST_P(ObjectStoreContract, a_reader_never_sees_two_values_mixed) {
    const std::string values[] = {std::string(100, 'a'), std::string(70'000, 'b'),
                                  std::string(300'000, 'c'), std::string(99, 'd')};
    const auto is_one_of_them = [&](const std::string& bytes) {
        return std::any_of(std::begin(values), std::end(values),
                           [&](const std::string& value) { return value == bytes; });
    };
    put("key", values[0]);
    std::atomic<bool> done{false};
    at_once(4, [&](std::size_t thread) {
        if (thread == 0) {
            for (std::size_t i = 0; i < GetParam().rounds; ++i) put("key", values[i % 4]);
            done = true;
            return;
        }
        while (!done) {
            const auto whole = get("key");
            EXPECT_TRUE(whole && is_one_of_them(*whole));
            const auto reader = open("key");
            EXPECT_TRUE(reader && is_one_of_them(read_all(*reader, 10'000)));
        }
    });
}

TEST_P(ObjectStoreContract, a_completed_put_is_what_every_later_read_sees) {
    put("a/key", "0");
    std::atomic<std::size_t> completed{0};
    std::atomic<bool> done{false};
    at_once(4, [&](std::size_t thread) {
        if (thread == 0) {
            for (std::size_t i = 1; i <= GetParam().rounds; ++i) {
                if (i % 3 == 0) {
                    auto upload = begin_upload("a/key");
                    append_owned(*upload, std::to_string(i));
                    publish(std::move(upload), "a/key");
                } else {
                    put("a/key", std::to_string(i));
                }
                completed = i;
            }
            done = true;
            return;
        }
        while (!done) {
            const std::size_t at_least = completed;
            const auto value = get("a/key");
            EXPECT_TRUE(value && std::stoul(*value) >= at_least);
        }
    });
}

TEST_P(ObjectStoreContract, writers_of_one_key_leave_one_of_their_values) {
    for (std::size_t round = 0; round < GetParam().rounds / 10 + 1; ++round) {
        at_once(4, [&](std::size_t i) {
            put("k/key", std::to_string(i));
            if (i == 3) remove("k/key");
        });
        const auto value = get("k/key");
        EXPECT_EQ(list("k/"), value ? Keys{"k/key"} : Keys{});
        EXPECT_EQ(head("k/key").has_value(), value.has_value());
        const auto reader = open("k/key");
        EXPECT_EQ(reader != nullptr, value.has_value());
        if (reader) {
            EXPECT_EQ(read_all(*reader), value);
        }
        put("k/key", "last");
        EXPECT_EQ(get("k/key"), "last");
        EXPECT_EQ(list("k/"), Keys{"k/key"});
    }
}

TEST_P(ObjectStoreContract, neighbours_are_written_and_removed_without_loss) {
    // Each writer's keys share directories with the others', and the directories come and go.
    at_once(4, [&](std::size_t thread) {
        const std::string mine = "-" + std::to_string(thread);
        for (std::size_t i = 0; i < GetParam().rounds; ++i) {
            const std::string key = "x/" + std::to_string(i % 3) + "/y/k" + mine;
            put(key, std::to_string(i));
            EXPECT_EQ(get(key), std::to_string(i));
            EXPECT_TRUE(remove(key));
            EXPECT_FALSE(get(key));
        }
        put("x/1/y/end" + mine, "here");
    });
    EXPECT_EQ(list("x/"), (Keys{"x/1/y/end-0", "x/1/y/end-1", "x/1/y/end-2", "x/1/y/end-3"}));
}

TEST_P(ObjectStoreContract, a_listing_shows_what_completed_before_it) {
    // Writers look for their own last change in a listing each time, while the directories of
    // theirs come and go, and while others make the store read listings anew.
    std::atomic<std::size_t> writers{3};
    at_once(5, [&](std::size_t thread) {
        if (thread >= 3) {
            while (writers > 0) {
                for (const std::string& key : list("l/")) EXPECT_TRUE(key.starts_with("l/"));
                list("l/1", "l/1/");
            }
            return;
        }
        for (std::size_t i = 0; i < GetParam().rounds; ++i) {
            const std::string directory = "l/" + std::to_string(i % 5);
            const std::string key = directory + "/d/" + std::to_string(thread);
            put(key, "x");
            EXPECT_EQ(list(key), Keys{key});
            const Keys all = list("l/");
            EXPECT_TRUE(std::find(all.begin(), all.end(), key) != all.end()) << key;
            if (i % 2 == 0) continue;
            remove(key);
            const Keys left = list(directory);
            EXPECT_TRUE(std::find(left.begin(), left.end(), key) == left.end()) << key;
        }
        --writers;
    });
}

}  // namespace pkgreg
