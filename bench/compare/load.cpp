// Sends one small request again and again over keep-alive connections and measures latencies.
//
// Without --rate it is a closed loop: each connection asks again as soon as it was answered, which
// gives the highest number of requests per second. With --rate it is an open loop: requests are due
// at fixed times whatever the server does, and a latency counts from the time a request was due,
// not from the time a connection was free to send it. So a server that stalls cannot make the load
// wait for it and hide what users would have seen ("coordinated omission").
#include "client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <exception>
#include <fcntl.h>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

namespace pkgreg::bench {
namespace {

struct Plan {
    Url url;
    std::string request;
    bool head = false;
    unsigned status = 200;
    std::uint64_t connections = 1;
    /// Requests per second; 0: as many as come.
    double rate = 0;
    /// Latencies count from `begin` to `end`; before is for warming up.
    double begin = 0;
    double end = 0;
};

/// What one thread saw: a latency in seconds for each request that ended (or should have ended)
/// between begin and end.
struct Outcome {
    std::vector<float> latencies;
    std::uint64_t completed = 0;
    std::exception_ptr error;
};

struct Client {
    explicit Client(const Url& url) : socket(url) {
        ::fcntl(socket.fd(), F_SETFL, ::fcntl(socket.fd(), F_GETFL) | O_NONBLOCK);
    }
    Socket socket;
    ResponseParser parser;
    double due = 0;
    bool busy = false;
};

/// The connections of one thread, and the requests that are due on them.
class Loop {
 public:
    Loop(const Plan& plan, Outcome& outcome)
        : plan_(plan),
          outcome_(outcome),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          buffer_(64 << 10) {
        for (std::uint64_t i = 0; i < plan.connections; ++i) {
            clients_.push_back(std::make_unique<Client>(plan.url));
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.ptr = clients_.back().get();
            if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, clients_.back()->socket.fd(), &event) != 0) {
                throw std::system_error(errno, std::generic_category(), "epoll_ctl");
            }
            idle_.push_back(clients_.back().get());
        }
        outcome_.latencies.reserve(1 << 20);
    }
    ~Loop() { ::close(epoll_); }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void run() {
        // The sleep until the next request is due must not be rounded up to 50 µs.
        ::prctl(PR_SET_TIMERSLACK, 1UL);
        const bool open = plan_.rate > 0;
        const double interval = open ? 1 / plan_.rate : 0;
        double next = now();
        for (double time = next; time < plan_.end; time = now()) {
            if (open) {
                for (; next <= time; next += interval) waiting_.push_back(next);
            } else {
                waiting_.assign(idle_.size(), time);
            }
            send_waiting();
            receive((open ? std::min(next, plan_.end) : plan_.end) - now());
        }
        count_unanswered();
    }

 private:
    void send_waiting() {
        while (!waiting_.empty() && !idle_.empty()) {
            Client& client = *idle_.front();
            idle_.pop_front();
            client.due = waiting_.front();
            waiting_.pop_front();
            client.busy = true;
            client.parser.reset(plan_.head);
            client.socket.send(plan_.request);
        }
    }

    void receive(double timeout) {
        timeout = std::max(timeout, 0.0);
        timespec wait{};
        wait.tv_sec = static_cast<time_t>(timeout);
        wait.tv_nsec = static_cast<long>((timeout - static_cast<double>(wait.tv_sec)) * 1e9);
        epoll_event events[64];
        const int n = ::epoll_pwait2(epoll_, events, 64, &wait, nullptr);
        if (n < 0 && errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "epoll_pwait2");
        }
        for (int i = 0; i < n; ++i) receive(*static_cast<Client*>(events[i].data.ptr));
    }

    void receive(Client& client) {
        const ssize_t n = ::recv(client.socket.fd(), buffer_.data(), buffer_.size(), 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (n <= 0) throw std::runtime_error("the server closed a connection");
        client.parser.feed({buffer_.data(), static_cast<std::size_t>(n)});
        if (!client.parser.complete()) return;
        if (client.parser.status() != plan_.status) {
            throw std::runtime_error("status " + std::to_string(client.parser.status()) + ": " +
                                     client.parser.body_start());
        }
        const double time = now();
        if (time >= plan_.begin && time < plan_.end) {
            ++outcome_.completed;
            outcome_.latencies.push_back(static_cast<float>(time - client.due));
        }
        client.busy = false;
        idle_.push_back(&client);
    }

    /// Requests without an answer at the end waited at least until now; to drop them would make a
    /// server that hangs look fast.
    void count_unanswered() {
        if (plan_.rate == 0) return;
        const auto count = [&](double due) {
            outcome_.latencies.push_back(static_cast<float>(plan_.end - due));
        };
        for (const double due : waiting_) count(due);
        for (const auto& client : clients_) {
            if (client->busy) count(client->due);
        }
    }

    const Plan& plan_;
    Outcome& outcome_;
    int epoll_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::deque<Client*> idle_;
    std::deque<double> waiting_;
    std::vector<char> buffer_;
};

