// The endpoint /token: who gets a token, and for what.
#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"

#include "access/authenticator.hpp"
#include "access/jwt.hpp"
#include "access/tokens.hpp"
#include "protocol/responses.hpp"
#include "protocol/token/endpoint.hpp"
#include "store/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {
namespace {

using access::Action;
using access::ActionSet;
using access::Grant;
using access::ResourceKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// alice:secret
constexpr std::string_view htpasswd =
    "alice:$2y$05$0CxPVVrVIaP8OS.3b3HqNuPcwcepNIWGJ/tHCvBqhpt71ZpZbAwYm\n";
const std::string alice = "Basic YWxpY2U6c2VjcmV0";

class TokenEndpointTest : public testing::Test {
 protected:
    TokenEndpointTest() {
        directory_.write("htpasswd", htpasswd);
        AccessOptions options;
        options.htpasswd = directory_.path() / "htpasswd";
        options.token.endpoint = true;
        options.certificates = true;
        authenticator_ = access::Authenticator::make(options, nullptr, nullptr);
        endpoint_ = std::make_unique<TokenEndpoint>(
            *authenticator_, [](const access::CallerPtr& caller, const Grant& asked) {
                // Alice may pull everything and push to her own; everybody may pull what is public.
                if (asked.name == "public/image") return ActionSet(Action::pull);
                if (caller->identity.name != "alice") return ActionSet();
                return asked.name == "alice/image" ? ActionSet::all() : ActionSet(Action::pull);
            });
    }

    HttpResponse ask(HttpMethod method, const std::string& target,
                     const std::string& authorization = "", std::string_view form = "") {
        std::vector<HeaderField> fields;
        if (!authorization.empty()) fields.push_back({"Authorization", authorization});
        MemoryBody body(form);
        HttpRequest request;
        request.method = method;
        request.target = target;
        request.headers = fields;
        request.client = "192.0.2.1:1";
        request.certificate = certificate_;
        request.identity = identity_;
        if (method == HttpMethod::post) request.body = &body;
        try {
            const Target parsed = Target::parse(target);
            return run_blocking(endpoint_->handle(request, parsed));
        } catch (const Error& error) {
            return error_response(error);
        }
    }
    HttpResponse get(const std::string& query, const std::string& authorization = "") {
        return ask(HttpMethod::get, "/token" + query, authorization);
    }
    HttpResponse post(std::string_view form) { return ask(HttpMethod::post, "/token", "", form); }

    static std::string text(const HttpResponse& response, std::string_view key) {
        simdjson::dom::parser parser;
        return std::string(std::string_view(parser.parse(response.body().bytes())[key]));
    }
    /// The grants of the token in an answer, which the registry itself must take.
    std::vector<Grant> grants(const HttpResponse& response) {
        EXPECT_EQ(response.status(), 200U) << response.body().bytes();
        const std::string field = "Bearer " + text(response, "token");
        const HeaderField fields[] = {{"Authorization", field}};
        HttpRequest request;
        request.headers = fields;
        caller_ = run_blocking(authenticator_->identify(request));
        return caller_->grants.value();
    }

