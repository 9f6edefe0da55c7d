// What a cluster's services answer: IAM's tokens, the authority's certificates, secrets.
#include "pkgreg/error.hpp"

#include "cluster/certificate_authority.hpp"
#include "cluster/secret_store.hpp"
#include "cluster/served_certificate.hpp"
#include "cluster/session.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

template <class Read>
void must_be_read_or_unavailable(const Read& read) {
    try {
        read();
    } catch (const pkgreg::Error& error) {
        if (error.code() != pkgreg::ErrorCode::unavailable) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pkgreg::cluster;
    const std::string text(reinterpret_cast<const char*>(data), size);
    must_be_read_or_unavailable([&] {
        const CaAnswer answer = parse_ca_answer(text);
        if (!answer.certificate.empty() && !answer.refusal.empty()) std::abort();
    });
    must_be_read_or_unavailable([&] {
        for (const char c : parse_login_answer(text)) {
            if (c <= ' ' || c >= 0x7f) std::abort();
        }
    });
    must_be_read_or_unavailable([&] {
        secret_in({200, {{"Content-Type", "application/json"}}, text});
    });
    must_be_read_or_unavailable([&] { read_certificate(text, {"a.example.com"}); });
    end_of_token(text);
    for (const char c : reason_in(text)) {
        if (c < ' ' || c > '~') std::abort();
    }
    return 0;
}
