#include "cli/build/build.hpp"

#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/dcos/metadata.hpp"
#include "pkgreg/error.hpp"

#include "cli/build/asset_fetcher.hpp"
#include "cli/build/content_pool.hpp"
#include "cli/build/image_archives.hpp"
#include "cli/build/image_puller.hpp"
#include "cli/build/interruption.hpp"
#include "cli/build/output_file.hpp"
#include "cli/build/report.hpp"
#include "cli/build/text_file.hpp"
#include "cli/build/work_queue.hpp"
#include "cli/descriptor_limit.hpp"
#include "cli/exit_code.hpp"
#include "cli/progress.hpp"

#include <iostream>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg::cli {
namespace {

namespace fs = std::filesystem;

/// The metadata of a build definition, with the files that it refers to put in.
PackageMetadata read_definition(const fs::path& file) {
    std::vector<Problem> problems;
    std::optional<PackageMetadata> metadata;
    const fs::path folder = file.parent_path();
    try {
        const auto definition =
            PackageMetadata::check(read_text_file(file), MetadataForm::build_definition, problems);
        if (definition) {
            metadata = definition->resolve(
                [&](const LocalReference& reference) {
                    return read_text_file(folder / reference.file);
                },
                problems);
        }
    } catch (const Error& error) {
        problems.push_back({"", "", error.message()});
    }
    if (!metadata) fail_with(problems, file, folder);
    return *std::move(metadata);
}

/// One build, from the definition to the bundle.
class Build {
 public:
    Build(const BuildOptions& options, const Interruption& interruption, std::ostream& out)
        : options_(options),
          interruption_(interruption),
          out_(out),
          metadata_(read_definition(options.definition)),
          queue_(fetch_settings()),
          assets_(options.output_folder, queue_, pool_,
                  [this](const std::string& what) { announce(what); }),
          images_(pull_settings(), interruption, queue_, pool_,
                  [this](const std::string& what) { announce(what); }),
          image_archives_(options.image_archives, queue_, pool_,
                          [this](const std::string& what) { announce(what); }) {}

    void run() {
        plan();
        std::vector<Problem> problems = queue_.run(options_.jobs);
        assets_.check_hashes(problems);
        if (!problems.empty()) fail(problems);
        const fs::path path = options_.output_folder /
                              (metadata_.name().str() + "-" + metadata_.version().str() + ".dcos");
        write(path);
        report_created("DC/OS Universe Package", metadata_.coordinate(), path, options_.json, out_);
    }

 private:
    FetchSettings fetch_settings() {
        return {&interruption_, options_.ca_file, options_.stall_timeout, options_.retries,
                &progress_};
    }
    PullSettings pull_settings() const {
        return {options_.platform, options_.insecure_registries, DockerCredentials::default_file(),
                options_.output_folder};
    }

    void announce(const std::string& what) {
        progress_.print(options_.json ? std::cerr : out_, "Fetching " + what);
    }

    [[noreturn]] void fail(const std::vector<Problem>& problems) const {
        fail_with(problems, options_.definition, options_.definition.parent_path());
    }

    /// Makes the jobs. What cannot be fetched at all is told before anything is.
    void plan() {
        std::vector<Problem> problems;
        image_archives_.check_names(metadata_, problems);
        std::size_t order = 0;
        for (const Asset& asset : metadata_.assets()) {
            try {
                plan(asset, {order++, asset.path});
            } catch (const Error& error) {
                problems.push_back({"", asset.path, error.message()});
            }
        }
        if (!problems.empty()) fail(problems);
    }

    void plan(const Asset& asset, const WorkQueue::Subject& subject) {
        const bool remote = options_.remote_assets.has(asset.kind);
        if (asset.kind == AssetKind::docker) {
            // The registry will serve the image by its reference, wherever it comes from.
            const ImageReference reference = ImageReference::parse(asset.value);
            if (image_archives_.has(asset)) {
                image_archives_.add(subject, asset);
            } else if (!remote) {
                images_.add(subject, reference);
            }
            return;
        }
        const AssetLocation location =
            AssetLocation::parse(asset.value, options_.definition.parent_path());
        if (!remote) {
            assets_.add(subject, asset, location);
        } else if (location.url.empty()) {
            throw Error(ErrorCode::invalid_argument,
                        "'" + asset.value +
                            "' is a file, which only a bundle can bring to a cluster; "
                            "--remote-assets must not include it");
        }
    }

    void write(const fs::path& path) {
        BundleContents contents{metadata_, assets_.resources(), images_.images()};
        for (BundleImage& image : image_archives_.images()) {
            contents.images.push_back(std::move(image));
        }
        OutputFile file(path);
        BundleWriter writer(contents, [&](std::string_view bytes) {
            interruption_.check();
            file.write(bytes);
        });
        while (const BundleBlob* blob = writer.next()) writer.add(pool_.reader(blob->digest));
        writer.finish();
        file.commit();
    }

    const BuildOptions& options_;
    const Interruption& interruption_;
    std::ostream& out_;
    Progress progress_;
    const PackageMetadata metadata_;
    ContentPool pool_;
    WorkQueue queue_;
    AssetFetcher assets_;
    ImagePuller images_;
    ImageArchives image_archives_;
};

}  // namespace

void build(const BuildOptions& options, std::ostream& out) {
    require_folder(options.output_folder, "--output-directory");
    raise_descriptor_limit();
    run_interruptible(
        [&](const Interruption& interruption) { Build(options, interruption, out).run(); });
}

}  // namespace pkgreg::cli
