// The protocol without a socket: a fixture that sends requests to the handler and keeps what comes
// back, over every store.
#pragma once

#include "pkgreg/protocol.hpp"

#include "registry/engine_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg {

/// A response, read to its end.
struct Answer {
    unsigned status = 0;
    std::string fields;
    std::string body;
    std::uint64_t content_length = 0;

    /// The value of the only field of that name; empty where there is none.
    std::string field(std::string_view name) const;
    std::vector<std::string> all_fields(std::string_view name) const;
    bool has(std::string_view name) const { return !all_fields(name).empty(); }

    /// Of an error body in the form of the specification: the code and the message of its only
    /// error. Fails the test when the body has any other form.
    std::string code() const;
    std::string message() const;
    /// The texts of a list in a JSON object.
    std::vector<std::string> texts(std::string_view member) const;
    /// The digests of an index's manifests.
    std::vector<std::string> digests() const;
    /// The target of `Link: <…>; rel="next"`, or empty.
    std::string next() const;
};

using Fields = std::vector<std::pair<std::string, std::string>>;

/// The location of an upload without the state that a shared registry puts behind it: such a request
/// means the furthest state, so that these tests can use one location from the beginning to the end.
std::string upload_itself(const std::string& location);

class ProtocolTest : public EngineTest {
 protected:
    ProtocolTest() : handler_(make_protocol(registry.shared())) {}

    /// Lets another registry over the same store answer from now on.
    void reopen(RegistryOptions registry_options, ProtocolOptions options = {}) {
        registry = open(std::move(registry_options));
        handler_ = make_protocol(registry.shared(), options);
    }

    Answer send(std::string_view method, std::string_view target, const Fields& fields = {},
                BodySource* body = nullptr) const;
    Answer send(std::string_view method, std::string_view target, const Fields& fields,
                std::string_view body) const {
        MemoryBody source(body);
        return send(method, target, fields, &source);
    }
    Answer get(std::string_view target, const Fields& fields = {}) const {
        return send("GET", target, fields);
    }
    Answer head(std::string_view target, const Fields& fields = {}) const {
        return send("HEAD", target, fields);
    }

    /// Begins an upload; its location.
    std::string begin(std::string_view repository) const;

    /// Sends GET and HEAD and expects the same answer but for the body.
    Answer get_and_head(std::string_view target, const Fields& fields = {}) const;

 private:
    std::shared_ptr<HttpHandler> handler_;
};

inline std::string blob_path(std::string_view repository, const Digest& digest) {
    return "/v2/" + std::string(repository) + "/blobs/" + digest.to_string();
}
inline std::string manifest_path(std::string_view repository, std::string_view reference) {
    return "/v2/" + std::string(repository) + "/manifests/" + std::string(reference);
}

}  // namespace pkgreg
