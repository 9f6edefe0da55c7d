// DocumentSink: a body that is small enough to be read whole.
#pragma once

#include "pkgreg/error.hpp"

#include "base/mask_secrets.hpp"
#include "web/transfer.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace pkgreg {

/// Throws `too_large` beyond `max_size` bytes. `url`, for messages, must outlive it.
class DocumentSink final : public BodySink {
 public:
    DocumentSink(std::string_view url, std::size_t max_size) : url_(url), max_size_(max_size) {}

    void begin(const HttpAnswer&) override { body.clear(); }
    void data(std::string_view bytes) override {
        if (body.size() + bytes.size() > max_size_) {
            throw Error(ErrorCode::too_large, masked_url(url_) + ": the answer has more than " +
                                                  std::to_string(max_size_) + " bytes");
        }
        body.append(bytes);
    }

    std::string body;

 private:
    std::string_view url_;
    std::size_t max_size_;
};

}  // namespace pkgreg
