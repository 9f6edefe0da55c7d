// The contract of ObjectStore as tests that every store must pass. A program links contract.cpp and
// instantiates the suite for its stores:
//
//     INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract, testing::Values(parameters));
#pragma once

#include "pkgreg/blocking.hpp"
#include "pkgreg/object_store.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// A store to be tested, and what must live as long as it does (its directory, its server).
struct StoreUnderTest {
    std::shared_ptr<void> place;
    std::shared_ptr<ObjectStore> store;
};

struct ContractParameters {
    std::string name;
    /// Makes a store that holds an object under each of these keys, its content being the key.
    std::function<StoreUnderTest(const std::vector<std::string>& keys)> make;
    /// How many keys the large listing has; a store that is slow to fill takes fewer.
    std::size_t many_keys = 100'000;
    /// How often the tests of concurrency go round.
    std::size_t rounds = 200;
    /// The largest object written, in bytes.
    std::size_t large_object = std::size_t{20} << 20;
};

inline void PrintTo(const ContractParameters& parameters, std::ostream* out) {
    *out << parameters.name;
}

class ObjectStoreContract : public testing::TestWithParam<ContractParameters> {
 protected:
    void SetUp() override { under_test_ = GetParam().make({}); }
    /// Takes a store with these keys instead.
    void fill(const std::vector<std::string>& keys) { under_test_ = GetParam().make(keys); }
    ObjectStore& store() { return *under_test_.store; }

    // The verbs, each run to its end.
    void put(std::string_view key, std::string_view bytes, PutOptions options = PutOptions()) {
        run_blocking(store().put(ObjectKey(std::string(key)), bytes, std::move(options)));
    }
    std::optional<std::string> get(std::string_view key) {
        const auto bytes = run_blocking(store().get(ObjectKey(std::string(key))));
        return bytes ? std::optional(*bytes) : std::nullopt;
    }
    std::optional<ObjectInfo> head(std::string_view key) {
        return run_blocking(store().head(ObjectKey(std::string(key))));
    }
    std::unique_ptr<ObjectReader> open(std::string_view key, ByteRange range = ByteRange()) {
        return run_blocking(store().open(ObjectKey(std::string(key)), range));
    }
    bool remove(std::string_view key) {
        return run_blocking(store().remove(ObjectKey(std::string(key))));
    }
    std::vector<std::string> list(std::string_view prefix, std::string_view start_after = "",
                                  std::size_t limit = 1000) {
        return run_blocking(store().list(prefix, start_after, limit)).keys;
    }
    /// An upload; named at once where the store cannot do it later.
    std::unique_ptr<ObjectUpload> begin_upload(std::string_view key) {
        std::optional<ObjectKey> named;
        if (!store().capabilities().late_naming) named.emplace(std::string(key));
        return run_blocking(store().begin_upload(named));
    }
    void publish(std::unique_ptr<ObjectUpload> upload, std::string_view key) {
        run_blocking(store().publish(std::move(upload), ObjectKey(std::string(key))));
    }

 private:
    StoreUnderTest under_test_;
};

/// Everything that a reader gives, read in steps of `step` bytes.
std::string read_all(ObjectReader& reader, std::size_t step = 100'000);

/// Bytes that differ from place to place and with `seed`, so that a part that is missing, doubled
/// or exchanged shows.
std::string test_bytes(std::size_t size, unsigned seed = 0);

/// Runs `body(0)` to `body(count - 1)` at once and waits; an exception in one fails the test.
void at_once(std::size_t count, const std::function<void(std::size_t)>& body);

/// The code of the error that `f` throws; `ok` when it throws none.
template <class F>
ErrorCode code_of(F&& f) {
    try {
        f();
    } catch (const Error& error) {
        return error.code();
    }
    return ErrorCode::ok;
}

}  // namespace pkgreg
