// ManyWritersStore: a store that others may write to as well, as a bucket is, over any other one.
// Between two verbs a test can let another instance do something: the registry's races with other
// instances are all of that form, so each can be played at every place where it can happen.
#pragma once

#include "pkgreg/error.hpp"
#include "pkgreg/object_store.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pkgreg {

/// A reader whose bytes come through a pipe, too, as those from a bucket do.
class PipedReader final : public ObjectReader {
 public:
    explicit PipedReader(std::unique_ptr<ObjectReader> inner) : inner_(std::move(inner)) {}

    std::uint64_t object_size() const noexcept override { return inner_->object_size(); }
    std::optional<ByteInterval> interval() const noexcept override { return inner_->interval(); }
    awaitable<std::size_t> read(std::span<std::byte> into) override { return inner_->read(into); }
    /// Every other time.
    awaitable<std::size_t> splice(int pipe, std::size_t most) override {
        if ((offers_ = !offers_)) co_return 0;
        std::vector<std::byte> bytes(std::min<std::size_t>(most, 10'000));
        const std::size_t n = co_await inner_->read(bytes);
        if (::write(pipe, bytes.data(), n) != static_cast<ssize_t>(n)) {
            throw Error(ErrorCode::io, "the pipe is not empty");
        }
        co_return n;
    }

 private:
    std::unique_ptr<ObjectReader> inner_;
    bool offers_ = false;
};

class ManyWritersStore final : public ObjectStore {
 public:
    explicit ManyWritersStore(std::shared_ptr<ObjectStore> inner) : inner_(std::move(inner)) {}

    /// Calls `f` after every verb.
    void after_each_verb(std::function<void()> f) { after_ = std::move(f); }

    StoreCapabilities capabilities() const noexcept override {
        StoreCapabilities capabilities = inner_->capabilities();
        capabilities.exclusive = false;
        capabilities.late_naming = false;
        return capabilities;
    }
    std::string describe() const override { return inner_->describe(); }

    awaitable<std::optional<ObjectInfo>> head(const ObjectKey& key) override {
        auto result = co_await inner_->head(key);
        pause();
        co_return result;
    }
    awaitable<std::shared_ptr<const std::string>> get(const ObjectKey& key) override {
        auto result = co_await inner_->get(key);
        pause();
        co_return result;
    }
    awaitable<std::unique_ptr<ObjectReader>> open(const ObjectKey& key, ByteRange range) override {
        std::unique_ptr<ObjectReader> result = co_await inner_->open(key, range);
        pause();
        if (result) result = std::make_unique<PipedReader>(std::move(result));
        co_return result;
    }
    awaitable<void> put(const ObjectKey& key, std::string_view bytes, PutOptions options) override {
        co_await inner_->put(key, bytes, options);
        pause();
    }
    awaitable<std::unique_ptr<ObjectUpload>> begin_upload(std::optional<ObjectKey> key) override {
        auto result = co_await inner_->begin_upload(key);
        pause();
        co_return result;
    }
    awaitable<void> publish(std::unique_ptr<ObjectUpload> upload, const ObjectKey& key) override {
        co_await inner_->publish(std::move(upload), key);
        pause();
    }
    /// As S3 does it; the bytes pass through here instead.
    awaitable<bool> concatenate(const std::vector<ObjectPiece>& pieces,
                                const ObjectKey& key) override {
        std::string all;
        for (const ObjectPiece& piece : pieces) {
            const auto bytes = co_await inner_->get(piece.key);
            if (!bytes || bytes->size() != piece.size) {
                throw Error(ErrorCode::not_found, piece.key.str());
            }
            all += *bytes;
        }
        co_await inner_->put(key, all);
        pause();
        co_return true;
    }
    awaitable<void> sync(const ObjectKey& key) override {
        co_await inner_->sync(key);
        pause();
    }
    awaitable<bool> remove(const ObjectKey& key) override {
        const bool result = co_await inner_->remove(key);
        pause();
        co_return result;
    }
    awaitable<ListPage> list(std::string_view prefix, std::string_view start_after,
                             std::size_t limit) override {
        ListPage page = co_await inner_->list(prefix, start_after, limit);
        pause();
        co_return page;
    }

 private:
    void pause() const {
        if (after_) after_();
    }

    std::shared_ptr<ObjectStore> inner_;
    std::function<void()> after_;
};

}  // namespace pkgreg
