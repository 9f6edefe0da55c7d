#include "cli/command_line.hpp"

#include "pkgreg/error.hpp"
#include "pkgreg/options.hpp"

#include "cli/build/build_commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/listing.hpp"
#include "cli/packages/package_commands.hpp"
#include "cli/serve.hpp"
#include "cli/storage_arguments.hpp"
#include "cli/storage_check.hpp"
#include "cli/storage_orphans.hpp"
#include "cli/trust/trust_command.hpp"
#include "cli/version.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg::cli {
namespace {

constexpr const char* description =
    R"(A registry of container images and DC/OS packages.
Docker, podman, skopeo, containerd and every other OCI client push to it and pull from it.
)";

/// What the DC/OS command line shows beside the name of its plugin.
constexpr const char* plugin_description = "Manage the packages of a package registry";

constexpr const char* footer = R"(Examples:
  pkgreg serve --storage /var/lib/pkgreg --listen 127.0.0.1:5000
      serve a registry from a directory, then push to it:
      docker push 127.0.0.1:5000/hello:1
  pkgreg storage check --storage 's3://bucket/path?endpoint=http://127.0.0.1:9000'
      find out whether a registry can lie in that bucket; 'serve' takes the same
  pkgreg trust --host registry.example.com:5000 --ca ca.pem
      let this machine's container engines trust the certificate of that registry
  pkgreg tags hello --json
      list the tags of a repository of the server at 127.0.0.1:5000
  pkgreg add --dcos-file hello-1.0.dcos
      add a DC/OS package to that server
  pkgreg registry add --dcos-file hello-1.0.dcos
      the same, as the DC/OS command line's plugin 'dcos-registry' is called; every command
      can be given in this form

Environment:
  Every option of 'serve' can be given as a variable, in capitals and with '_': PKGREG_STORAGE,
  PKGREG_LISTEN, PKGREG_LOG_LEVEL; PKGREG_OPTIONS names the options file. The command line wins over
  the environment, and the environment over the options file.
  PKGREG_SERVER    the registry's server, for the commands that ask one
  PKGREG_CA        PEM file of the authorities to trust, for a server with https
  PKGREG_USER, PKGREG_PASSWORD
                   who asks it; a password is never given on the command line
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and their like
                   keys and region of a bucket, where the options name no secret and no file

Storage in a bucket is s3://BUCKET/PATH?NAME=VALUE&..., with these parameters:
  endpoint, region, addressing, checksum, ca, proxy, encryption, kms-key, storage-class,
  part-size, parts-in-flight, max-parts, credential-file, credential-secret-path,
  credential-profile-name

Exit codes:
  0  done; for 'serve': stopped by SIGTERM or SIGINT
  1  the operation failed
  2  the command line, the environment or the options file is wrong
  3  the storage cannot be used: locked by another process, unreadable, or of an unknown kind
  4  an address or port cannot be listened on
  5  the server that was asked does not answer, or is no registry
)";

/// Help in the form of manual pages: no variable behind every option (the help of the program says
/// how they are named), and one empty line between groups.
class HelpFormatter final : public CLI::Formatter {
 public:
    HelpFormatter() { column_width(31); }

    std::string make_option_opts(const CLI::Option* option) const override {
        const std::string type = option->get_type_name();
        return option->get_type_size() == 0 || type.empty() ? std::string() : " " + type;
    }
    std::string make_help(const CLI::App* app, std::string name,
                          CLI::AppFormatMode mode) const override {
        std::string out = CLI::Formatter::make_help(app, std::move(name), mode);
        for (std::size_t at = 0; (at = out.find("\n\n\n", at)) != std::string::npos;) {
            out.erase(at, 1);
        }
        return out;
    }
};

/// Turns a word into the number that CLI11 reads an enumeration from.
template <class E>
CLI::Validator word_of(std::vector<std::pair<std::string, E>> words) {
    return CLI::Validator(
        [words = std::move(words)](std::string& text) -> std::string {
            std::string known;
            for (const auto& [word, value] : words) {
                if (text == word) {
                    text = std::to_string(static_cast<int>(value));
                    return {};
                }
                known += (known.empty() ? "" : ", ") + word;
            }
            return "'" + text + "' is none of " + known;
        },
        "");
}

