// Whether the kernel can encrypt what goes out over TLS (Linux, Documentation/networking/tls.rst).
#pragma once

namespace pkgreg {

/// Tries it on a connection of its own over the loopback, once per process.
bool kernel_offers_tls();

}  // namespace pkgreg
