#include "cli/build/marathon_app.hpp"

#include "base/json_text.hpp"
#include "dcos/verbatim_json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

namespace pkgreg::cli {
namespace {

constexpr double default_cpus = 1;
constexpr double default_mem = 512;
/// Of local storage, in MiB.
constexpr double default_volume = 20 * 1024;
constexpr std::string_view volume_path = "registry-storage";

std::string number(double value) {
    std::array<char, 32> buffer{};
    return std::string(buffer.begin(), std::to_chars(buffer.begin(), buffer.end(), value).ptr);
}

/// Writes JSON for people: a line for each member.
class JsonWriter {
 public:
    void open(char bracket) { begin(std::string(1, bracket)); }
    void open(std::string_view name, char bracket) { begin(key(name) + bracket); }
    void close(char bracket) {
        indent_.resize(indent_.size() - 2);
        text_.append("\n").append(indent_).push_back(bracket);
        first_ = false;
    }
    void raw(std::string_view name, std::string_view json) { line(key(name).append(json)); }
    void text(std::string_view name, std::string_view value) { raw(name, json_string(value)); }

    std::string take() && { return std::move(text_) + "\n"; }

 private:
    static std::string key(std::string_view name) { return json_string(name) + ": "; }
    void line(std::string_view json) {
        if (!first_) text_.push_back(',');
        if (!text_.empty()) text_.append("\n").append(indent_);
        text_.append(json);
        first_ = false;
    }
    void begin(std::string_view json) {
        line(json);
        indent_ += "  ";
        first_ = true;
    }

    std::string text_;
    std::string indent_;
    bool first_ = true;
};

/// A path in a sandbox; those of secrets may begin with a slash.
std::string_view relative(std::string_view path) {
    return path.substr(std::min(path.find_first_not_of('/'), path.size()));
}

/// Writes the parts of the app one after the other.
class AppWriter {
 public:
    AppWriter(const Options& options, std::string_view text, const ProgramSource& program)
        : options_(options), text_(text), program_(program) {
        if (const auto bucket = options.s3_storage()) {
            s3_secret_ = bucket->place.credential_secret_path;
        }
    }

    std::string write() && {
        out_.open('{');
        out_.text("id", marathon_app_id(options_));
        write_size();
        write_program();
        write_network();
        write_health_check();
        write_storage_rules();
        write_container();
        write_secrets();
        out_.close('}');
        return std::move(out_).take();
    }

 private:
    bool has_volume() const { return options_.program.storage.empty() && !options_.s3.has_value(); }
    double volume_size() const { return options_.service.disk.value_or(default_volume); }

    void write_size() {
        const ServiceOptions& service = options_.service;
        out_.raw("instances", std::to_string(service.instances.value_or(1)));
        out_.raw("cpus", number(service.cpus.value_or(default_cpus)));
        out_.raw("mem", number(service.mem.value_or(default_mem)));
        // The sandbox holds little; a volume has its own size.
        out_.raw("disk", number(has_volume() ? 0 : service.disk.value_or(0)));
    }

    void write_program() {
        const bool fetched = !program_.url.empty();
        std::string command = "printf '%s' \"$REGISTRY_OPTIONS\" > options.json && exec ";
        command += fetched ? "./pkgreg" : "pkgreg";
        command += " serve --options options.json --listen \"0.0.0.0:$PORT0\"";
        if (has_volume() && !options_.mount_volume) {
            command.append(" --storage \"$MESOS_SANDBOX/").append(volume_path).append("\"");
        }
        out_.text("cmd", command);
        if (fetched) {
            out_.open("fetch", '[');
            out_.open('{');
            out_.text("uri", program_.url);
            out_.text("destPath", "pkgreg");
            out_.raw("executable", "true");
            out_.close('}');
            out_.close(']');
        }
        out_.open("env", '{');
        out_.text("REGISTRY_OPTIONS", text_.empty() ? "{}" : without_white_space(text_));
        out_.close('}');
    }

    void write_network() {
        out_.open("networks", '[');
        out_.open('{');
        out_.text("mode", "host");
        out_.close('}');
        out_.close(']');
        out_.open("portDefinitions", '[');
        out_.open('{');
        out_.raw("port", "0");
        out_.text("protocol", "tcp");
        out_.text("name", "registry");
        out_.open("labels", '{');
        out_.text("VIP_0", marathon_app_id(options_) + ":443");
        out_.close('}');
        out_.close('}');
        out_.close(']');
    }

    void write_health_check() {
        out_.open("healthChecks", '[');
        out_.open('{');
        const ProgramOptions& program = options_.program;
        const bool tls = !program.allow_http || !program.tls_cert.empty() ||
                         program.cluster.certificate == ClusterCertificate::on;
        out_.text("protocol", tls ? "MESOS_HTTPS" : "MESOS_HTTP");
        out_.text("path", "/health");
        out_.raw("portIndex", "0");
        out_.raw("gracePeriodSeconds", "120");
        out_.raw("intervalSeconds", "15");
        out_.raw("timeoutSeconds", "10");
        out_.raw("maxConsecutiveFailures", "3");
        out_.close('}');
        out_.close(']');
    }

    /// A volume has one task at a time, which is stopped before the next one starts.
    void write_storage_rules() {
        if (!has_volume()) return;
        out_.open("residency", '{');
        out_.text("taskLostBehavior", "WAIT_FOREVER");
        out_.close('}');
        out_.open("upgradeStrategy", '{');
        out_.raw("minimumHealthCapacity", "0");
        out_.raw("maximumOverCapacity", "0");
        out_.close('}');
        if (!options_.mount_volume || options_.mount_volume->pinned_hostname.empty()) return;
        out_.raw("constraints", "[[\"hostname\", \"CLUSTER\", " +
                                    json_string(options_.mount_volume->pinned_hostname) + "]]");
    }

    void write_container() {
        out_.open("container", '{');
        out_.text("type", "MESOS");
        out_.open("volumes", '[');
        if (has_volume()) write_volume();
        write_secret_file(options_.service_account_secret_path, "service-account");
        if (!s3_secret_.empty()) write_secret_file(s3_secret_, "s3-credentials");
        out_.close(']');
        out_.close('}');
    }

    void write_volume() {
        const bool mount = options_.mount_volume.has_value();
        out_.open('{');
        out_.text("containerPath", mount ? options_.mount_volume->container_path : volume_path);
        out_.text("mode", "RW");
        out_.open("persistent", '{');
        out_.text("type", mount ? "mount" : "root");
        out_.raw("size", number(volume_size()));
        out_.close('}');
        out_.close('}');
    }

    void write_secret_file(std::string_view path, std::string_view name) {
        out_.open('{');
        out_.text("containerPath", relative(path));
        out_.text("secret", name);
        out_.close('}');
    }

    void write_secrets() {
        out_.open("secrets", '{');
        write_secret("service-account", options_.service_account_secret_path);
        if (!s3_secret_.empty()) write_secret("s3-credentials", s3_secret_);
        out_.close('}');
    }

    void write_secret(std::string_view name, std::string_view path) {
        out_.open(name, '{');
        out_.text("source", relative(path));
        out_.close('}');
    }

    const Options& options_;
    std::string_view text_;
    const ProgramSource& program_;
    std::string s3_secret_;
    JsonWriter out_;
};

}  // namespace

std::string marathon_app(const Options& options, std::string_view text,
                         const ProgramSource& program) {
    return AppWriter(options, text, program).write();
}

std::string marathon_app_id(const Options& options) {
    const std::string& name = options.service.name;
    return (name.starts_with('/') ? "" : "/") + name;
}

}  // namespace pkgreg::cli