/// The options of `serve`: each one changes a member of the options, when it was given.
class ServeCommand {
 public:
    explicit ServeCommand(CLI::App& parent)
        : app_(*parent.add_subcommand("serve", "Serve a registry until SIGTERM or SIGINT")),
          storage_(app_, "Directory, s3://BUCKET/PATH, or memory: to keep nothing", true) {
        add_network();
        add_access();
        add_cluster();
        add_behaviour();
        add_logs();
        add_limits();
        // With this set, the environment is read only when the command is given.
        app_.parse_complete_callback([] {});
        app_.footer(
            "SIGTERM and SIGINT let running transfers finish for --grace seconds; a second signal "
            "ends them.\nFirst line on standard output: 'listening on http://HOST:PORT', one for "
            "each address; all logs go\nto standard error.");
    }

    bool given() const { return app_.parsed(); }

    void run() const {
        Options options = storage_.load();
        for (const auto& change : changes_) change(options);
        check_options(options);
        serve(options);
    }

 private:
    /// The part of the options that a member belongs to.
    static ProgramOptions& part(Options& options, const ProgramOptions*) { return options.program; }
    static AccessSettings& part(Options& options, const AccessSettings*) {
        return options.program.access;
    }
    static ClusterSettings& part(Options& options, const ClusterSettings*) {
        return options.program.cluster;
    }

    /// An option with a value for one member of such a part.
    template <class T, class Part>
    CLI::Option* add(const std::string& name, T Part::*member, const std::string& type,
                     const std::string& text) {
        auto value = std::make_shared<T>();
        CLI::Option* option = app_.add_option("--" + name, *value, text);
        option->envname(variable(name))->type_name(type);
        changes_.push_back([option, value, member](Options& options) {
            if (option->count() != 0) part(options, static_cast<Part*>(nullptr)).*member = *value;
        });
        return option;
    }

    /// A switch that sets a member to `value`; `--name=false` sets it to the opposite.
    template <class Part>
    CLI::Option* add_switch(const std::string& name, bool Part::*member, bool value,
                            const std::string& text) {
        auto given = std::make_shared<bool>(false);
        CLI::Option* option = app_.add_flag("--" + name, *given, text);
        option->envname(variable(name));
        changes_.push_back([option, given, member, value](Options& options) {
            if (option->count() != 0)
                part(options, static_cast<Part*>(nullptr)).*member = *given == value;
        });
        return option;
    }

    /// `--log-level` → `PKGREG_LOG_LEVEL`.
    static std::string variable(const std::string& name) {
        std::string out = "PKGREG_";
        for (const char c : name) {
            out += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        }
        return out;
    }

    void add_network() {
        const char* group = "Network";
        add("listen", &ProgramOptions::listen, "HOST:PORT",
            "Address, or unix:PATH; repeatable; port 0: any free one (127.0.0.1:5000)")
            ->delimiter(',')
            ->allow_extra_args(false)
            ->group(group);
        add_switch("allow-http", &ProgramOptions::allow_http, true,
                   "Allow plain HTTP on addresses other than loopback")
            ->group(group);
        add("tls-cert", &ProgramOptions::tls_cert, "FILE",
            "Certificate and those that lead to its authority (PEM); read again when it changes")
            ->group(group);
        add("tls-key", &ProgramOptions::tls_key, "FILE", "Its private key (PEM)")->group(group);
        add("tls-client-ca", &ProgramOptions::tls_client_ca, "FILE",
            "Authorities whose certificates clients may show (PEM)")
            ->group(group);
        add_switch("tls-require-client-cert", &ProgramOptions::tls_require_client_cert, true,
                   "Refuse clients that show none")
            ->group(group);
        add_switch("no-tls-kernel", &ProgramOptions::tls_kernel, false,
                   "Do not let the kernel encrypt, where it could")
            ->group(group);
        add("redirect-http", &ProgramOptions::redirect_http, "HOST:PORT",
            "Send plain requests at this address on to TLS (308); repeatable")
            ->delimiter(',')
            ->allow_extra_args(false)
            ->group(group);
        add("external-url", &ProgramOptions::external_url, "URL",
            "Where clients reach the registry, if not where they say (Host)")
            ->group(group);
        add("trusted-proxy", &ProgramOptions::trusted_proxies, "ADDRESS",
            "Proxy or network whose X-Forwarded-* fields are believed; repeatable")
            ->delimiter(',')
            ->allow_extra_args(false)
            ->group(group);
        add("redirect-client", &ProgramOptions::redirect_clients, "ADDRESS",
            "Client or network that fetches blobs from S3 itself (307); repeatable; *: all")
            ->delimiter(',')
            ->allow_extra_args(false)
            ->group(group);
        add("threads", &ProgramOptions::threads, "N", "Event loops (0: one for each core)")
            ->group(group);
    }

