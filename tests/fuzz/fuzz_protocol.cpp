// The whole protocol over a store in memory: each input is a few requests, made by a small grammar
// from what clients send and from the input's own bytes. Nothing is answered with a server error,
// every refusal has the specification's form, and what was accepted is whole.
#include "pkgreg/blocking.hpp"
#include "pkgreg/hasher.hpp"
#include "pkgreg/memory_store.hpp"
#include "pkgreg/protocol.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace pkgreg;

void require(bool holds) {
    if (!holds) std::abort();
}

Digest digest_of(DigestAlgorithm algorithm, std::string_view bytes) {
    return Hasher::hash(algorithm, bytes);
}

std::string descriptor(std::string_view type, std::string_view content) {
    return "{\"mediaType\":\"" + std::string(type) + "\",\"digest\":\"" +
           digest_of(DigestAlgorithm::sha256, content).to_string() +
           "\",\"size\":" + std::to_string(content.size()) + "}";
}

/// Contents that refer to each other, so that pushes can succeed.
std::vector<std::string> make_contents() {
    const std::string image = "{\"schemaVersion\":2,\"mediaType\":\"" +
                              std::string(media_types::oci_manifest) +
                              "\",\"config\":" + descriptor("a/b", "{}") + ",\"layers\":[" +
                              descriptor("a/b", "layer") + "]}";
    const std::string index = "{\"schemaVersion\":2,\"mediaType\":\"" +
                              std::string(media_types::oci_index) + "\",\"manifests\":[" +
                              descriptor(media_types::oci_manifest, image) + "]}";
    const std::string referrer = index.substr(0, index.size() - 1) +
                                 ",\"subject\":" + descriptor(media_types::oci_manifest, image) +
                                 "}";
    return {"", "{}", "layer", image, index, referrer};
}
const std::vector<std::string> contents = make_contents();

/// The input, taken from its front; zeros behind its end.
class Input {
 public:
    Input(const std::uint8_t* data, std::size_t size)
        : rest_(reinterpret_cast<const char*>(data), size) {}

    bool empty() const { return rest_.empty(); }
    std::size_t below(std::size_t n) {
        if (rest_.empty()) return 0;
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return byte % n;
    }
    std::string text() {
        const std::size_t n = std::min(below(64), rest_.size());
        const std::string text(rest_.substr(0, n));
        rest_.remove_prefix(n);
        return text;
    }
    template <std::size_t N>
    std::string_view pick(const std::string_view (&from)[N]) {
        return from[below(N)];
    }

 private:
    std::string_view rest_;
};

class Session {
 public:
    explicit Session(Input& input)
        : input_(input),
          registry_(run_blocking(Registry::open(make_memory_store(), options()))),
          handler_(make_protocol(registry_)) {}

    void request() {
        static constexpr std::string_view methods[] = {"GET",  "PUT",    "POST", "PATCH",
                                                       "HEAD", "DELETE", "ODD"};
        const std::string_view method = input_.pick(methods);
        const std::string target = path() + query();
        std::vector<std::string> values;
        const std::vector<HeaderField> fields = headers(values);
        const std::string body = content();
        MemoryBody source(body);

        HttpRequest request;
        request.method = parse_http_method(method);
        request.target = target;
        request.headers = fields;
        if (input_.below(4) > 0) request.body = &source;
        check(request, run_blocking(handler_->handle(request)));
    }

 private:
    static RegistryOptions options() {
        RegistryOptions options;
        options.max_manifest_size = 2000;
        options.buffer_size = 64;
        return options;
    }

    std::string content() {
        const std::size_t which = input_.below(contents.size() + 1);
        return which < contents.size() ? contents[which] : input_.text();
    }
    std::string digest() {
        const auto algorithm =
            input_.below(4) == 0 ? DigestAlgorithm::sha512 : DigestAlgorithm::sha256;
        return digest_of(algorithm, content()).to_string();
    }
    std::string word() {
        static constexpr std::string_view words[] = {"a", "a/b", "latest", "", "..", "blobs"};
        const std::size_t which = input_.below(std::size(words) + 2);
        if (which < std::size(words)) return std::string(words[which]);
        return which == std::size(words) ? digest() : input_.text();
    }

