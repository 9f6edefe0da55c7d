#include "cli/build/build_commands.hpp"

#include "cli/build/activate.hpp"
#include "cli/build/build.hpp"
#include "cli/build/migrate.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace pkgreg::cli {
namespace {

void add_migrate(CLI::App& parent) {
    const auto options = std::make_shared<MigrateOptions>();
    CLI::App* command = parent.add_subcommand(
        "migrate", "Make a build definition from a package folder of the Universe");
    command
        ->add_option("--package-directory", options->package_folder,
                     "The folder that has package.json")
        ->type_name("DIR")
        ->required();
    command
        ->add_option("--output-directory", options->output_folder,
                     "Where <name>-<version>.json is written")
        ->type_name("DIR")
        ->required();
    command->add_flag("--json", options->json, "Report an object: name, version, path");
    command->footer(
        "Prints every problem of the package, by file and field, and then writes nothing.");
    command->callback([options] { migrate(*options, std::cout); });
}

/// The texts that `build` turns into values of other types.
struct BuildArguments {
    BuildOptions options;
    std::string remote_assets;
    std::string platform;
    std::vector<std::string> image_archives;
    std::vector<std::string> insecure_registries;
    unsigned stall_timeout = 60;
    unsigned jobs = 4;
};

void read_remote_assets(BuildArguments& arguments) {
    if (arguments.remote_assets.empty()) return;
    const auto assets = RemoteAssets::try_parse(arguments.remote_assets);
    if (!assets) {
        throw CLI::ValidationError("--remote-assets",
                                   "'" + arguments.remote_assets +
                                       "' is not all, or a list of images, cli, uris and docker");
    }
    arguments.options.remote_assets = *assets;
}

void read_platform(BuildArguments& arguments) {
    if (arguments.platform.empty()) return;
    arguments.options.platform = Platform::try_parse(arguments.platform);
    if (!arguments.options.platform && arguments.platform != "all") {
        throw CLI::ValidationError("--platform", "'" + arguments.platform +
                                                     "' is not all, or a platform such as "
                                                     "linux/amd64 or linux/arm/v7");
    }
}

void read_image_archives(BuildArguments& arguments) {
    for (const std::string& text : arguments.image_archives) {
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
            throw CLI::ValidationError("--image", "'" + text + "' is not NAME=FILE");
        }
        const std::string name = text.substr(0, equals);
        if (!arguments.options.image_archives.emplace(name, text.substr(equals + 1)).second) {
            throw CLI::ValidationError("--image", "'" + name + "' is there twice");
        }
    }
}

void run_build(BuildArguments& arguments) {
    read_remote_assets(arguments);
    read_platform(arguments);
    read_image_archives(arguments);
    arguments.options.insecure_registries = {arguments.insecure_registries.begin(),
                                             arguments.insecure_registries.end()};
    arguments.options.stall_timeout = std::chrono::seconds(arguments.stall_timeout);
    arguments.options.jobs = arguments.jobs;
    build(arguments.options, std::cout);
}

void add_build_network(CLI::App& command, BuildArguments& arguments) {
    const char* group = "Network";
    command
        .add_option("--insecure-registry", arguments.insecure_registries,
                    "A registry, HOST[:PORT], that may be asked in plain HTTP; repeatable")
        ->type_name("HOST")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->group(group);
    command
        .add_option("--ca", arguments.options.ca_file,
                    "Certificates (PEM) that are trusted beside the system's")
        ->type_name("FILE")
        ->check(CLI::ExistingFile.description(""))
        ->group(group);
    command.add_option("--jobs", arguments.jobs, "How many fetches run at once (4)")
        ->type_name("N")
        ->check(CLI::Range(1, 64).description(""))
        ->group(group);
    command
        .add_option("--retries", arguments.options.retries,
                    "How often a disturbed fetch is tried again (4)")
        ->type_name("N")
        ->check(CLI::Range(0, 100).description(""))
        ->group(group);
    command
        .add_option("--stall-timeout", arguments.stall_timeout,
                    "How long nothing may come from a server (60)")
        ->type_name("SECONDS")
        ->check(CLI::Range(1, 3600).description(""))
        ->group(group);
}

void add_build(CLI::App& parent) {
    const auto arguments = std::make_shared<BuildArguments>();
    CLI::App* command =
        parent.add_subcommand("build", "Make a bundle (.dcos) from a build definition");
    command
        ->add_option("--build-definition-file", arguments->options.definition,
                     "The definition; files that it names are relative to its folder")
        ->type_name("FILE")
        ->required();
    command
        ->add_option("--output-directory", arguments->options.output_folder,
                     "Where <name>-<version>.dcos is written")
        ->type_name("DIR")
        ->required();
    command
        ->add_option("--remote-assets", arguments->remote_assets,
                     "Leave all assets where they are, or: images, cli, uris, docker")
        ->type_name("[KIND,...]")
        ->expected(0, 1)
        ->default_str("all");
    command
        ->add_option("--platform", arguments->platform,
                     "Whose images of an index: os/arch[/variant], or all (linux/amd64)")
        ->type_name("PLATFORM");
    command
        ->add_option("--image", arguments->image_archives,
                     "Take that image from an archive of 'docker save'; repeatable")
        ->type_name("NAME=FILE")
        ->allow_extra_args(false);
    command->add_flag("--json", arguments->options.json, "Report an object: name, version, path");
    add_build_network(*command, *arguments);
    command->footer(
        "Fetches every file and image that the package refers to; no Docker is needed. "
        "Credentials\n"
        "for registries are those of 'docker login': $DOCKER_CONFIG/config.json or\n"
        "~/.docker/config.json, credential helpers included. Loopback needs no "
        "--insecure-registry.\n"
        "Prints every problem, by file and field, and then leaves nothing behind.");
    command->callback([arguments] { run_build(*arguments); });
}

void add_activate(CLI::App& parent) {
    const auto options = std::make_shared<ActivateOptions>();
    CLI::App* command = parent.add_subcommand(
        "activate", "Print the Marathon app that runs the registry, or create it");
    command
        ->add_option("--options", options->options_file, "JSON options, see 'pkgreg options check'")
        ->type_name("FILE");
    command
        ->add_option("--program-url", options->program_url,
                     "Where tasks get the program (it is on the agents' PATH)")
        ->type_name("URL");
    command
        ->add_option("--marathon", options->marathon,
                     "Create the app there, such as https://master.mesos/service/marathon")
        ->type_name("URL");
    command->add_option("--token", options->token_file, "Who asks: a file with a DC/OS token")
        ->type_name("FILE");
    command
        ->add_option("--ca", options->ca_file,
                     "Certificates (PEM) that are trusted beside the system's")
        ->type_name("FILE")
        ->check(CLI::ExistingFile.description(""));
    command->add_flag("--json", options->json, "Report an object: id, deployment");
    command->callback([options] { activate(*options, std::cout); });
}

}  // namespace

void add_build_commands(CLI::App& parent) {
    add_migrate(parent);
    add_build(parent);
    add_activate(parent);
}

}  // namespace pkgreg::cli