    void add_access() {
        const char* group = "Access";
        const auto text = [&](const std::string& name, std::string AccessSettings::*member,
                              const std::string& type, const std::string& help) {
            add(name, member, type, help)->group(group);
        };
        text("htpasswd", &AccessSettings::htpasswd, "FILE",
             "Names and passwords, as 'htpasswd -B' writes them");
        text("access-policy", &AccessSettings::policy, "FILE", "Who may do what (JSON)");
        add_switch("anonymous-pull", &AccessSettings::anonymous_pull, true,
                   "Everybody may pull, whatever the policy says")
            ->group(group);
        text("token-keys", &AccessSettings::token_keys, "FILE|URL",
             "JWK set of an outside token issuer");
        text("token-realm", &AccessSettings::token_realm, "URL", "Where clients get its tokens");
        text("token-issuer", &AccessSettings::token_issuer, "TEXT", "What their 'iss' must be");
        text("token-service", &AccessSettings::token_service, "TEXT",
             "What their 'aud' must name (pkgreg)");
        add_switch("token-endpoint", &AccessSettings::token_endpoint, true,
                   "Issue tokens at /token, to whom the other methods know")
            ->group(group);
        text("token-signing-key", &AccessSettings::token_signing_key, "FILE",
             "Key that signs them (PEM); all instances need the same");
        add("token-lifetime", &AccessSettings::token_lifetime_seconds, "SECONDS",
            "How long such a token is good (300)")
            ->group(group);
        text("dcos-keys", &AccessSettings::dcos_keys, "FILE|URL",
             "JWK set of DC/OS' IAM, whose tokens are taken then");
        text("access-ca", &AccessSettings::ca, "FILE",
             "Authorities behind these URLs, beside the system's (PEM)");
        add("max-requests-per-second", &AccessSettings::max_requests_per_second, "N",
            "Of one identity, or address of an unknown client (0: any number)")
            ->group(group);
        add("max-requests-at-once", &AccessSettings::max_requests_at_once, "N",
            "Likewise (0: any number)")
            ->group(group);
        text("audit-log", &AccessSettings::audit_log, "FILE",
             "A JSON line for each change and each refused log-in; -: standard error");
    }

    void add_cluster() {
        const char* group = "DC/OS";
        const auto text = [&](const std::string& name, std::string ClusterSettings::*member,
                              const std::string& type, const std::string& help) {
            add(name, member, type, help)->group(group);
        };
        add("cluster-certificate", &ClusterSettings::certificate, "WHEN",
            "Serve a certificate of the cluster's authority: automatic, on, off (automatic)")
            ->transform(word_of<ClusterCertificate>({{"automatic", ClusterCertificate::automatic},
                                                     {"on", ClusterCertificate::on},
                                                     {"off", ClusterCertificate::off}}))
            ->group(group);
        add("cluster-name", &ClusterSettings::names, "HOST",
            "Name or address it holds beside the service's own; repeatable")
            ->delimiter(',')
            ->allow_extra_args(false)
            ->group(group);
        text("cluster-url", &ClusterSettings::url, "URL", "The masters (https://master.mesos)");
        text("cluster-ca", &ClusterSettings::ca, "FILE",
             "Authorities that vouch for them (/run/dcos/pki/CA/ca-bundle.crt)");
        text("cluster-profile", &ClusterSettings::profile, "NAME",
             "The authority's profile to sign by");
        text("cluster-directory", &ClusterSettings::directory, "DIR",
             "Where key and certificate are kept (pkgreg-cluster in the sandbox)");
    }

    void add_behaviour() {
        const char* group = "Behaviour";
        add_switch("read-only", &ProgramOptions::read_only, true,
                   "Refuse every change; takes no lock, so it may run beside a writer")
            ->group(group);
        add_switch("no-delete", &ProgramOptions::deletion, false, "Refuse deletion")->group(group);
        add("upload-idle-hours", &ProgramOptions::upload_idle_hours, "N",
            "Give up uploads that got no bytes for this long (24)")
            ->group(group);
        add("grace", &ProgramOptions::grace_seconds, "SECONDS",
            "How long running transfers may go on after SIGTERM (30)")
            ->group(group);
    }

