// The body of an object that outlives the connections it comes over.
#pragma once

#include "s3/bucket.hpp"
#include "s3/client.hpp"

#include <memory>
#include <string>

namespace pkgreg::s3 {

/// What the headers of HeadObject or GetObject say of the object. Throws `io` when they have no
/// size.
ObjectHead head_in(const HttpAnswer& answer);

class ObjectDownload final : public Download {
 public:
    /// `body` begins with byte `first`; the last one wanted is `end - 1`.
    ObjectDownload(std::shared_ptr<Client> client, std::string key, ObjectHead head,
                   std::uint64_t first, std::uint64_t end, std::unique_ptr<BodyStream> body)
        : client_(std::move(client)),
          key_(std::move(key)),
          head_(std::move(head)),
          position_(first),
          end_(end),
          body_(std::move(body)) {}

    const ObjectHead& head() const noexcept override { return head_; }
    awaitable<std::size_t> read(std::span<std::byte> into) override;
    awaitable<std::size_t> splice(int pipe, std::size_t most) override;

 private:
    awaitable<void> take_up();

    const std::shared_ptr<Client> client_;
    const std::string key_;
    const ObjectHead head_;
    std::uint64_t position_;
    const std::uint64_t end_;
    std::unique_ptr<BodyStream> body_;
    unsigned failures_ = 0;  ///< since the last byte that came
};

}  // namespace pkgreg::s3
