// Who asks: every method of proof, alone and beside the others, and tokens that attackers would
// try.
#include "access/authenticator.hpp"

#include "access/requests.hpp"
#include "access/token_issuer.hpp"
#include "access/tokens.hpp"
#include "store/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace pkgreg::access {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// alice:secret
constexpr std::string_view htpasswd =
    "alice:$2y$05$0CxPVVrVIaP8OS.3b3HqNuPcwcepNIWGJ/tHCvBqhpt71ZpZbAwYm\n";
const std::string alice = "Basic YWxpY2U6c2VjcmV0";
const std::string alice_wrong = "Basic YWxpY2U6c2VjcmV1";

class AuthenticatorTest : public testing::Test {
 protected:
    std::filesystem::path file(const std::string& name, std::string_view content) {
        directory_.write(name, content);
        return directory_.path() / name;
    }

    static std::unique_ptr<Authenticator> make(const AccessOptions& options) {
        return Authenticator::make(options, nullptr, nullptr);
    }

    std::unique_ptr<Authenticator> with_passwords() {
        AccessOptions options;
        options.htpasswd = file("htpasswd", htpasswd);
        return make(options);
    }
    AccessOptions issuer_options() {
        AccessOptions options;
        options.token.keys = file("keys", jwk_set({rsa_key(), ec_key()}));
        options.token.issuer = "issuer";
        options.token.realm = "https://issuer.example.com/token";
        return options;
    }
    std::unique_ptr<Authenticator> with_issuer() { return make(issuer_options()); }
    std::unique_ptr<Authenticator> with_endpoint() {
        AccessOptions options;
        options.token.endpoint = true;
        return make(options);
    }
    std::unique_ptr<Authenticator> with_dcos() {
        AccessOptions options;
        options.dcos.keys = file("dcos", jwk_set({rsa_key()}));
        return make(options);
    }

    TemporaryDirectory directory_;
};

std::string basic(const std::string& name, const std::string& password) {
    std::string encoded = to_base64url(name + ":" + password);
    for (char& c : encoded) c = c == '-' ? '+' : c == '_' ? '/' : c;
    return "Basic " + encoded;
}

/// A token of the registry itself, made so many seconds after now.
std::string issue(Authenticator& authenticator, const Identity& identity,
                  const std::vector<Grant>& grants, std::int64_t later = 0) {
    return run_blocking(authenticator.issuer()->issue(identity, grants, seconds_now() + later));
}

TEST_F(AuthenticatorTest, WithoutCredentialsNobodyIsKnown) {
    const auto authenticator = with_passwords();
    ASSERT_NE(known(*authenticator, ""), nullptr);
    EXPECT_EQ(known(*authenticator, "")->identity, Identity());
    EXPECT_EQ(identify(*authenticator, "")->identity, Identity());
}

TEST_F(AuthenticatorTest, TakesAPasswordAndRemembersIt) {
    const auto authenticator = with_passwords();
    EXPECT_EQ(known(*authenticator, alice), nullptr);
    EXPECT_EQ(identify(*authenticator, alice)->identity,
              (Identity{IdentityKind::basic, "alice", {}}));
    ASSERT_NE(known(*authenticator, alice), nullptr);
    EXPECT_EQ(known(*authenticator, alice)->grants, std::nullopt);
    EXPECT_EQ(known(*authenticator, alice_wrong), nullptr);
}

TEST_F(AuthenticatorTest, RefusesWrongPasswordsAndNamesAlike) {
    const auto authenticator = with_passwords();
    const std::string wrong = refusal(*authenticator, alice_wrong);
    EXPECT_THAT(wrong, HasSubstr("wrong name or password"));
    EXPECT_EQ(refusal(*authenticator, basic("mallory", "secret")), wrong);
    EXPECT_EQ(refusal(*authenticator, basic("alice", "")), wrong);
    EXPECT_EQ(refusal(*authenticator, basic("", "")), wrong);
    EXPECT_EQ(refusal(*authenticator, basic("ALICE", "secret")), wrong);
    EXPECT_EQ(refusal(*authenticator, basic("alice", "secret\0x")), "taken");  // ends at the NUL
    EXPECT_EQ(refusal(*authenticator, basic("alice", std::string("secret\0x", 8))), wrong);
}