    std::string path() {
        static constexpr std::string_view names[] = {"/v2/a", "/v2/a/b", "/v2/a/blobs"};
        const std::string name(input_.pick(names));
        switch (input_.below(12)) {
            case 0: return "/v2/";
            case 1: return "/v2/_catalog";
            case 2: return name + "/tags/list";
            case 3: return name + "/blobs/" + digest();
            case 4: return name + "/blobs/uploads/";
            case 5: return upload_.empty() ? name + "/blobs/uploads/x" : upload_;
            case 6: return upload_;
            case 7: return name + "/manifests/" + digest();
            case 8: return name + "/manifests/" + word();
            case 9: return name + "/referrers/" + digest();
            case 10: return name;
            default: return input_.text();
        }
    }

    std::string query() {
        static constexpr std::string_view names[] = {
            "n", "last", "digest", "mount", "from", "tag", "digest-algorithm", "artifactType"};
        std::string text;
        for (std::size_t left = input_.below(4); left > 0; --left) {
            text.append(text.empty() ? "?" : "&").append(input_.pick(names)).append("=");
            switch (input_.below(4)) {
                case 0: text.append(std::to_string(input_.below(256))); break;
                case 1: text.append(digest()); break;
                default: text.append(word());
            }
        }
        return text;
    }

    std::vector<HeaderField> headers(std::vector<std::string>& values) {
        static constexpr std::string_view names[] = {"Range", "Content-Range", "If-None-Match",
                                                     "If-Range", "Content-Type"};
        static constexpr std::string_view known[] = {"bytes=0-1",
                                                     "bytes=-500",
                                                     "0-4",
                                                     "0-0",
                                                     "*",
                                                     media_types::oci_manifest,
                                                     media_types::oci_index,
                                                     media_types::json};
        values.reserve(3);
        std::vector<HeaderField> fields;
        for (std::size_t left = input_.below(4); left > 0; --left) {
            const std::string_view name = input_.pick(names);
            const std::size_t which = input_.below(std::size(known) + 2);
            if (which < std::size(known)) {
                values.emplace_back(known[which]);
            } else {
                values.push_back(which == std::size(known) ? '"' + digest() + '"' : input_.text());
            }
            fields.push_back({name, values.back()});
        }
        return fields;
    }

    void check(const HttpRequest& request, HttpResponse response) {
        require(response.status() >= 200 && response.status() < 500);
        if (const auto location = response.find("Location")) {
            require(location->starts_with("/v2/"));
            if (response.status() == 202) upload_ = *location;
        }
        if (request.method == HttpMethod::head) {
            require(response.body().length() == 0);
            return;
        }
        if (response.status() >= 400) check_error(response);
        if (response.status() == 200) check_content(response);
    }

    static void check_error(const HttpResponse& response) {
        simdjson::dom::parser parser;
        simdjson::dom::element document;
        require(parser.parse(std::string(response.body().bytes())).get(document) ==
                simdjson::SUCCESS);
        std::string_view text;
        require(document["errors"].at(0)["code"].get(text) == simdjson::SUCCESS);
        require(!text.empty());
        require(document["errors"].at(0)["message"].get(text) == simdjson::SUCCESS);
    }

    /// What is served as a whole hashes to the digest that it is served under.
    static void check_content(HttpResponse& response) {
        const auto named = response.find("Docker-Content-Digest");
        if (!named) return;
        const Digest digest = Digest::parse(*named);
        Hasher hasher(digest.algorithm());
        if (ObjectReader* reader = response.body().reader()) {
            std::byte buffer[64];
            while (const std::size_t n = run_blocking(reader->read(buffer))) {
                hasher.update(std::span<const std::byte>(buffer, n));
            }
        } else {
            hasher.update(response.body().bytes());
        }
        require(hasher.digest() == digest);
    }

    Input& input_;
    std::shared_ptr<Registry> registry_;
    std::shared_ptr<HttpHandler> handler_;
    std::string upload_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    Session session(input);
    for (int requests = 0; requests < 32 && !input.empty(); ++requests) session.request();
    return 0;
}
