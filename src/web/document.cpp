#include "web/document.hpp"

#include "pkgreg/error.hpp"

#include "base/mask_secrets.hpp"
#include "web/document_sink.hpp"
#include "web/transfer.hpp"

#include <utility>

namespace pkgreg {

HttpAnswer fetch_document(const DocumentRequest& request) {
    TransferSettings settings;
    settings.ca_file = request.ca_file;
    settings.stall_timeout = request.stall_timeout;
    settings.answer_timeout = request.stall_timeout;
    settings.stop_fd = request.stop_fd;
    settings.ca_advice = "name the file of its authority";
    Transfer transfer(std::move(settings));
    TransferRequest asked;
    asked.url = request.url;
    asked.fields = request.fields;
    asked.body = request.body;
    DocumentSink sink(asked.url, request.max_size);
    try {
        HttpAnswer answer = transfer.perform(asked, sink);
        answer.body = std::move(sink.body);
        return answer;
    } catch (const TransferError& error) {
        throw Error(ErrorCode::unavailable, error.what());
    } catch (const TransferStopped&) {
        throw Error(ErrorCode::cancelled, "stopped while asking " + masked_url(request.url));
    }
}

}  // namespace pkgreg
