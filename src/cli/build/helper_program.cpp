#include "cli/build/helper_program.hpp"

#include "pkgreg/error.hpp"

#include "base/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace pkgreg::cli {
namespace {

constexpr std::size_t max_output = std::size_t{1} << 20;

[[noreturn]] void fail(const std::string& program, const std::string& why) {
    throw Error(ErrorCode::unavailable, program + " cannot be run: " + why);
}

struct Pipe {
    explicit Pipe(const std::string& program) {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) {
            fail(program, std::generic_category().message(errno));
        }
        out = UniqueFd(ends[0]);
        in = UniqueFd(ends[1]);
    }
    UniqueFd out;
    UniqueFd in;
};

/// How a child differs from this process: its standard input and output, and signals as a program
/// expects to find them.
class SpawnSettings {
 public:
    SpawnSettings(int input, int output) {
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        posix_spawnattr_init(&attributes);
        sigset_t none;
        sigemptyset(&none);
        sigset_t ignored = none;
        sigaddset(&ignored, SIGPIPE);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &ignored);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
};

/// A child that is killed, if it still runs, and waited for with its owner.
class Child {
 public:
    Child(const std::string& program, const std::string& argument, int input, int output) {
        const SpawnSettings settings(input, output);
        std::array<char*, 3> arguments = {const_cast<char*>(program.c_str()),
                                          const_cast<char*>(argument.c_str()), nullptr};
        const int error = posix_spawnp(&pid_, program.c_str(), &settings.actions,
                                       &settings.attributes, arguments.data(), environ);
        if (error != 0) fail(program, std::generic_category().message(error));
    }
    ~Child() {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        wait();
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    int wait() noexcept {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

 private:
    pid_t pid_ = -1;
};

std::string read_all(const std::string& program, int fd, const Interruption& interruption) {
    std::string output;
    std::array<char, 4096> buffer{};
    while (true) {
        std::array<pollfd, 2> waiting = {pollfd{fd, POLLIN, 0},
                                         pollfd{interruption.fd(), POLLIN, 0}};
        if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) {
            fail(program, std::generic_category().message(errno));
        }
        interruption.check();
        const ssize_t n = ::read(fd, buffer.data(), buffer.size());
        if (n == 0) return output;
        if (n < 0 && errno != EINTR) fail(program, std::generic_category().message(errno));
        if (n > 0) output.append(buffer.data(), static_cast<std::size_t>(n));
        if (output.size() > max_output) fail(program, "it says more than 1 MiB");
    }
}

}  // namespace

HelperResult run_helper(const std::string& program, const std::string& argument,
                        const std::string& input, const Interruption& interruption) {
    Pipe to_child(program);
    Pipe from_child(program);
    Child child(program, argument, to_child.out.get(), from_child.in.get());
    to_child.out.reset();
    from_child.in.reset();
    // It fits into the pipe's own buffer. A child that reads nothing is found out by its answer.
    if (::write(to_child.in.get(), input.data(), input.size()) < 0 && errno != EPIPE) {
        fail(program, std::generic_category().message(errno));
    }
    to_child.in.reset();
    HelperResult result;
    result.output = read_all(program, from_child.out.get(), interruption);
    result.status = child.wait();
    return result;
}

}  // namespace pkgreg::cli
