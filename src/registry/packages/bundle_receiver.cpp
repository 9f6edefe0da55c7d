#include "registry/packages/bundle_receiver.hpp"

#include "base/threads.hpp"
#include "registry/engine.hpp"
#include "registry/packages/thread_driver.hpp"

#include <span>
#include <utility>

namespace pkgreg {
namespace {

/// Manifests are small; they are held in memory until the blobs that they refer to are here.
constexpr std::uint64_t max_manifests = std::uint64_t{16} << 20;

}  // namespace

/// Stores the resources and blobs of a bundle. The reader has compared them with their digests when
/// `end` is called; until then what is written has no name.
class BundleReceiver::Visitor final : public BundleVisitor {
 public:
    explicit Visitor(BundleReceiver& receiver) : receiver_(receiver), engine_(receiver.engine_) {}

    void contents(const BundleContents& contents) override {
        if (receiver_.check_) (*receiver_.check_)(contents.metadata.coordinate());
        receiver_.contents_.emplace(contents);
    }

    void begin(const BundleBlob& blob) override {
        in_manifest_ = blob.kind == BundleBlob::Kind::manifest;
        if (in_manifest_) {
            manifests_size_ += blob.size;
            if (manifests_size_ > max_manifests) {
                throw Error(ErrorCode::too_large,
                            "the manifests of the bundle's images have more than 16 MiB");
            }
            manifest_.clear();
            return;
        }
        const bool there = driver_.run(engine_.blobs_.ensure(blob.digest));
        if (!there) upload_ = engine_.blobs_.begin();
    }

    void data(std::string_view bytes) override {
        if (upload_) {
            driver_.run(
                upload_->append(std::as_bytes(std::span(bytes)), receiver_.pipe_.owner_of(bytes)));
        } else if (in_manifest_) {
            manifest_.append(bytes);
        }
    }

    void end(const BundleBlob& blob) override {
        if (in_manifest_) {
            receiver_.manifests_.emplace(
                blob.digest, BundleManifest{MediaType::parse(blob.media_type), manifest_});
        } else if (upload_) {
            // Beside the next blob: making a large file durable takes a while.
            driver_.begin(publish(blob.digest, std::move(upload_)));
        }
    }

    /// Waits until everything is stored.
    void finish() { driver_.finish(); }

 private:
    awaitable<void> publish(Digest digest, std::unique_ptr<BlobUpload> upload) {
        co_await engine_.blobs_.publish(digest, std::move(upload));
    }

    BundleReceiver& receiver_;
    Engine& engine_;
    ThreadDriver driver_;
    std::unique_ptr<BlobUpload> upload_;
    bool in_manifest_ = false;
    std::string manifest_;
    std::uint64_t manifests_size_ = 0;
};

BundleReceiver::BundleReceiver(Engine& engine, std::shared_ptr<BufferPool> buffers,
                               const PackageCheck* check)
    : engine_(engine), buffers_(std::move(buffers)), check_(check) {}

BundleReceiver::~BundleReceiver() {
    if (!thread_.joinable()) return;
    pipe_.close_write_end(std::make_exception_ptr(
        Error(ErrorCode::cancelled, "the addition of the package was given up")));
    thread_.join();
}

awaitable<void> BundleReceiver::receive(BodySource& body) {
    thread_ = start_thread([this] { read(); });
    std::exception_ptr error;
    try {
        co_await feed(body);
    } catch (...) {
        error = std::current_exception();
    }
    pipe_.close_write_end(error);
    co_await pipe_.wait_for_reader();
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
    if (error) std::rethrow_exception(error);
}

awaitable<void> BundleReceiver::feed(BodySource& body) {
    bool wanted = true;
    while (wanted) {
        co_await body.wait();
        BodyPipe::Buffer buffer = co_await buffers_->acquire();
        const std::span<std::byte> room(buffer.get(), buffers_->buffer_size());
        const std::size_t n = co_await body.read(room);
        if (n == 0) co_return;
        wanted = co_await pipe_.write(std::move(buffer), n);
    }
}

/// The thread.
void BundleReceiver::read() noexcept {
    try {
        Visitor visitor(*this);
        const BlockReader input = [this] { return pipe_.read(); };
        read_bundle(input, visitor);
        visitor.finish();
    } catch (...) {
        failure_ = std::current_exception();
    }
    pipe_.close_read_end();
}

}  // namespace pkgreg
