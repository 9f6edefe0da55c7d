// The protocols under access control, without a socket: an authenticator that believes what a test
// says, a policy in a file, and a registry with a few repositories and packages.
#pragma once

#include "pkgreg/memory_store.hpp"

#include "access/too_many_requests.hpp"
#include "protocol/authenticated_protocol.hpp"
#include "protocol/protocol_test.hpp"
#include "registry/package_test.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pkgreg {

/// Knows the callers that it is given, by the value of `Authorization`.
class BelievingAuthenticator final : public access::Authenticator {
 public:
    using Callers = std::map<std::string, access::CallerPtr, std::less<>>;

    BelievingAuthenticator(Callers callers, std::string scheme)
        : callers_(std::move(callers)), scheme_(std::move(scheme)) {}

    access::CallerPtr known(const HttpRequest& request) override {
        const auto field = request.header("Authorization");
        if (!field) return std::make_shared<const access::Caller>();
        const auto found = callers_.find(*field);
        return found == callers_.end() ? nullptr : found->second;
    }
    awaitable<access::CallerPtr> identify(const HttpRequest& request) override {
        // Whom `known` does not remember for now.
        const auto field = request.header("Authorization");
        const auto found = callers_.find("Later " + std::string(field.value_or("")));
        if (field == "Basic guesser") {
            throw access::TooManyRequests("too many wrong passwords", std::chrono::seconds(7));
        }
        if (found == callers_.end()) throw Error(ErrorCode::unauthorized, "wrong password");
        co_return found->second;
    }
    std::vector<std::string> challenges(const HttpRequest&, std::string_view scope,
                                        std::string_view error) const override {
        if (scheme_.empty()) return {};
        std::string text = scheme_ + " realm=\"here\"";
        if (scheme_ == "Bearer") {
            if (!scope.empty()) text.append(",scope=\"").append(scope).append("\"");
            if (!error.empty()) text.append(",error=\"").append(error).append("\"");
        }
        return {text};
    }
    const access::TokenIssuer* issuer() const noexcept override { return nullptr; }

 private:
    Callers callers_;
    std::string scheme_;
};

/// A file that is gone after the test.
class TemporaryFile {
 public:
    explicit TemporaryFile(std::string_view text) {
        char name[] = "/tmp/pkgreg-policy-XXXXXX";
        ::close(::mkstemp(name));
        path_ = name;
        write(text);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::filesystem::remove(path_); }

    void write(std::string_view text) const { std::ofstream(path_) << text; }
    const std::filesystem::path& path() const noexcept { return path_; }

 private:
    std::filesystem::path path_;
};

/// A registry in memory behind a gate.
class GuardedRegistry {
 public:
    GuardedRegistry(AccessOptions options, BelievingAuthenticator::Callers callers,
                    std::string scheme)
        : store_(make_memory_store()), registry(store_), packages(registry) {
        ProtocolOptions protocol;
        protocol.access = std::move(options);
        handler_ = make_protocol(
            registry.shared(), protocol,
            std::make_unique<BelievingAuthenticator>(std::move(callers), std::move(scheme)));
    }

    struct Asked {
        std::string method = "GET";
        std::string target = {};
        Fields fields = {};
        std::optional<std::string> body = std::nullopt;
        const Identity* identity = nullptr;
    };

    Answer send(const Asked& asked) const {
        std::vector<HeaderField> headers = {{"Host", "registry.example.com"}};
        for (const auto& [name, value] : asked.fields) headers.push_back({name, value});
        HttpRequest request;
        request.method = parse_http_method(asked.method);
        request.target = asked.target;
        request.headers = headers;
        std::optional<MemoryBody> body;
        if (asked.body) request.body = &body.emplace(*asked.body);
        request.identity = asked.identity;
        HttpResponse response = run_blocking(handler_->handle(request));
        Answer answer;
        answer.status = response.status();
        answer.fields = response.fields();
        answer.content_length = response.content_length();
        if (ObjectReader* reader = response.body().reader()) {
            std::string buffer(1000, '\0');
            while (const std::size_t n =
                       run_blocking(reader->read(std::as_writable_bytes(std::span(buffer))))) {
                answer.body.append(buffer, 0, n);
            }
        } else {
            answer.body = response.body().bytes();
        }
        return answer;
    }
    Answer get(const std::string& target, const std::string& authorization = {}) const {
        return send("GET", target, authorization);
    }
    Answer send(const std::string& method, const std::string& target,
                const std::string& authorization = {},
                std::optional<std::string> body = std::nullopt) const {
        Asked asked{method, target, {}, std::move(body)};
        if (!authorization.empty()) asked.fields.emplace_back("Authorization", authorization);
        return send(asked);
    }

    ObjectStore& store() const { return *store_; }
    HttpHandler& handler() const { return *handler_; }

 private:
    std::shared_ptr<ObjectStore> store_;

 public:
    BlockingRegistry registry;
    BlockingPackages packages;

 private:
    std::shared_ptr<HttpHandler> handler_;
};

/// A package as a repository document has it.
inline std::string imported(const TestPackage& package) {
    return "{\"releaseVersion\":1," + package.metadata().substr(1);
}

inline access::CallerPtr caller(std::string name, IdentityKind kind = IdentityKind::basic) {
    return std::make_shared<const access::Caller>(access::Caller{{kind, std::move(name)}, {}});
}

}  // namespace pkgreg