    TemporaryDirectory directory_;
    std::unique_ptr<access::Authenticator> authenticator_;
    std::unique_ptr<TokenEndpoint> endpoint_;
    access::CallerPtr caller_;
    const ClientCertificate* certificate_ = nullptr;
    const Identity* identity_ = nullptr;
};

TEST_F(TokenEndpointTest, GivesWhatIsAskedForAndAllowed) {
    const HttpResponse response =
        get("?service=pkgreg&scope=repository:alice/image:pull,push&scope=repository:bob/image:"
            "pull,push&account=alice&client_id=docker&offline_token=true",
            alice);
    EXPECT_THAT(
        grants(response),
        ElementsAre(Grant{ResourceKind::repository, "alice/image", Action::pull | Action::push},
                    Grant{ResourceKind::repository, "bob/image", Action::pull}));
    EXPECT_EQ(caller_->identity, (Identity{IdentityKind::basic, "alice", {}}));
    EXPECT_EQ(text(response, "access_token"), text(response, "token"));
    EXPECT_EQ(text(response, "scope"),
              "repository:alice/image:pull,push repository:bob/image:pull");
    EXPECT_THAT(std::string(response.body().bytes()), HasSubstr("\"expires_in\":300,"));
    EXPECT_THAT(text(response, "issued_at"), testing::EndsWith("Z"));
    EXPECT_EQ(response.find("Cache-Control"), "no-store");
}

TEST_F(TokenEndpointTest, ASlowSignatureHoldsUpNobody) {
    // Not that of a P-256 key, which is quicker than waking a thread.
    for (const bool slow : {false, true}) {
        AccessOptions options;
        options.token.endpoint = true;
        if (slow) {
            directory_.write("key.pem", access::rsa_key().pem());
            options.token.signing_key = directory_.path() / "key.pem";
        }
        const auto authenticator =
            access::Authenticator::make(options, std::make_shared<WorkPool>(1), nullptr);
        const TokenEndpoint endpoint(
            *authenticator, [](const access::CallerPtr&, const Grant&) { return ActionSet(); });
        const Identity identity{IdentityKind::embedder, "alice", {}};
        HttpRequest request;
        request.target = "/token";
        request.identity = &identity;
        const Target target = Target::parse(request.target);
        unsigned status = 0;
        bool others_first = false;
        boost::asio::io_context loop;
        const auto ask = [&]() -> awaitable<void> {
            const HttpResponse response = co_await endpoint.handle(request, target);
            status = response.status();
        };
        boost::asio::co_spawn(loop, ask(), boost::asio::detached);
        boost::asio::post(loop, [&] { others_first = status == 0; });
        loop.run();
        EXPECT_EQ(status, 200U);
        EXPECT_EQ(others_first, slow);
    }
}

TEST_F(TokenEndpointTest, TakesSeveralScopesInOneParameterAndJoinsThem) {
    EXPECT_THAT(
        grants(get("?scope=repository:alice/image:pull+repository:alice/image:push", alice)),
        ElementsAre(Grant{ResourceKind::repository, "alice/image", Action::pull | Action::push}));
}

TEST_F(TokenEndpointTest, LeavesOutWhatIsNoScope) {
    EXPECT_THAT(grants(get("?scope=repository:NO/NAME:pull&scope=x&scope=&scope=a:b:c"
                           "&scope=repository:../up:pull",
                           alice)),
                IsEmpty());
    EXPECT_THAT(grants(get("", alice)), IsEmpty());
}

TEST_F(TokenEndpointTest, GivesStrangersATokenForWhatStrangersMay) {
    EXPECT_THAT(grants(get("?scope=repository:public/image:pull,push")),
                ElementsAre(Grant{ResourceKind::repository, "public/image", Action::pull}));
    EXPECT_EQ(caller_->identity, Identity());
    EXPECT_THAT(grants(get("?scope=repository:alice/image:pull")), IsEmpty());
}

TEST_F(TokenEndpointTest, RefusesWrongPasswords) {
    for (const HttpResponse& response :
         {get("", "Basic YWxpY2U6c2VjcmV1"), get("", "Basic x"),
          post("grant_type=password&username=alice&password=guess")}) {
        EXPECT_EQ(response.status(), 401U);
        EXPECT_THAT(std::string(response.find("WWW-Authenticate").value_or("")),
                    HasSubstr("Basic realm="));
    }
}

TEST_F(TokenEndpointTest, MakesNoTokenOutOfAToken) {
    const HttpResponse first = get("", alice);
    const HttpResponse second = get("", "Bearer " + text(first, "token"));
    EXPECT_EQ(second.status(), 401U);
    EXPECT_THAT(std::string(second.body().bytes()), HasSubstr("not given for bearer tokens"));
}

TEST_F(TokenEndpointTest, TakesFormsAsContainerdSendsThem) {
    const HttpResponse response = post(
        "access_type=offline&client_id=containerd-client&grant_type=password&password=secret"
        "&scope=repository%3Aalice%2Fimage%3Apull&service=pkgreg&username=alice");
    EXPECT_THAT(grants(response),
                ElementsAre(Grant{ResourceKind::repository, "alice/image", Action::pull}));
    // A field beside the form does not count.
    const HttpResponse both =
        ask(HttpMethod::post, "/token?scope=repository:bob/image:pull", "Basic YWxpY2U6c2VjcmV1",
            "grant_type=password&username=alice&password=secret");
    EXPECT_THAT(grants(both), IsEmpty());
}

TEST_F(TokenEndpointTest, SaysWhatIsWrongWithAForm) {
    EXPECT_EQ(text(post(""), "error"), "invalid_request");
    EXPECT_EQ(text(post("grant_type=refresh_token&refresh_token=x"), "error"),
              "unsupported_grant_type");
    EXPECT_EQ(text(post("grant_type=password&username=alice"), "error"), "invalid_request");
    EXPECT_EQ(post("grant_type=%zz").status(), 400U);
    EXPECT_EQ(post(std::string(70000, 'a')).status(), 413U);
}

TEST_F(TokenEndpointTest, RefusesOtherServicesMethodsAndTooMuch) {
    EXPECT_EQ(get("?service=other", alice).status(), 400U);
    EXPECT_EQ(grants(get("?service=", alice)).size(), 0U);
    EXPECT_EQ(ask(HttpMethod::put, "/token").status(), 405U);
    EXPECT_EQ(ask(HttpMethod::delete_, "/token").status(), 405U);
    std::string many = "?scope=x";
    for (int i = 0; i < 100; ++i) many += "&scope=x";
    EXPECT_EQ(get(many, alice).status(), 400U);
}

TEST_F(TokenEndpointTest, KnowsCertificatesAndWhomAnEmbedderVouchesFor) {
    const ClientCertificate certificate{"alice", "CN=alice"};
    certificate_ = &certificate;
    EXPECT_EQ(grants(get("?scope=repository:alice/image:*")).size(), 1U);
    EXPECT_EQ(caller_->identity.kind, IdentityKind::certificate);
    const Identity identity{IdentityKind::embedder, "alice", {"team"}};
    identity_ = &identity;
    EXPECT_EQ(grants(get("?scope=repository:alice/image:*", "Basic wrong")).size(), 1U);
    EXPECT_EQ(caller_->identity, identity);
}

}  // namespace
}  // namespace pkgreg
