// `pkgreg trust`: lets container engines trust a registry's certificate.
#pragma once

namespace CLI {
class App;
}

namespace pkgreg::cli {

/// Adds the command; it runs while the command line is parsed.
void add_trust_command(CLI::App& app);

}  // namespace pkgreg::cli
