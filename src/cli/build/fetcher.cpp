#include "cli/build/fetcher.hpp"

#include "pkgreg/error.hpp"

#include "base/mask_secrets.hpp"
#include "web/document_sink.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>

namespace pkgreg::cli {
namespace {

using std::chrono::milliseconds;

/// A try that brought this much was worth it.
constexpr std::uint64_t much = std::uint64_t{1} << 20;
/// How much of what a server says of an error is read.
constexpr std::size_t max_error_text = 16 * 1024;

/// Writes a file, or goes on with one whose beginning is there.
class FileSink final : public BodySink {
 public:
    FileSink(std::string url, SpoolFile& file, const FileExpectation& expectation,
             Progress* progress)
        : url_(std::move(url)), file_(file), expectation_(expectation) {
        if (progress) shown_.emplace(progress->start(expectation.label, expectation.size));
    }

    /// The request, asking only for what is missing.
    TransferRequest remaining(TransferRequest request) {
        text.clear();
        to_file_ = false;
        if (etag_.empty() && !expectation_.immutable && file_.size() > 0) file_.restart();
        if (file_.size() == 0) return request;
        request.fields.push_back("Range: bytes=" + std::to_string(file_.size()) + "-");
        if (!etag_.empty()) request.fields.push_back("If-Range: " + etag_);
        return request;
    }

    void begin(const HttpAnswer& answer) override {
        to_file_ = answer.status == 200 || answer.status == 206;
        if (!to_file_) return;
        const std::string_view etag = answer.field("ETag").value_or("");
        const bool goes_on = answer.status == 206 && file_.size() > 0 &&
                             range_begin(answer) == file_.size() &&
                             (etag_.empty() || etag.empty() || etag == etag_);
        if (!goes_on) {
            file_.restart();
            etag_ = etag.starts_with('"') ? etag : "";
        }
        if (answer.status == 206 && !goes_on) {
            throw TransferError(masked_url(url_) + ": the server sends another range than asked",
                                true);
        }
        const auto length = parse_number(answer.field("Content-Length").value_or(""));
        if (shown_ && length) shown_->set_total(file_.size() + *length);
    }

    void data(std::string_view bytes) override {
        if (!to_file_) {
            text.append(bytes.substr(0, max_error_text - std::min(max_error_text, text.size())));
            return;
        }
        if (expectation_.size && file_.size() + bytes.size() > *expectation_.size) {
            throw Error(ErrorCode::size_invalid, masked_url(url_) +
                                                     ": has more than the expected " +
                                                     std::to_string(*expectation_.size) + " bytes");
        }
        file_.append(bytes);
        if (shown_) shown_->set(file_.size());
    }

    /// Throws where the answer ended before the file did, which not every server's end tells.
    void complete() {
        if (expectation_.size && file_.size() != *expectation_.size) {
            throw TransferError(masked_url(url_) + ": ended after " + std::to_string(file_.size()) +
                                    " of " + std::to_string(*expectation_.size) + " bytes",
                                true);
        }
        if (shown_) shown_->complete();
    }

    void start_over() {
        etag_.clear();
        file_.restart();
    }

    std::string text;

 private:
    std::string url_;
    SpoolFile& file_;
    const FileExpectation& expectation_;
    std::string etag_;
    bool to_file_ = false;
    std::optional<Progress::Transfer> shown_;
};

}  // namespace

Fetcher::Fetcher(const FetchSettings& settings)
    : settings_(settings),
      transfer_({.ca_file = settings.ca_file,
                 .stall_timeout = settings.stall_timeout,
                 .stop_fd = settings.interruption->fd()}) {}

HttpAnswer Fetcher::perform(const TransferRequest& request, BodySink& sink) {
    settings_.interruption->check();
    try {
        return transfer_.perform(request, sink);
    } catch (const TransferStopped&) {
        throw Interrupted();
    }
}

void Fetcher::pause(Tries& tries, std::optional<milliseconds> asked) const {
    settings_.interruption->sleep(tries.next_pause(asked));
}

HttpAnswer Fetcher::get(const TransferRequest& request, std::size_t max_size) {
    Tries tries(settings_.retries);
    while (true) {
        try {
            DocumentSink sink(request.url, max_size);
            HttpAnswer answer = perform(request, sink);
            answer.body = std::move(sink.body);
            if (!is_temporary(answer.status) || !tries.left()) return answer;
            pause(tries, asked_pause(answer));
        } catch (const TransferError& error) {
            if (!error.temporary() || !tries.left())
                throw Error(ErrorCode::unavailable, error.what());
            pause(tries);
        }
    }
}

HttpAnswer Fetcher::save(const TransferRequest& request, SpoolFile& file,
                         const FileExpectation& expectation) {
    Tries tries(settings_.retries);
    FileSink sink(request.url, file, expectation, settings_.progress);
    while (true) {
        const std::uint64_t before = file.size();
        std::optional<milliseconds> asked;
        try {
            HttpAnswer answer = perform(sink.remaining(request), sink);
            answer.body = sink.text;
            if (answer.status == 206) answer.status = 200;
            if (answer.status == 200) {
                sink.complete();
                return answer;
            }
            const bool refused_range = answer.status == 416 && before > 0;
            if (refused_range) sink.start_over();
            if ((!refused_range && !is_temporary(answer.status)) || !tries.left()) return answer;
            asked = asked_pause(answer);
        } catch (const TransferError& error) {
            if (!error.temporary()) throw Error(ErrorCode::unavailable, error.what());
            if (file.size() >= before + much) tries.begin_anew();
            if (!tries.left()) throw Error(ErrorCode::unavailable, error.what());
        }
        pause(tries, asked);
    }
}

bool Fetcher::speaks_tls(const std::string& url) {
    Tries tries(settings_.retries);
    while (true) {
        try {
            DocumentSink sink(url, max_error_text);
            perform({url}, sink);
            return true;
        } catch (const TransferError& error) {
            if (error.no_tls()) return false;
            if (!error.temporary() || !tries.left())
                throw Error(ErrorCode::unavailable, error.what());
        }
        pause(tries);
    }
}

}  // namespace pkgreg::cli