    void add_logs() {
        const char* group = "Logs";
        add("log-level", &ProgramOptions::log_level, "LEVEL",
            "Least level that is logged: debug, info, warning or error (info)")
            ->transform(word_of<LogLevel>({{"debug", LogLevel::debug},
                                           {"info", LogLevel::info},
                                           {"warning", LogLevel::warning},
                                           {"error", LogLevel::error}}))
            ->group(group);
        add("log-format", &ProgramOptions::log_format, "FORMAT", "text or json, a line each (text)")
            ->transform(word_of<LogFormat>({{"text", LogFormat::text}, {"json", LogFormat::json}}))
            ->group(group);
        add_switch("no-access-log", &ProgramOptions::access_log, false, "Do not log each request")
            ->group(group);
    }

    void add_limits() {
        const char* group = "Limits (0: none)";
        add("max-connections", &ProgramOptions::max_connections, "N", "Connections at once (4096)")
            ->group(group);
        add("max-body-bytes", &ProgramOptions::max_body_bytes, "BYTES",
            "Largest body of a request (0)")
            ->group(group);
        add("max-manifest-bytes", &ProgramOptions::max_manifest_bytes, "BYTES",
            "Largest manifest (4194304)")
            ->group(group);
        add("max-header-bytes", &ProgramOptions::max_header_bytes, "BYTES",
            "Request line and fields (32768)")
            ->group(group);
        add("header-timeout", &ProgramOptions::header_timeout_seconds, "SECONDS",
            "From a request's first byte to the end of its fields (15)")
            ->group(group);
        add("stall-timeout", &ProgramOptions::stall_timeout_seconds, "SECONDS",
            "Without a byte moving while a body is transferred (60)")
            ->group(group);
        add("idle-timeout", &ProgramOptions::idle_timeout_seconds, "SECONDS",
            "Between requests of one connection (120)")
            ->group(group);
        add("min-rate", &ProgramOptions::min_bytes_per_second, "BYTES",
            "Slowest transfer that is not cut off, in bytes a second (1024)")
            ->group(group);
    }

    CLI::App& app_;
    StorageArguments storage_;
    std::vector<std::function<void(Options&)>> changes_;
};

/// `options check FILE`.
class OptionsCommand {
 public:
    explicit OptionsCommand(CLI::App& parent)
        : app_(*parent.add_subcommand("options", "Check a file of JSON options")) {
        CLI::App* check = app_.add_subcommand(
            "check", "Print the effective options, defaults filled in and secrets masked");
        check->add_option("FILE", file_, "The options, as 'serve --options' takes them")
            ->type_name("")
            ->required();
        app_.require_subcommand(1);
    }

    bool given() const { return app_.parsed(); }
    void run() const { std::cout << print_options(load_options(file_)) << std::flush; }

 private:
    CLI::App& app_;
    std::string file_;
};

/// `storage check` and `storage orphans`.
class StorageCommand {
 public:
    explicit StorageCommand(CLI::App& parent)
        : app_(*parent.add_subcommand("storage", "Check a storage, tidy it up")),
          check_(*app_.add_subcommand(
              "check", "Try all that a registry does with its storage, and tell what to fix")),
          check_storage_(check_, "Directory or s3://BUCKET/PATH", true),
          orphans_(*app_.add_subcommand(
              "orphans", "List objects and uploads in a storage that nothing needs")),
          orphans_storage_(orphans_, "Directory or s3://BUCKET/PATH", true) {
        orphans_.parse_complete_callback([] {});
        orphans_.add_flag("--remove", remove_, "Remove them");
        orphans_.footer(
            "What no blob and no upload names is listed once it is twice as old as "
            "upload-idle-hours\n(at least 48 hours); servers on a bucket remove it by themselves.");
        // With this set, the environment is read only when the command is given.
        check_.parse_complete_callback([] {});
        check_.footer(
            "In a bucket it writes, reads and removes objects below PATH/check/; in a directory it "
            "leaves\nno trace. Ends with 0 when a registry can work there, with 3 when it cannot.");
        app_.require_subcommand(1);
    }

