#include "cli/packages/package_commands.hpp"

#include "cli/packages/universe_import.hpp"

#include <CLI/App.hpp>

#include <iostream>

namespace pkgreg::cli {

PackageCommands::PackageCommands(CLI::App& parent)
    : add_(*parent.add_subcommand("add", "Add a package to a registry")),
      describe_(*parent.add_subcommand("describe", "Describe a package of a registry")),
      list_(*parent.add_subcommand("list", "List the packages of a registry")),
      remove_(*parent.add_subcommand("remove", "Remove a package from a registry")) {
    define_add();
    define_selection(describe_);
    list_.add_option("--package-name", package_, "Only the versions of this package")
        ->type_name("NAME");
    define_common(list_);
    define_selection(remove_);
    define_universe(parent);
}

void PackageCommands::define_add() {
    add_.add_option("--dcos-file", file_, "The bundle, as 'build' writes it")
        ->type_name("FILE")
        ->required();
    add_.add_flag("--replace", replace_,
                  "Replace a package of this name and version that has other content");
    define_common(add_);
}

void PackageCommands::define_selection(CLI::App& command) {
    command.add_option("--package-name", package_, "The package's name")
        ->type_name("NAME")
        ->required();
    command.add_option("--package-version", version_, "The package's version")
        ->type_name("VERSION")
        ->required();
    define_common(command);
}

void PackageCommands::define_universe(CLI::App& parent) {
    CLI::App* universe = parent.add_subcommand("universe", "Import packages of a Universe");
    universe_import_ = universe->add_subcommand(
        "import", "Add the packages of a Universe, without their files, to a registry");
    universe_import_
        ->add_option("SOURCE", source_,
                     "A folder of packages, a repository document, or the URL of one")
        ->type_name("")
        ->required();
    universe_import_->add_flag("--replace", replace_,
                               "Replace packages of the same name and version with other content");
    define_common(*universe_import_);
    universe_import_->footer(
        "Keeps releaseVersion and selected. Of a name and version that is there more than once, "
        "the "
        "one with\nthe highest releaseVersion is taken. Packages of packaging 2.0 are skipped. "
        "Ends "
        "with 1 if a package\nwas refused or could not be read; the others are added all the "
        "same.");
    universe->require_subcommand(1);
}

void PackageCommands::define_common(CLI::App& command) {
    command
        .add_option("--server", options_.server, "The registry's server (http://127.0.0.1:5000)")
        ->envname("PKGREG_SERVER")
        ->type_name("URL");
    add_access_options(command, options_.access);
    command
        .add_option("--name", options_.service,
                    "Without --server: the registry is this service of the DC/OS cluster")
        ->type_name("SERVICE");
    command.add_flag("--json", options_.json, "One JSON object instead of text");
}

void PackageCommands::run() {
    if (add_.parsed()) add_package(file_, replace_, options_, std::cout);
    if (describe_.parsed()) describe_package(package_, version_, options_, std::cout);
    if (list_.parsed()) list_packages(package_, options_, std::cout);
    if (remove_.parsed()) remove_package(package_, version_, options_, std::cout);
    if (universe_import_->parsed()) import_universe(source_, replace_, options_, std::cout);
}

}  // namespace pkgreg::cli