TEST_F(AuthenticatorTest, RefusesMethodsThatAreOff) {
    const auto authenticator = with_passwords();
    EXPECT_THAT(refusal(*authenticator, "Bearer a.b.c"), HasSubstr("no bearer tokens"));
    EXPECT_THAT(refusal(*authenticator, "token=a.b.c"), HasSubstr("no DC/OS"));
    EXPECT_THAT(refusal(*authenticator, "Negotiate abc"), HasSubstr("none of"));
    EXPECT_THAT(refusal(*with_issuer(), alice), HasSubstr("no names and passwords"));
}

TEST_F(AuthenticatorTest, TakesTokensOfAnIssuer) {
    const auto authenticator = with_issuer();
    for (const jose::PrivateKey& key : {rsa_key(), ec_key()}) {
        const std::string bearer =
            "Bearer " +
            token(key,
                  claims(R"(,"access":[{"type":"repository","name":"a","actions":["pull"]}])"));
        EXPECT_EQ(known(*authenticator, bearer), nullptr);
        const CallerPtr caller = identify(*authenticator, bearer);
        EXPECT_EQ(caller->identity, (Identity{IdentityKind::token, "alice", {}}));
        ASSERT_TRUE(caller->grants);
        EXPECT_THAT(*caller->grants,
                    ElementsAre(Grant{ResourceKind::repository, "a", Action::pull}));
        EXPECT_TRUE(caller->outside);
        EXPECT_EQ(known(*authenticator, bearer), caller);
    }
    const CallerPtr bare = identify(*authenticator, "Bearer " + token(ec_key(), claims()));
    ASSERT_TRUE(bare->grants);
    EXPECT_TRUE(bare->grants->empty());
}

TEST_F(AuthenticatorTest, TakesTokensThatNameNoKey) {
    EXPECT_EQ(refusal(*with_issuer(), "Bearer " + jose::sign(ec_key(), claims())), "taken");
}

TEST_F(AuthenticatorTest, ManyKeysAreTriedBesideTheLoop) {
    // A token without the name of its key is tried with each.
    for (const bool several : {false, true}) {
        AccessOptions options = issuer_options();
        const std::string keys =
            several ? jwk_set({ec_key(), jose::PrivateKey::generate_p256()}) : jwk_set({ec_key()});
        options.token.keys = file("keys", keys);
        const auto authenticator =
            Authenticator::make(options, std::make_shared<WorkPool>(1), nullptr);
        TestRequest asking("Bearer " + jose::sign(ec_key(), claims()));
        const HttpRequest request = asking.view();
        CallerPtr caller;
        bool others_first = false;
        boost::asio::io_context loop;
        const auto identify = [&]() -> awaitable<void> {
            caller = co_await authenticator->identify(request);
        };
        boost::asio::co_spawn(loop, identify(), boost::asio::detached);
        boost::asio::post(loop, [&] { others_first = caller == nullptr; });
        loop.run();
        ASSERT_NE(caller, nullptr);
        EXPECT_EQ(others_first, several);
    }
}

TEST_F(AuthenticatorTest, ATokenForNobodyIsAnonymous) {
    const std::string claims = R"({"iss":"issuer","sub":"","aud":"pkgreg","exp":9999999999})";
    const CallerPtr caller = identify(*with_issuer(), "Bearer " + token(ec_key(), claims));
    EXPECT_EQ(caller->identity, Identity());
    EXPECT_TRUE(caller->grants);
}

// What attackers try.

TEST_F(AuthenticatorTest, RefusesTokensOfAnotherTime) {
    const auto authenticator = with_issuer();
    EXPECT_THAT(refusal(*authenticator, "Bearer " + token(ec_key(), claims("", -61))),
                HasSubstr("expired"));
    EXPECT_EQ(refusal(*authenticator, "Bearer " + token(ec_key(), claims("", -30))), "taken");
    const std::string future = std::to_string(seconds_now() + 200);
    EXPECT_THAT(refusal(*authenticator, "Bearer " + token(ec_key(), claims(",\"nbf\":" + future))),
                HasSubstr("not valid yet"));
    EXPECT_THAT(refusal(*authenticator, "Bearer " + token(ec_key(), claims(",\"iat\":" + future))),
                HasSubstr("future"));
    EXPECT_THAT(
        refusal(*authenticator,
                "Bearer " + token(ec_key(), R"({"iss":"issuer","sub":"a","aud":"pkgreg"})")),
        HasSubstr("never expires"));
}

