// When a certificate is renewed, and what is thought of its end.
#pragma once

#include "cluster/patience.hpp"

#include <algorithm>
#include <chrono>

namespace pkgreg::cluster {

/// The time in which a certificate is served. It begins when it was obtained: authorities date
/// certificates back, for clocks that are behind.
struct CertificateLife {
    std::chrono::system_clock::time_point obtained;
    std::chrono::system_clock::time_point end;
};

/// After two thirds of its life, or a little earlier: instances that were started together do not
/// all ask at once.
inline std::chrono::system_clock::time_point renewal_of(const CertificateLife& life) {
    using Clock = std::chrono::system_clock;
    const auto whole = std::max(life.end - life.obtained, Clock::duration::zero());
    return life.obtained + std::chrono::duration_cast<Clock::duration>(whole * chance(0.60, 0.667));
}

/// Whether people have to be told.
inline bool is_near_end(const CertificateLife& life, std::chrono::system_clock::duration left) {
    return left < (life.end - life.obtained) / 6;
}

/// The longest pause between tries while a certificate is good for another `left`.
inline std::chrono::milliseconds longest_pause(std::chrono::system_clock::duration left) {
    using namespace std::chrono;
    return std::clamp(duration_cast<milliseconds>(left / 8), milliseconds(1000),
                      milliseconds(600'000));
}

}  // namespace pkgreg::cluster
