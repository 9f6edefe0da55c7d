#include "registry/late_store.hpp"

#include "pkgreg/error.hpp"

#include "registry/storage_format.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

bool may_pass(ErrorCode code) noexcept {
    return code != ErrorCode::incompatible && code != ErrorCode::invalid_options;
}

class LateStore final : public ObjectStore {
 public:
    LateStore(std::shared_ptr<ObjectStore> store, bool read_only, LogCallback log)
        : store_(std::move(store)), read_only_(read_only), log_(std::move(log)) {}

    StoreCapabilities capabilities() const noexcept override { return store_->capabilities(); }
    std::string describe() const override { return store_->describe(); }

    awaitable<std::optional<ObjectInfo>> head(const ObjectKey& key) override {
        co_await check();
        co_return co_await store_->head(key);
    }
    awaitable<std::shared_ptr<const std::string>> get(const ObjectKey& key) override {
        co_await check();
        co_return co_await store_->get(key);
    }
    awaitable<std::unique_ptr<ObjectReader>> open(const ObjectKey& key, ByteRange range) override {
        co_await check();
        co_return co_await store_->open(key, range);
    }
    awaitable<void> put(const ObjectKey& key, std::string_view bytes, PutOptions options) override {
        co_await check();
        co_await store_->put(key, bytes, std::move(options));
    }
    awaitable<std::unique_ptr<ObjectUpload>> begin_upload(std::optional<ObjectKey> key) override {
        co_await check();
        co_return co_await store_->begin_upload(std::move(key));
    }
    awaitable<void> publish(std::unique_ptr<ObjectUpload> upload, const ObjectKey& key) override {
        co_await check();
        co_await store_->publish(std::move(upload), key);
    }
    awaitable<bool> concatenate(const std::vector<ObjectPiece>& pieces,
                                const ObjectKey& key) override {
        co_await check();
        co_return co_await store_->concatenate(pieces, key);
    }
    awaitable<void> sync(const ObjectKey& key) override {
        co_await check();
        co_await store_->sync(key);
    }
    awaitable<bool> remove(const ObjectKey& key) override {
        co_await check();
        co_return co_await store_->remove(key);
    }
    awaitable<void> tidy(std::vector<ObjectKey> keys) override {
        co_await store_->tidy(std::move(keys));
    }
    awaitable<ListPage> list(std::string_view prefix, std::string_view start_after,
                             std::size_t limit) override {
        co_await check();
        co_return co_await store_->list(prefix, start_after, limit);
    }
    awaitable<std::optional<std::string>> read_url(const ObjectKey& key,
                                                   std::chrono::seconds lifetime) override {
        co_await check();
        co_return co_await store_->read_url(key, lifetime);
    }
    awaitable<std::vector<UnfinishedUpload>> list_unfinished() override {
        co_await check();
        co_return co_await store_->list_unfinished();
    }
    awaitable<void> remove_unfinished(const UnfinishedUpload& upload) override {
        co_await check();
        co_await store_->remove_unfinished(upload);
    }
    void trim() noexcept override { store_->trim(); }

 private:
    /// Calls that come before the first success check side by side: it is a question or two, and
    /// what it writes into an empty storage may be written twice.
    awaitable<void> check() {
        if (checked_.load(std::memory_order_acquire)) co_return;
        co_await check_storage_format(*store_, read_only_);
        if (checked_.exchange(true)) co_return;
        if (log_) log_(LogLevel::info, store_->describe() + ": can be used now");
    }

    std::shared_ptr<ObjectStore> store_;
    bool read_only_;
    LogCallback log_;
    std::atomic<bool> checked_ = false;
};

}  // namespace

awaitable<std::shared_ptr<ObjectStore>> open_late(std::shared_ptr<ObjectStore> store,
                                                  const RegistryOptions& options) {
    std::string problem;
    try {
        co_await check_storage_format(*store, options.read_only);
    } catch (const Error& error) {
        if (!may_pass(error.code())) throw;
        problem = error.message();
    }
    if (problem.empty()) co_return store;
    if (options.log) {
        options.log(LogLevel::error, "the storage cannot be used yet: " + problem +
                                         ". Requests fail until it can; no restart is needed");
    }
    co_return std::make_shared<LateStore>(std::move(store), options.read_only, options.log);
}

}  // namespace pkgreg