TEST_F(AuthenticatorTest, RefusesTokensFromAndForOthers) {
    const auto authenticator = with_issuer();
    EXPECT_THAT(
        refusal(*authenticator,
                "Bearer " + token(ec_key(), R"({"iss":"other","aud":"pkgreg","exp":9999999999})")),
        HasSubstr("another issuer"));
    EXPECT_THAT(
        refusal(*authenticator,
                "Bearer " + token(ec_key(), R"({"iss":"issuer","aud":"other","exp":9999999999})")),
        HasSubstr("another service"));
    EXPECT_THAT(refusal(*authenticator,
                        "Bearer " + token(ec_key(), R"({"iss":"issuer","exp":9999999999})")),
                HasSubstr("another service"));
}

TEST_F(AuthenticatorTest, RefusesOtherKeys) {
    const auto authenticator = with_issuer();
    const jose::PrivateKey other = jose::PrivateKey::generate_p256();
    EXPECT_THAT(refusal(*authenticator, "Bearer " + token(other, claims())),
                HasSubstr("a key that its issuer does not have"));
    EXPECT_THAT(refusal(*authenticator, "Bearer " + jose::sign(other, claims())),
                HasSubstr("wrong signature"));
    // A known key's name over another key's signature.
    const std::string id = ec_key().public_key().thumbprint();
    EXPECT_THAT(refusal(*authenticator, "Bearer " + jose::sign(other, claims(), id)),
                HasSubstr("wrong signature"));
    // The name of a key of the other type.
    EXPECT_THAT(refusal(*authenticator, "Bearer " + jose::sign(rsa_key(), claims(), id)),
                HasSubstr("a key that its issuer does not have"));
    EXPECT_THAT(refusal(*authenticator, "Bearer " + jose::sign(other, claims(), "../../keys")),
                HasSubstr("a key that its issuer does not have"));
}

TEST_F(AuthenticatorTest, RefusesChangedTokens) {
    const auto authenticator = with_issuer();
    const std::string good = token(ec_key(), claims());
    EXPECT_EQ(refusal(*authenticator, "Bearer " + good), "taken");
    const std::size_t first = good.find('.');
    const std::size_t last = good.rfind('.');
    const std::string other_claims =
        to_base64url(R"({"iss":"issuer","sub":"root","aud":"pkgreg","exp":9999999999})");
    EXPECT_THAT(refusal(*authenticator,
                        "Bearer " + good.substr(0, first + 1) + other_claims + good.substr(last)),
                HasSubstr("wrong signature"));
    // Known by its text as a whole: another signature over the same claims is another token.
    std::string changed = good;
    changed[last + 5] = changed[last + 5] == 'A' ? 'B' : 'A';
    EXPECT_EQ(known(*authenticator, "Bearer " + changed), nullptr);
    EXPECT_THAT(refusal(*authenticator, "Bearer " + changed), HasSubstr("wrong signature"));
}

TEST_F(AuthenticatorTest, RefusesTokensWithoutASignature) {
    const auto authenticator = with_issuer();
    const std::string none = to_base64url(R"({"alg":"none"})") + "." + to_base64url(claims()) + ".";
    EXPECT_THAT(refusal(*authenticator, "Bearer " + none), HasSubstr("RS256 or ES256"));
    EXPECT_THAT(refusal(*authenticator, "Bearer " + none + "YQ"), HasSubstr("RS256 or ES256"));
    const std::string bare =
        to_base64url(R"({"alg":"ES256"})") + "." + to_base64url(claims()) + ".";
    EXPECT_THAT(refusal(*authenticator, "Bearer " + bare), HasSubstr("no signature"));
    EXPECT_THAT(refusal(*authenticator, "Bearer " + bare + to_base64url(std::string(64, '\0'))),
                HasSubstr("wrong signature"));
}

TEST_F(AuthenticatorTest, RefusesThePublicKeyAsASharedSecret) {
    // The classic: HS256 with what everybody can read as the secret.
    const auto authenticator = with_issuer();
    const std::string secret = rsa_key().public_key().jwk();
    const std::string text =
        to_base64url(R"({"alg":"HS256","kid":")" + rsa_key().public_key().thumbprint() + "\"}") +
        "." + to_base64url(claims());
    std::string mac(32, '\0');
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(mac.data()), &size);
    EXPECT_THAT(refusal(*authenticator, "Bearer " + text + "." + to_base64url(mac)),
                HasSubstr("RS256 or ES256"));
}

