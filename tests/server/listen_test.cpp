// Addresses: what can be listened on, what is refused, and how that is said.
#include "pkgreg/error.hpp"

#include "server/test_client.hpp"
#include "server/test_handler.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace pkgreg::test {
namespace {

ServerOptions on(std::vector<std::string> addresses) {
    ServerOptions options = test_options();
    options.listen = std::move(addresses);
    return options;
}

/// The error of a server that cannot start.
Error refusal(ServerOptions options) {
    try {
        TestServer server(std::move(options));
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "the server started";
    return Error(ErrorCode::internal, "");
}

bool has_ipv6() {
    std::ifstream file("/proc/net/if_inet6");
    return file.peek() != std::ifstream::traits_type::eof();
}

class ListenOnUnix : public testing::Test {
 public:
    ListenOnUnix() {
        char name[] = "/tmp/pkgreg-listen-XXXXXX";
        folder_ = ::mkdtemp(name);
        path_ = folder_ + "/socket";
    }
    ~ListenOnUnix() override { std::filesystem::remove_all(folder_); }

    std::string folder_;
    std::string path_;
};

TEST(Listen, SaysWhichPortWasChosen) {
    TestServer server;
    EXPECT_TRUE(server.url().starts_with("http://127.0.0.1:"));
    EXPECT_NE(port_of(server.url()), "0");
    EXPECT_EQ(TestClient(server.url()).ask(get("/hello")).body, "hello");
}

TEST(Listen, ServesIPv6) {
    if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
    TestServer server(on({"[::1]:0"}));
    TestClient client(server.url());
    EXPECT_TRUE(server.url().starts_with("http://[::1]:"));
    EXPECT_NE(client.ask(get("/about")).body.find("\n[::1]:"), std::string::npos);
}

TEST(Listen, LocalhostIsBothFamiliesOnOnePort) {
    TestServer server(on({"localhost:0"}));
    const std::string port = port_of(server.url());
    EXPECT_EQ(server.url(), "http://localhost:" + port);
    EXPECT_EQ(TestClient("http://127.0.0.1:" + port).ask(get("/hello")).body, "hello");
    if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
    EXPECT_EQ(TestClient("http://[::1]:" + port).ask(get("/hello")).body, "hello");
}

TEST(Listen, ServesSeveralAddresses) {
    TestServer server(on({"127.0.0.1:0", "127.0.0.2:0"}));
    ASSERT_EQ(server.server->urls().size(), 2u);
    for (const std::string& url : server.server->urls()) {
        EXPECT_EQ(TestClient(url).ask(get("/hello")).body, "hello");
    }
}

TEST(Listen, ATakenPortIsNamedWithTheWayToFindOut) {
    TestServer first;
    const std::string port = port_of(first.url());
    const Error error = refusal(on({"127.0.0.1:" + port}));
    EXPECT_EQ(error.code(), ErrorCode::locked);
    EXPECT_NE(error.message().find("127.0.0.1:" + port), std::string::npos);
    EXPECT_NE(error.message().find("ss -ltnp 'sport = :" + port + "'"), std::string::npos);
}

TEST(Listen, PlainHttpBeyondLoopbackNeedsTheOption) {
    for (const std::string address : {"0.0.0.0:0", "[::]:0", "192.0.2.1:0"}) {
        const Error error = refusal(on({address}));
        EXPECT_EQ(error.code(), ErrorCode::invalid_options) << address;
        EXPECT_NE(error.message().find("allow_http"), std::string::npos);
    }
    // An address of documentation: no machine has it, and nothing is opened to the outside.
    ServerOptions allowed = on({"192.0.2.1:0"});
    allowed.allow_http = true;
    EXPECT_NE(refusal(allowed).message().find("no such address"), std::string::npos);
}

TEST(Listen, UnreadableAddressesAreRefused) {
    for (const std::string address :
         {"", "127.0.0.1", "127.0.0.1:", ":5000", "127.0.0.1:65536", "127.0.0.1:-1",
          "127.0.0.1:http", "::1:5000", "[::1]", "[::1:5000", "unix:", "127.0.0.1:5000/"}) {
        EXPECT_EQ(refusal(on({address})).code(), ErrorCode::invalid_options) << address;
    }
    EXPECT_EQ(refusal(on({})).code(), ErrorCode::invalid_options);
}

TEST(Listen, AFailureClosesTheAddressesThatWereOpen) {
    TestServer taken;
    TestServer probe;
    const std::string free_port = port_of(probe.url());
    probe.server.reset();
    refusal(on({"127.0.0.1:" + free_port, "127.0.0.1:" + port_of(taken.url())}));
    EXPECT_FALSE(can_connect("http://127.0.0.1:" + free_port));
}

TEST_F(ListenOnUnix, ServesAndRemovesItsFileAtTheEnd) {
    {
        TestServer server(on({"unix:" + path_}));
        EXPECT_EQ(server.url(), "unix:" + path_);
        TestClient client(server.url());
        EXPECT_NE(client.ask(get("/about")).body.find("\nunix\n"), std::string::npos);
        EXPECT_EQ(client.ask(get("/file/100000")).body, pattern(100'000));
    }
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ListenOnUnix, TakesOverAFileThatNobodyServes) {
    {
        TestServer server(on({"unix:" + path_}));
        std::filesystem::create_hard_link(path_, path_ + ".kept");
    }
    std::filesystem::rename(path_ + ".kept", path_);
    TestServer server(on({"unix:" + path_}));
    EXPECT_EQ(TestClient(server.url()).ask(get("/hello")).body, "hello");
}

TEST_F(ListenOnUnix, DoesNotTouchWhatIsInUseOrNoSocket) {
    TestServer server(on({"unix:" + path_}));
    EXPECT_EQ(refusal(on({"unix:" + path_})).code(), ErrorCode::locked);
    EXPECT_EQ(TestClient(server.url()).ask(get("/hello")).body, "hello");
    std::ofstream(folder_ + "/file") << "text";
    EXPECT_EQ(refusal(on({"unix:" + folder_ + "/file"})).code(), ErrorCode::invalid_options);
    EXPECT_TRUE(std::filesystem::exists(folder_ + "/file"));
    EXPECT_EQ(refusal(on({"unix:" + folder_ + "/none/socket"})).code(), ErrorCode::invalid_options);
}

}  // namespace
}  // namespace pkgreg::test