    bool given() const { return app_.parsed(); }
    void run() const {
        const bool check = check_.parsed();
        const Options options = (check ? check_storage_ : orphans_storage_).load();
        check_options(options);
        if (check) {
            check_storage(options, std::cout);
        } else {
            list_orphans(options, remove_, std::cout);
        }
    }

 private:
    CLI::App& app_;
    CLI::App& check_;
    StorageArguments check_storage_;
    CLI::App& orphans_;
    StorageArguments orphans_storage_;
    bool remove_ = false;
};

/// `repositories` and `tags`.
class ListingCommands {
 public:
    explicit ListingCommands(CLI::App& parent)
        : repositories_(*parent.add_subcommand("repositories", "List all repositories")),
          tags_(*parent.add_subcommand("tags", "List all tags of a repository")),
          repositories_storage_(repositories_, storage_text, false),
          tags_storage_(tags_, storage_text, false) {
        tags_.add_option("NAME", repository_, "The repository, such as library/hello")
            ->type_name("")
            ->required();
        add_common(repositories_);
        add_common(tags_);
    }

    bool given() const { return repositories_.parsed() || tags_.parsed(); }
    void run() const {
        const bool repositories = repositories_.parsed();
        const StorageArguments& storage = repositories ? repositories_storage_ : tags_storage_;
        ListingOptions options = options_;
        if (storage.given()) {
            options.storage = storage.load();
            check_options(*options.storage);
        }
        if (repositories) {
            list_repositories(options, std::cout);
        } else {
            list_tags(repository_, options, std::cout);
        }
    }

 private:
    static constexpr const char* storage_text =
        "Read this directory or s3://BUCKET/PATH instead, beside its server";

    void add_common(CLI::App& command) {
        CLI::Option* server = command.add_option("--server", options_.server,
                                                 "The registry's server (http://127.0.0.1:5000)");
        server->envname("PKGREG_SERVER")->type_name("URL");
        add_access_options(command, options_.access);
        command.add_flag("--json", options_.json, "One JSON object instead of lines");
    }

    CLI::App& repositories_;
    CLI::App& tags_;
    StorageArguments repositories_storage_;
    StorageArguments tags_storage_;
    std::string repository_;
    ListingOptions options_;
};

/// Writes a message, which may have several lines, and gives the exit code back.
int report(ExitCode code, std::string_view message) {
    while (!message.empty()) {
        const std::size_t end = std::min(message.find('\n'), message.size());
        std::cerr << "pkgreg: " << message.substr(0, end) << '\n';
        message.remove_prefix(std::min(end + 1, message.size()));
    }
    return static_cast<int>(code);
}

}  // namespace

int run(int argc, char** argv) {
    // As a plugin, `dcos registry add` is run as `dcos-registry registry add`.
    if (argc > 1 && std::string_view(argv[1]) == "registry") {
        argv[1] = argv[0];
        --argc;
        ++argv;
    }
    CLI::App app(description, "pkgreg");
    app.formatter(std::make_shared<HelpFormatter>());
    app.require_subcommand(1);
    app.add_flag_callback(
        "--info",
        [] {
            std::cout << plugin_description << std::endl;
            throw CLI::Success();
        },
        "Print what this is as a plugin of the DC/OS command line");
    app.set_version_flag(
        "--version", [] { return version_text(); },
        "Print the version, and those of the libraries");
    ServeCommand serve_command(app);
    OptionsCommand options_command(app);
    StorageCommand storage_command(app);
    ListingCommands listing_commands(app);
    add_build_commands(app);
    add_trust_command(app);
    PackageCommands package_commands(app);
    app.footer(footer);  // last, or every command would inherit it
    try {
        app.parse(argc, argv);
        if (serve_command.given()) serve_command.run();
        if (options_command.given()) options_command.run();
        if (storage_command.given()) storage_command.run();
        if (listing_commands.given()) listing_commands.run();
        package_commands.run();
        return static_cast<int>(ExitCode::ok);
    } catch (const CLI::ParseError& error) {
        // Help and version are thrown as well; for everything else CLI11 has codes of its own.
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
    } catch (const ProgramError& error) {
        return report(error.code(), error.what());
    } catch (const Error& error) {
        const bool options = error.code() == ErrorCode::invalid_options;
        return report(options ? ExitCode::usage : ExitCode::failed, error.what());
    } catch (const std::exception& error) {
        return report(ExitCode::failed, error.what());
    }
}

}  // namespace pkgreg::cli