TEST_F(AuthenticatorTest, LooksAtNoKeyThatATokenBrings) {
    const auto authenticator = with_issuer();
    const jose::PrivateKey own = jose::PrivateKey::generate_p256();
    for (const std::string& brought : {std::string(R"("jwk":)") + own.public_key().jwk(),
                                       std::string(R"("jku":"https://attacker.example.com/keys")"),
                                       std::string(R"("x5u":"https://attacker.example.com/chain")"),
                                       std::string(R"("x5c":["MIIB"])")}) {
        const std::string header = R"({"alg":"ES256",)" + brought + "}";
        EXPECT_THAT(refusal(*authenticator, "Bearer " + token_with_header(own, header, claims())),
                    HasSubstr("wrong signature"));
        // And where the token is good, what it brings does no harm.
        EXPECT_EQ(
            refusal(*authenticator, "Bearer " + token_with_header(ec_key(), header, claims())),
            "taken");
    }
}

TEST_F(AuthenticatorTest, RefusesNamesThatWouldSpoilALog) {
    const auto authenticator = with_issuer();
    const auto with_name = [](const std::string& name) {
        return "Bearer " + token(ec_key(), R"({"iss":"issuer","aud":"pkgreg","exp":9999999999,)"
                                           R"("sub":")" +
                                               name + "\"}");
    };
    EXPECT_THAT(refusal(*authenticator, with_name(R"(a\nb)")), HasSubstr("control characters"));
    EXPECT_THAT(refusal(*authenticator, with_name(std::string(256, 'a'))), HasSubstr("too long"));
    EXPECT_EQ(refusal(*authenticator, with_name(std::string(255, 'a'))), "taken");
}

// Tokens of this registry.

TEST_F(AuthenticatorTest, TakesItsOwnTokensForWhomTheyWereMade) {
    const auto authenticator = with_endpoint();
    ASSERT_NE(authenticator->issuer(), nullptr);
    const Identity identity{IdentityKind::certificate, "node-1", {"nodes", "a\"b"}};
    const std::vector<Grant> grants = {
        {ResourceKind::repository, "team/app", Action::pull | Action::push}};
    const std::string bearer = "Bearer " + issue(*authenticator, identity, grants);
    const CallerPtr caller = identify(*authenticator, bearer);
    EXPECT_EQ(caller->identity, identity);
    EXPECT_EQ(caller->grants, grants);
    EXPECT_FALSE(caller->outside);
    EXPECT_EQ(known(*authenticator, bearer), caller);

    const std::string nobody = issue(*authenticator, Identity(), {});
    EXPECT_EQ(identify(*authenticator, "Bearer " + nobody)->identity, Identity());
}

TEST_F(AuthenticatorTest, RefusesOldOwnTokensAndThoseOfAnotherRegistry) {
    const auto authenticator = with_endpoint();
    const Identity identity{IdentityKind::basic, "alice", {}};
    EXPECT_THAT(refusal(*authenticator, "Bearer " + issue(*authenticator, identity, {}, -361)),
                HasSubstr("expired"));
    EXPECT_THAT(refusal(*authenticator, "Bearer " + issue(*authenticator, identity, {}, 200)),
                HasSubstr("not valid yet"));
    const auto other = with_endpoint();
    EXPECT_THAT(refusal(*authenticator, "Bearer " + issue(*other, identity, {})),
                HasSubstr("not signed by this registry"));
}

TEST_F(AuthenticatorTest, InstancesWithOneKeyTakeEachOthersTokens) {
    for (const jose::PrivateKey& key : {rsa_key(), ec_key()}) {
        AccessOptions options;
        options.token.endpoint = true;
        options.token.signing_key = file("signing.pem", key.pem());
        const auto first = make(options);
        const auto second = make(options);
        const Identity identity{IdentityKind::basic, "alice", {}};
        const std::string text = issue(*first, identity, {});
        EXPECT_EQ(identify(*second, "Bearer " + text)->identity, identity);
        options.token.service = "elsewhere";
        EXPECT_THAT(refusal(*make(options), "Bearer " + text), HasSubstr("another service"));
    }
}

TEST_F(AuthenticatorTest, AnOutsideIssuerCannotSpeakForOthers) {
    // The claim that says whom a token of this registry is for is believed of its own ones only.
    AccessOptions options = issuer_options();
    options.token.endpoint = true;
    const auto authenticator = make(options);
    const std::string text =
        token(ec_key(), claims(R"(,"pkgreg":{"kind":"certificate","groups":["admins"]})"));
    const CallerPtr caller = identify(*authenticator, "Bearer " + text);
    EXPECT_EQ(caller->identity, (Identity{IdentityKind::token, "alice", {}}));
    // Nor with the name of the registry's key.
    const std::string posing = jose::sign(ec_key(), claims(), authenticator->issuer()->key_id());
    EXPECT_THAT(refusal(*authenticator, "Bearer " + posing), HasSubstr("wrong signature"));
}

// DC/OS.

TEST_F(AuthenticatorTest, TakesDcosTokensAsSuchAndAsPasswords) {
    const auto authenticator = with_dcos();
    const std::string text = token(rsa_key(), R"({"uid":"agent","exp":9999999999})");
    const Identity agent{IdentityKind::dcos, "agent", {}};
    EXPECT_EQ(identify(*authenticator, "token=" + text)->identity, agent);
    EXPECT_EQ(identify(*authenticator, "token=" + text)->grants, std::nullopt);
    ASSERT_NE(known(*authenticator, "token=" + text), nullptr);
    EXPECT_EQ(known(*authenticator, basic("agent", text)), nullptr);
    EXPECT_EQ(identify(*authenticator, basic("agent", text))->identity, agent);
    EXPECT_EQ(known(*authenticator, basic("agent", text))->identity, agent);
    EXPECT_THAT(refusal(*authenticator, basic("root", text)), HasSubstr("another user"));
}

TEST_F(AuthenticatorTest, RefusesOtherDcosTokens) {
    const auto authenticator = with_dcos();
    EXPECT_THAT(refusal(*authenticator, "token=" + token(rsa_key(), R"({"uid":"a","exp":1})")),
                HasSubstr("expired"));
    EXPECT_THAT(refusal(*authenticator, "token=" + token(rsa_key(), R"({"uid":"a"})")),
                HasSubstr("never expires"));
    EXPECT_THAT(refusal(*authenticator, "token=" + token(rsa_key(), R"({"exp":9999999999})")),
                HasSubstr("no uid"));
    EXPECT_THAT(
        refusal(*authenticator, "token=" + token(ec_key(), R"({"uid":"a","exp":9999999999})")),
        HasSubstr("does not have"));
    EXPECT_THAT(refusal(*authenticator, "token=secret"), HasSubstr("malformed"));
    // As a bearer token it would have come from elsewhere.
    EXPECT_THAT(
        refusal(*authenticator, "Bearer " + token(rsa_key(), R"({"uid":"a","exp":9999999999})")),
        HasSubstr("no bearer tokens"));
}

// Certificates, and several proofs at once.

TEST_F(AuthenticatorTest, TakesACertificateWhereNothingElseIsBrought) {
    AccessOptions options;
    options.certificates = true;
    options.htpasswd = file("htpasswd", htpasswd);
    const auto authenticator = make(options);
    const ClientCertificate certificate{"node-1", "CN=node-1,O=Example"};
    TestRequest request;
    HttpRequest view = request.view();
    view.certificate = &certificate;
    ASSERT_NE(authenticator->known(view), nullptr);
    EXPECT_EQ(authenticator->known(view)->identity,
              (Identity{IdentityKind::certificate, "node-1", {}}));
    const ClientCertificate nameless{"", "O=Example"};
    view.certificate = &nameless;
    EXPECT_EQ(authenticator->known(view)->identity, Identity());

    TestRequest wrong(alice_wrong);
    view = wrong.view();
    view.certificate = &certificate;
    EXPECT_EQ(authenticator->known(view), nullptr);
    EXPECT_THROW(run_blocking(authenticator->identify(view)), Error);
    TestRequest right(alice);
    view = right.view();
    view.certificate = &certificate;
    EXPECT_EQ(run_blocking(authenticator->identify(view))->identity.name, "alice");
}

TEST_F(AuthenticatorTest, LooksAtNoCertificateUnlessTold) {
    const auto authenticator = with_passwords();
    const ClientCertificate certificate{"node-1", "CN=node-1"};
    TestRequest request;
    HttpRequest view = request.view();
    view.certificate = &certificate;
    EXPECT_EQ(authenticator->known(view)->identity, Identity());
}

// Challenges.

TEST_F(AuthenticatorTest, ChallengesByTheMethodThatClientsAreToUse) {
    TestRequest request;
    HttpRequest view = request.view();
    EXPECT_THAT(with_passwords()->challenges(view, "repository:a:pull", ""),
                ElementsAre(R"(Basic realm="pkgreg", charset="UTF-8")"));
    EXPECT_THAT(with_dcos()->challenges(view, "", ""), ElementsAre(HasSubstr("Basic")));
    EXPECT_THAT(with_issuer()->challenges(view, "repository:a:pull,push", "insufficient_scope"),
                ElementsAre(R"(Bearer realm="https://issuer.example.com/token",service="pkgreg",)"
                            R"(scope="repository:a:pull,push",error="insufficient_scope")"));
    const auto endpoint = with_endpoint();
    EXPECT_THAT(endpoint->challenges(view, "", ""),
                ElementsAre(R"(Bearer realm="http://registry.example.com:5000/token",)"
                            R"(service="pkgreg")"));
    view.secure = true;
    EXPECT_THAT(endpoint->challenges(view, "a\"b\\", ""),
                ElementsAre(R"(Bearer realm="https://registry.example.com:5000/token",)"
                            R"(service="pkgreg",scope="a\"b\\")"));
    AccessOptions options;
    options.token.endpoint = true;
    const auto elsewhere = Authenticator::make(
        options, nullptr, nullptr, [](const HttpRequest&) { return "https://other.example.com"; });
    EXPECT_THAT(elsewhere->challenges(view, "", ""),
                ElementsAre(HasSubstr(R"(realm="https://other.example.com/token")")));
}

// Files.

TEST_F(AuthenticatorTest, NamesFilesThatCannotBeUsed) {
    const auto problem = [](const AccessOptions& options) -> std::string {
        try {
            make(options);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::invalid_options);
            return error.message();
        }
        return "taken";
    };
    AccessOptions options;
    options.htpasswd = directory_.path() / "missing";
    EXPECT_THAT(problem(options), HasSubstr("missing: cannot be read"));
    options.htpasswd = file("bad", "alice:plain\n");
    EXPECT_THAT(problem(options), HasSubstr("bad:1: alice:"));
    options = AccessOptions();
    options.token.keys = file("keys", "{}");
    EXPECT_THAT(problem(options), HasSubstr("keys:1:"));
    options = AccessOptions();
    options.dcos.keys = directory_.path();
    EXPECT_THAT(problem(options), HasSubstr("cannot be read"));
    options = AccessOptions();
    options.token.endpoint = true;
    options.token.signing_key = file("key", "-----BEGIN PRIVATE KEY-----\nAAAA\n");
    EXPECT_THAT(problem(options), HasSubstr("key: tokens cannot be signed with it"));
}

TEST_F(AuthenticatorTest, ReadsChangedFilesAgain) {
    AccessOptions options = issuer_options();
    options.htpasswd = file("htpasswd", htpasswd);
    const auto authenticator = make(options);
    const std::string bearer = "Bearer " + token(ec_key(), claims());
    identify(*authenticator, alice);
    identify(*authenticator, bearer);
    // Another key, another password: what was proved by the old ones is not known any more.
    file("keys", jwk_set({rsa_key()}));
    file("htpasswd", std::string(htpasswd).replace(20, 1, "z"));
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    EXPECT_EQ(known(*authenticator, alice), nullptr);
    EXPECT_EQ(known(*authenticator, bearer), nullptr);
    EXPECT_THAT(refusal(*authenticator, alice), HasSubstr("wrong name or password"));
    EXPECT_THAT(refusal(*authenticator, bearer), HasSubstr("does not have"));
    // What cannot be read leaves everything as it is.
    file("keys", "{");
    file("htpasswd", "alice:plain");
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    EXPECT_EQ(refusal(*authenticator, "Bearer " + token(rsa_key(), claims())), "taken");
}

}  // namespace
}  // namespace pkgreg::access
