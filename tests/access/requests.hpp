// Requests with credentials, and what an Authenticator makes of them.
#pragma once

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"

#include "access/authenticator.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pkgreg::access {

/// A request that owns its fields.
struct TestRequest {
    TestRequest() = default;
    explicit TestRequest(std::string value) : authorization(std::move(value)) {}

    HttpRequest view() {
        fields = {{"Host", "registry.example.com:5000"}};
        if (!authorization.empty()) fields.push_back({"Authorization", authorization});
        HttpRequest request;
        request.target = "/v2/";
        request.headers = fields;
        request.client = client;
        return request;
    }

    std::string authorization = {};
    std::string client = "192.0.2.1:40000";
    std::vector<HeaderField> fields = {};
};

inline CallerPtr identify(Authenticator& authenticator, const std::string& authorization) {
    TestRequest request(authorization);
    const HttpRequest view = request.view();
    return run_blocking(authenticator.identify(view));
}

inline CallerPtr known(Authenticator& authenticator, const std::string& authorization) {
    TestRequest request(authorization);
    return authenticator.known(request.view());
}

/// The message of the error with that code; `taken` where there was none.
inline std::string refusal(Authenticator& authenticator, const std::string& authorization,
                           ErrorCode code = ErrorCode::unauthorized) {
    try {
        identify(authenticator, authorization);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.message();
        return error.message();
    }
    return "taken";
}

}  // namespace pkgreg::access
