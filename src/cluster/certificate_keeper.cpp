#include "cluster/certificate_keeper.hpp"

#include "pkgreg/error.hpp"

#include "base/threads.hpp"
#include "base/unique_fd.hpp"
#include "cluster/certificate_authority.hpp"
#include "cluster/certificate_request.hpp"
#include "cluster/patience.hpp"
#include "cluster/private_file.hpp"
#include "cluster/renewal.hpp"
#include "cluster/served_certificate.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <utility>

namespace pkgreg::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::system_clock;

/// When a file was written; the beginning of time where that cannot be told.
Clock::time_point written_at(const std::filesystem::path& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) return {};
    return Clock::from_time_t(info.st_mtim.tv_sec);
}

class Keeper final : public CertificateKeeper {
 public:
    Keeper(CertificateOptions options, LogCallback log)
        : options_(std::move(options)),
          log_(std::move(log)),
          session_(options_.session),
          file_(options_.directory / "tls.pem"),
          stop_(::eventfd(0, EFD_CLOEXEC)) {
        if (!stop_) throw std::system_error(errno, std::generic_category(), "eventfd");
    }

    ~Keeper() override {
        if (!thread_.joinable()) return;
        ::eventfd_write(stop_.get(), 1);
        thread_.join();
    }

    bool obtain(int stop_fd) override {
        return use_kept() ||
               ask_until_answered([&] { get_new(stop_fd); },
                                  "a certificate of the cluster's authority", stop_fd, log_);
    }

    void start() override {
        thread_ = start_thread([this] { renew_until_stopped(); });
    }

    const std::filesystem::path& file() const override { return file_; }

 private:
    void tell(LogLevel level, const std::string& line) const {
        if (log_) log_(level, line);
    }

    /// Whether there is a certificate of an earlier run that can be served.
    bool use_kept() {
        std::error_code error;
        if (!std::filesystem::exists(file_, error)) return false;
        try {
            const ServedCertificate kept = read_certificate(read_small_file(file_), options_.hosts);
            const auto written = std::clamp(written_at(file_), kept.begin, Clock::now());
            life_ = {written, kept.end};
        } catch (const Error& problem) {
            tell(LogLevel::info, "the certificate that was kept in " + file_.string() +
                                     " is not used: " + std::string(problem.message()));
            return false;
        }
        due_ = renewal_of(life_);
        tell(LogLevel::info, "the certificate that was kept in " + file_.string() +
                                 " is good for another " + text_of(life_.end - Clock::now()));
        return true;
    }

    void get_new(int stop_fd) {
        const std::string& profile = options_.profile;
        // Asked first: what is signed and then not used would count at the authority.
        const std::string authority = authority_certificate(session_, profile, stop_fd);
        const CertificateRequest made = make_certificate_request(options_.hosts);
        const std::string signed_by_it =
            sign_request(session_, made.request, options_.hosts, profile, stop_fd);
        const std::string& ca_file = options_.session.ca_file;
        const std::string trusted = ca_file.empty() ? std::string() : read_small_file(ca_file);
        const ServedCertificate served =
            assemble_certificate(made.key, signed_by_it, authority, trusted, options_.hosts);
        write_private_file(file_, served.pem);
        life_ = {Clock::now(), served.end};
        due_ = renewal_of(life_);
        std::string names;
        for (const std::string& host : options_.hosts) names += (names.empty() ? "" : ", ") + host;
        tell(LogLevel::info, "new certificate of the cluster's authority for " + names +
                                 ", good for " + text_of(life_.end - Clock::now()));
    }

    void renew_until_stopped() {
        Pauses pauses;
        while (true) {
            // In steps: the clock that certificates go by may be set.
            while (Clock::now() < due_) {
                const auto left = std::chrono::ceil<milliseconds>(due_ - Clock::now());
                if (sleep_for(std::min<milliseconds>(left, seconds(60)), stop_.get())) return;
            }
            try {
                get_new(stop_.get());
                pauses = {};
                continue;
            } catch (const Error& error) {
                if (error.code() == ErrorCode::cancelled) return;
                tell_failure(error.message(), pauses);
            } catch (const std::exception& error) {
                tell_failure(error.what(), pauses);
            }
        }
    }

    /// The nearer the end, the louder and the sooner.
    void tell_failure(std::string_view why, Pauses& pauses) {
        const auto left = life_.end - Clock::now();
        const milliseconds pause = pauses.next(longest_pause(left));
        due_ = Clock::now() + pause;
        std::string line = "the certificate of the cluster's authority cannot be renewed: ";
        line.append(why);
        line += left > Clock::duration::zero()
                    ? "; it ends in " + text_of(left)
                    : std::string("; it HAS ENDED, and clients refuse this registry");
        tell(is_near_end(life_, left) ? LogLevel::error : LogLevel::warning,
             line + "; the next try is in " + text_of(pause));
    }

    const CertificateOptions options_;
    const LogCallback log_;
    Session session_;
    const std::filesystem::path file_;
    const UniqueFd stop_;
    CertificateLife life_;
    Clock::time_point due_;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<CertificateKeeper> CertificateKeeper::make(CertificateOptions options,
                                                           LogCallback log) {
    return std::make_unique<Keeper>(std::move(options), std::move(log));
}

}  // namespace pkgreg::cluster