double quantile(std::vector<float>& sorted, double q) {
    if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
    const auto at = static_cast<std::size_t>(q * static_cast<double>(sorted.size()));
    return static_cast<double>(sorted[std::min(at, sorted.size() - 1)]);
}

void print(std::vector<Outcome>& outcomes, double seconds) {
    std::vector<float> latencies;
    std::uint64_t completed = 0;
    for (const Outcome& outcome : outcomes) {
        if (outcome.error) std::rethrow_exception(outcome.error);
        latencies.insert(latencies.end(), outcome.latencies.begin(), outcome.latencies.end());
        completed += outcome.completed;
    }
    if (completed == 0) throw std::runtime_error("no request was answered");
    std::sort(latencies.begin(), latencies.end());
    std::printf(
        "{\"requests\": %llu, \"seconds\": %.3f, \"rate\": %.1f, \"client_cpu\": %.6f, "
        "\"p50_ms\": %.4f, \"p99_ms\": %.4f, \"p999_ms\": %.4f, \"max_ms\": %.4f}\n",
        static_cast<unsigned long long>(completed), seconds,
        static_cast<double>(completed) / seconds, cpu_seconds(), quantile(latencies, 0.5) * 1e3,
        quantile(latencies, 0.99) * 1e3, quantile(latencies, 0.999) * 1e3,
        quantile(latencies, 1) * 1e3);
}

int program(int argc, char** argv) {
    const Options options(argc, argv,
                          {{"url", ""},
                           {"method", "GET"},
                           {"accept", "*/*"},
                           {"authorization", "none"},
                           {"status", "200"},
                           {"connections", "64"},
                           {"threads", "1"},
                           {"rate", "0"},
                           {"seconds", "5"},
                           {"warmup", "0.5"}});
    const std::uint64_t threads =
        std::min(options.number("threads"), options.number("connections"));
    Plan plan;
    plan.url = Url::parse(options.text("url"));
    plan.head = options.text("method") == "HEAD";
    plan.request = options.text("method") + " " + plan.url.target +
                   " HTTP/1.1\r\nHost: " + plan.url.authority() +
                   "\r\nAccept: " + options.text("accept") + "\r\n";
    if (const std::string who = options.text("authorization"); who != "none") {
        plan.request += "Authorization: " + who + "\r\n";
    }
    plan.request += "\r\n";
    plan.status = static_cast<unsigned>(options.number("status"));
    plan.connections = options.number("connections") / threads;
    plan.rate = options.real("rate") / static_cast<double>(threads);
    plan.begin = now() + options.real("warmup");
    plan.end = plan.begin + options.real("seconds");

    std::vector<Outcome> outcomes(threads);
    std::vector<std::jthread> workers;
    for (Outcome& outcome : outcomes) {
        workers.emplace_back([&plan, &outcome] {
            try {
                Loop(plan, outcome).run();
            } catch (...) {
                outcome.error = std::current_exception();
            }
        });
    }
    workers.clear();
    print(outcomes, options.real("seconds"));
    return 0;
}

}  // namespace
}  // namespace pkgreg::bench

int main(int argc, char** argv) {
    return pkgreg::bench::run(pkgreg::bench::program, argc, argv);
}
