// In place of HTTP as a client, where a build has none.

#include "base/missing_part.hpp"
#include "web/document.hpp"

namespace pkgreg {

HttpAnswer fetch_document(const DocumentRequest&) {
    throw missing_part("documents from other services", "PKGREG_REMOTE");
}

}  // namespace pkgreg
