// Copies of images from and to other registries.

#include "pkgreg/remote.hpp"

#include "arguments.hpp"
#include "broken_pipe.hpp"
#include "children.hpp"
#include "core.hpp"
#include "error.hpp"
#include "json_object.hpp"
#include "pkgreg.h"
#include "registry_table.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

using namespace pkgreg::capi;
using pkgreg::CopyProgress;
using pkgreg::RemoteOptions;
using pkgreg::RepositoryName;

namespace {

/// A copy that is under way. It may wait for another registry for minutes; closing does not.
class RunningCopy final : public Child {
 public:
    void cut_off() noexcept override { cut_off_ = true; }
    void release() noexcept override {}

    bool is_cut_off() const noexcept { return cut_off_; }

 private:
    std::atomic<bool> cut_off_ = false;
};

/// Whether the callback, where there is one, lets the copy go on.
bool tell(ProgressTarget& target, const CopyProgress& progress) {
    const std::string operation(progress.operation);
    const std::string subject(progress.subject);
    std::int32_t answer = 0;
    target.run([&](pkgreg_progress_fn function, void* user) {
        const pkgreg_progress told = {sizeof told, operation.c_str(), subject.c_str(),
                                      progress.done, progress.total};
        answer = function(user, &told);
    });
    return answer == 0;
}

RemoteOptions read_options(std::optional<std::string_view> json) {
    JsonObject object(json);
    RemoteOptions options;
    options.username = object.take_text("username").value_or("");
    options.password = object.take_text("password").value_or("");
    options.ca_file = object.take_text("ca").value_or("");
    options.platforms = object.take_texts("platforms");
    object.require_all_taken();
    return options;
}

/// Does `copy(options)` so that it can be followed, stopped, and ended by closing.
template <class Copy>
pkgreg::Digest run(Core& core, pkgreg_registry* registry, std::optional<std::string_view> json,
                   const Copy& copy) {
    RemoteOptions options = read_options(json);
    const BrokenPipeSilenced silence;
    const auto running = std::make_shared<RunningCopy>();
    const ChildHolder<RunningCopy> held(core, registry, running);
    options.progress = [&](const CopyProgress& progress) {
        return !running->is_cut_off() && tell(core.progress, progress);
    };
    try {
        return copy(options);
    } catch (const pkgreg::Error& error) {
        if (error.code() != pkgreg::ErrorCode::cancelled || !running->is_cut_off()) throw;
        throw pkgreg::Error(pkgreg::ErrorCode::closed,
                            "the registry was closed while an image was copied");
    }
}

}  // namespace

int32_t pkgreg_pull(pkgreg_registry* registry, const char* source, size_t source_length,
                    const char* repository, size_t repository_length, const char* tag,
                    size_t tag_length, const char* options, size_t options_length, char* digest,
                    pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        const auto from = required_text(source, source_length, "source");
        const auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        std::optional<pkgreg::Tag> wanted;
        if (const auto text = optional_text(tag, tag_length)) wanted = pkgreg::Tag::parse(*text);
        const auto pull = [&](const RemoteOptions& remote) {
            return pkgreg::pull_image(*call->registry, from, name, wanted, remote);
        };
        write_digest(digest,
                     run(call.core(), registry, optional_text(options, options_length), pull));
    });
}

int32_t pkgreg_push(pkgreg_registry* registry, const char* repository, size_t repository_length,
                    const char* reference, size_t reference_length, const char* target,
                    size_t target_length, const char* options, size_t options_length,
                    pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        const auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        const pkgreg::Reference image =
            pkgreg::parse_reference(required_text(reference, reference_length, "reference"));
        const auto to = required_text(target, target_length, "target");
        const auto push = [&](const RemoteOptions& remote) {
            return pkgreg::push_image(*call->registry, name, image, to, remote);
        };
        run(call.core(), registry, optional_text(options, options_length), push);
    });
}
