// The JSON options: every documented form is read, and every mistake is named where it stands.
#include "pkgreg/options.hpp"

#include "pkgreg/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pkgreg {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string message_of(std::string_view json) {
    try {
        parse_options(json, "o.json");
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_options);
        return error.message();
    }
    return "(accepted)";
}

// The documentation's own example.
constexpr std::string_view s3_form = R"({ "registry": {
    "service-account-secret-path": "registry-private-key",
    "s3": { "credential-secret-path": "registry-s3-credential-file", "credential-profile-name": "default",
            "bucket": "my-bucket", "path": "my-path-in-bucket", "endpoint": "https://s3.us-east-1.amazonaws.com" },
    "service": { "instances": 2 } } })";

TEST(Options, an_empty_object_gives_the_documented_defaults) {
    const Options options = parse_options("{}");
    EXPECT_EQ(options, Options());
    EXPECT_EQ(options.service_account_secret_path, "registry-private-key");
    EXPECT_EQ(options.service.name, "registry");
    EXPECT_EQ(options.service.instances, std::nullopt);
    EXPECT_FALSE(options.s3.has_value());
    EXPECT_EQ(options.storage(), "");
}

TEST(Options, the_documented_s3_form_is_read) {
    const Options options = parse_options(s3_form);
    ASSERT_TRUE(options.s3.has_value());
    EXPECT_EQ(options.s3->credential_secret_path, "registry-s3-credential-file");
    EXPECT_EQ(options.s3->credential_profile_name, "default");
    EXPECT_EQ(options.s3->bucket, "my-bucket");
    EXPECT_EQ(options.s3->path, "my-path-in-bucket");
    EXPECT_EQ(options.s3->endpoint, "https://s3.us-east-1.amazonaws.com");
    EXPECT_EQ(options.service.instances, 2u);
    EXPECT_EQ(options.storage(), "s3://my-bucket/my-path-in-bucket");
}

TEST(Options, the_credential_profile_is_default_unless_given) {
    const Options options = parse_options(
        R"({"registry":{"s3":{"bucket":"bkt","path":"p","endpoint":"http://127.0.0.1:9000"}}})");
    EXPECT_EQ(options.s3->credential_profile_name, "default");
}

TEST(Options, service_is_read_at_the_top_level_and_inside_registry) {
    const std::string body =
        R"({"name":"/my/custom/dcos-registry","instances":1,"cpus":0.5,"mem":512,"disk":2e4})";
    const Options top = parse_options(R"({"service":)" + body + "}");
    const Options nested = parse_options(R"({"registry":{"service":)" + body + "}}");
    EXPECT_EQ(top, nested);
    EXPECT_EQ(top.service.name, "/my/custom/dcos-registry");
    EXPECT_EQ(top.service.cpus, 0.5);
    EXPECT_EQ(top.service.mem, 512);
    EXPECT_EQ(top.service.disk, 20000);
}

TEST(Options, a_service_given_in_both_places_is_merged_where_both_agree) {
    const Options options = parse_options(
        R"({"registry":{"service":{"name":"a","cpus":1}},"service":{"name":"a","mem":64}})");
    EXPECT_EQ(options.service.name, "a");
    EXPECT_EQ(options.service.cpus, 1);
    EXPECT_EQ(options.service.mem, 64);
}

TEST(Options, a_service_given_in_both_places_differently_names_both) {
    EXPECT_EQ(message_of("{\"registry\":\n{\"service\":{\"name\":\"a\"}},\n"
                         "\"service\":{\"name\":\"b\"}}"),
              "o.json:3: service.name: differs from registry.service.name on line 2; give one of "
              "them");
}

TEST(Options, a_mount_volume_is_read) {
    const Options options = parse_options(
        R"({"registry":{"mount-volume":{"container-path":"volume","pinned-hostname":"10.0.0.7"}}})");
    ASSERT_TRUE(options.mount_volume.has_value());
    EXPECT_EQ(options.mount_volume->container_path, "volume");
    EXPECT_EQ(options.mount_volume->pinned_hostname, "10.0.0.7");
    EXPECT_EQ(options.storage(), "volume");
}

TEST(Options, the_programs_own_settings_are_read) {
    const ProgramOptions program = parse_options(R"({"pkgreg":{
        "storage":"/var/lib/pkgreg","secrets-dir":"/run/secrets","listen":["127.0.0.1:5000","[::1]:5000"],"allow-http":true,
        "external-url":"https://r.example.com","trusted-proxies":["10.0.0.0/8","unix"],
        "redirect-clients":"10.1.0.0/16",
        "read-only":true,"deletion":false,"log-level":"debug","log-format":"json","access-log":false,
        "grace-seconds":5,"upload-idle-hours":1,"max-manifest-bytes":8388608,"max-body-bytes":1e9,
        "max-header-bytes":4096,"max-connections":10,"header-timeout-seconds":1,
        "stall-timeout-seconds":2,"idle-timeout-seconds":3,"min-bytes-per-second":0,"threads":2}})")
                                       .program;
    EXPECT_EQ(program.storage, "/var/lib/pkgreg");
    EXPECT_EQ(program.secrets_dir, "/run/secrets");
    EXPECT_EQ(program.listen, (std::vector<std::string>{"127.0.0.1:5000", "[::1]:5000"}));
    EXPECT_TRUE(program.allow_http);
    EXPECT_EQ(program.external_url, "https://r.example.com");
    EXPECT_EQ(program.trusted_proxies, (std::vector<std::string>{"10.0.0.0/8", "unix"}));
    EXPECT_EQ(program.redirect_clients, std::vector<std::string>{"10.1.0.0/16"});
    EXPECT_TRUE(program.read_only);
    EXPECT_FALSE(program.deletion);
    EXPECT_EQ(program.log_level, LogLevel::debug);
    EXPECT_EQ(program.log_format, LogFormat::json);
    EXPECT_FALSE(program.access_log);
    EXPECT_EQ(program.grace_seconds, 5u);
    EXPECT_EQ(program.upload_idle_hours, 1u);
    EXPECT_EQ(program.max_manifest_bytes, 8388608u);
    EXPECT_EQ(program.max_body_bytes, 1000000000u);
    EXPECT_EQ(program.max_header_bytes, 4096u);
    EXPECT_EQ(program.max_connections, 10u);
    EXPECT_EQ(program.header_timeout_seconds, 1u);
    EXPECT_EQ(program.stall_timeout_seconds, 2u);
    EXPECT_EQ(program.idle_timeout_seconds, 3u);
    EXPECT_EQ(program.min_bytes_per_second, 0u);
    EXPECT_EQ(program.threads, 2u);
}

TEST(Options, how_a_bucket_is_used_is_read) {
    const S3Settings s3 = parse_options(R"({"pkgreg":{"s3":{
        "credential-file":"/etc/keys","region":"eu-central-1","addressing":"virtual-host",
        "checksum":"md5","ca":"/etc/ca.pem","proxy":"http://proxy:3128","encryption":"aws:kms",
        "kms-key":"arn:aws:kms:eu-central-1:1:key/2","storage-class":"STANDARD_IA",
        "part-size":16,"parts-in-flight":2,"max-parts":12}}})")
                              .program.s3;
    EXPECT_EQ(s3.credential_file, "/etc/keys");
    EXPECT_EQ(s3.region, "eu-central-1");
    EXPECT_EQ(s3.addressing, S3Addressing::virtual_host);
    EXPECT_EQ(s3.checksum, S3Checksum::md5);
    EXPECT_EQ(s3.ca, "/etc/ca.pem");
    EXPECT_EQ(s3.proxy, "http://proxy:3128");
    EXPECT_EQ(s3.encryption, "aws:kms");
    EXPECT_EQ(s3.kms_key, "arn:aws:kms:eu-central-1:1:key/2");
    EXPECT_EQ(s3.storage_class, "STANDARD_IA");
    EXPECT_EQ(s3.part_size, 16u);
    EXPECT_EQ(s3.parts_in_flight, 2u);
    EXPECT_EQ(s3.max_parts, 12u);
}

TEST(Options, one_address_may_stand_without_an_array) {
    EXPECT_EQ(parse_options(R"({"pkgreg":{"listen":"127.0.0.1:0"}})").program.listen,
              std::vector<std::string>{"127.0.0.1:0"});
}

TEST(Options, a_byte_order_mark_is_ignored) {
    EXPECT_EQ(parse_options("\xef\xbb\xbf{}"), Options());
}

TEST(Options, keys_are_read_with_their_escapes) {
    EXPECT_EQ(parse_options(R"({"serv\u0069ce":{"n\u0061me":"x"}})").service.name, "x");
}

struct Mistake {
    std::string_view json;
    std::string_view message;
};

class Mistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, are_named_with_path_and_remedy) {
    EXPECT_EQ(message_of(GetParam().json), GetParam().message);
}

constexpr std::string_view comma_missing =
    "this is not JSON: a comma, colon, quote or bracket is missing or too much";

INSTANTIATE_TEST_SUITE_P(
    Options, Mistakes,
    ::testing::Values(
        // Unknown keys.
        Mistake{"{\n\"registry\":{\n\"s3\":{\"buckt\":\"abc\",\"bucket\":\"abc\",\"path\":\"p\","
                "\"endpoint\":\"http://h\"}}}",
                "o.json:3: registry.s3.buckt: unknown option; did you mean registry.s3.bucket?"},
        Mistake{R"({"s3":{}})", "o.json:1: s3: unknown option; did you mean registry.s3?"},
        Mistake{R"({"instances":2})",
                "o.json:1: instances: unknown option; did you mean service.instances?"},
        Mistake{R"({"registry":{"service_account_secret_path":"x"}})",
                "o.json:1: registry.service_account_secret_path: unknown option; did you mean "
                "registry.service-account-secret-path?"},
        Mistake{R"({"pkgreg":{"readonly":true}})",
                "o.json:1: pkgreg.readonly: unknown option; did you mean pkgreg.read-only?"},
        Mistake{R"({"zzzzzz":1})",
                "o.json:1: zzzzzz: unknown option; known here: registry, service, pkgreg"},
        Mistake{
            R"({"a\nb\u0007":1})",
            "o.json:1: \"a\\nb\\u0007\": unknown option; known here: registry, service, pkgreg"},
        // Types.
        Mistake{R"({"service":{"instances":"2"}})",
                "o.json:1: service.instances: must be a whole number, not a string"},
        Mistake{R"({"service":{"instances":1.5}})",
                "o.json:1: service.instances: must be a whole number, not the number 1.5"},
        Mistake{R"({"service":{"instances":-1}})",
                "o.json:1: service.instances: must be a whole number, not the number -1"},
        Mistake{R"({"service":{"name":null}})",
                "o.json:1: service.name: must be a string, not null"},
        Mistake{R"({"service":[]})", "o.json:1: service: must be an object, not an array"},
        Mistake{R"({"service":{"cpus":true}})",
                "o.json:1: service.cpus: must be a number, not true"},
        Mistake{R"({"pkgreg":{"allow-http":"yes"}})",
                "o.json:1: pkgreg.allow-http: must be true or false, not a string"},
        Mistake{R"({"pkgreg":{"listen":["a:1",2]}})",
                "o.json:1: pkgreg.listen: must be a string or an array of strings, not an array "
                "with the number 2"},
        Mistake{R"({"pkgreg":{"log-level":"verbose"}})",
                "o.json:1: pkgreg.log-level: must be \"debug\", \"info\", \"warning\" or "
                "\"error\", not \"verbose\""},
        Mistake{R"({"pkgreg":{"log-format":1}})",
                "o.json:1: pkgreg.log-format: must be \"text\" or \"json\", not the number 1"},
        // Values.
        Mistake{R"({"service":{"instances":0}})",
                "o.json:1: service.instances: must be from 1 to 1000, not 0"},
        Mistake{R"({"service":{"instances":4294967297}})",
                "o.json:1: service.instances: must be from 1 to 1000, not 4294967297"},
        Mistake{R"({"service":{"cpus":0}})",
                "o.json:1: service.cpus: must be from 0.01 to 4096, not 0"},
        Mistake{R"({"service":{"name":"a//b"}})",
                "o.json:1: service.name: is not the name of a service: lower-case letters, digits, "
                "'-' and '.', in folders separated by '/'"},
        Mistake{R"({"pkgreg":{"storage":"a\u0000b"}})",
                "o.json:1: pkgreg.storage: holds a control character"},
        Mistake{R"({"pkgreg":{"listen":[]}})", "o.json:1: pkgreg.listen: must name at least one"},
        Mistake{"{\"registry\":{\n\"s3\":{\"bucket\":\"abc\"}}}",
                "o.json:2: registry.s3.path: must be given\n"
                "o.json:2: registry.s3.endpoint: must be given"},
        Mistake{R"({"registry":{"s3":{"bucket":"a b","path":"","endpoint":"ftp://h"}}})",
                "o.json:1: registry.s3.bucket: is not the name of a bucket: 3 to 255 letters, "
                "digits, '-', '.' and '_'\n"
                "o.json:1: registry.s3.path: must not be empty\n"
                "o.json:1: registry.s3.endpoint: must be a URL such as "
                "https://s3.us-east-1.amazonaws.com"},
        Mistake{R"({"registry":{"mount-volume":{}}})",
                "o.json:1: registry.mount-volume.container-path: must be given"},
        Mistake{R"({"registry":{"s3":{"bucket":"abc","path":"a b","endpoint":"http://h"}}})",
                "o.json:1: registry.s3.path: must be components of A-Z a-z 0-9 and +,-._=@~! "
                "joined by slashes, none of them beginning with a dot"},
        Mistake{R"({"pkgreg":{"s3":{"addressing":"host"}}})",
                "o.json:1: pkgreg.s3.addressing: must be \"automatic\", \"path\" or "
                "\"virtual-host\", not \"host\""},
        Mistake{R"({"pkgreg":{"s3":{"encryption":"aes"}}})",
                "o.json:1: pkgreg.s3.encryption: must be \"AES256\" or \"aws:kms\""},
        Mistake{R"({"pkgreg":{"s3":{"storage-class":"GLACIER"}}})",
                "o.json:1: pkgreg.s3.storage-class: must be a class whose objects can be read at "
                "any time; those of GLACIER have to be restored first"},
        Mistake{R"({"pkgreg":{"s3":{"proxy":"proxy:3128"}}})",
                "o.json:1: pkgreg.s3.proxy: must be a URL such as http://proxy.example.com:3128"},
        Mistake{R"({"pkgreg":{"s3":{"part-size":4}}})",
                "o.json:1: pkgreg.s3.part-size: must be from 5 to 64, not 4"},
        Mistake{R"({"pkgreg":{"s3":{"endpoint":"http://h"}}})",
                "o.json:1: pkgreg.s3.endpoint: unknown option; did you mean "
                "registry.s3.endpoint?"},
        // What does not go together.
        Mistake{
            "{\"registry\":{\"s3\":{\"bucket\":\"abc\",\"path\":\"p\",\"endpoint\":\"http://h\","
            "\"credential-secret-path\":\"s\"}},\n\"pkgreg\":{\"s3\":{\n"
            "\"credential-file\":\"f\",\n\"kms-key\":\"k\",\n\"parts-in-flight\":9,"
            "\"max-parts\":8}}}",
            "o.json:3: pkgreg.s3.credential-file: stands beside credential-secret-path, but "
            "keys come from one place; give one of them\n"
            "o.json:4: pkgreg.s3.kms-key: goes with the encryption aws:kms only\n"
            "o.json:5: pkgreg.s3.parts-in-flight: must be at most max-parts, 8, not 9"},
        Mistake{"{\"pkgreg\":{\n\"storage\":\"s3://abc/p?regoin=x&kms-key=k\"}}",
                "o.json:2: pkgreg.storage: parameter 'regoin' is unknown; did you mean region?\n"
                "o.json:2: pkgreg.storage: kms-key goes with the encryption aws:kms only"},
        Mistake{"{\"registry\":{\"service\":{\n\"instances\":2}}}",
                "o.json:2: registry.service.instances: 2 instances cannot share local storage: a "
                "directory has one writer, and instances share nothing but a bucket; set it to 1, "
                "or give registry.s3"},
        Mistake{R"({"registry":{"s3":{"bucket":"abc","path":"p","endpoint":"http://h"},)"
                R"("mount-volume":{"container-path":"v"}}})",
                "o.json:1: registry.mount-volume: stands beside registry.s3, but content is kept "
                "in one place; give one of them"},
        Mistake{R"({"registry":{"mount-volume":{"container-path":"v"}},"pkgreg":{"storage":"/a"}})",
                "o.json:1: pkgreg.storage: stands beside registry.mount-volume, but content is "
                "kept in one place; give one of them"},
        // What is not a document.
        Mistake{"", "o.json:1: the document is empty; it must be an object, { … }"},
        Mistake{"[]", "o.json:1: the document must be an object, { … }, not an array"},
        Mistake{"\n 17", "o.json:2: the document must be an object, { … }"},
        Mistake{"{\"service\":\n{\"name\":\"a\xff\"}}", "o.json:2: the text is not UTF-8"},
        Mistake{"{\"service\":\n{\"name\":\"a\n\"}}",
                "o.json:2: a string holds a line break or another control character; is its last "
                "quote missing?"},
        Mistake{"{\"service\":\n{\"name\":\"a}}",
                "o.json:2: a string is not closed; its last quote is missing"},
        Mistake{R"({"service":{"instances":99999999999999999999}})",
                "o.json:1: a number is malformed, or beyond 64 bits"},
        Mistake{R"({"service":{"cpus":1e999}})",
                "o.json:1: a number is malformed, or beyond 64 bits"},
        Mistake{R"({"service":{},"service":{}})",
                "o.json:1: \"service\" is given twice in one object, first on line 1"},
        Mistake{"{}\n{}", "o.json:2: text follows the end of the document"}));

TEST(Options, broken_syntax_names_the_line) {
    EXPECT_EQ(message_of("{\"service\":{}\n\"pkgreg\":{}}"),
              "o.json:2: " + std::string(comma_missing));
    EXPECT_THAT(message_of("{\"service\":{\"name\":tru}}"), HasSubstr(comma_missing));
    EXPECT_THAT(message_of("{\"service\":{}"), HasSubstr("o.json:1: "));
    EXPECT_THAT(message_of("{\"service\":{},}"), HasSubstr("o.json:1: "));
    EXPECT_THAT(message_of("{\"service\":nulx}"), HasSubstr("o.json:1: "));
}

TEST(Options, deep_nesting_is_refused) {
    const std::string deep =
        R"({"service":)" + std::string(100000, '[') + std::string(100000, ']') + "}";
    EXPECT_EQ(message_of(deep), "o.json:1: more than 32 levels of objects and arrays");
}

TEST(Options, a_huge_document_is_refused) {
    EXPECT_THAT(message_of(std::string(2 << 20, ' ') + "{}"), HasSubstr("the limit is 1 MiB"));
}

TEST(Options, every_problem_is_reported_at_once_but_not_without_end) {
    EXPECT_EQ(message_of("{\"service\":{\"name\":1,\n\"cpus\":\"2\",\n\"memory\":3}}"),
              "o.json:1: service.name: must be a string, not the number 1\n"
              "o.json:2: service.cpus: must be a number, not a string\n"
              "o.json:3: service.memory: unknown option; did you mean service.mem?");
    std::string many = "{";
    for (int i = 0; i < 10000; ++i) many += "\"k" + std::to_string(i) + "\":1,";
    many.back() = '}';
    EXPECT_LT(message_of(many).size(), 4096u);
}

TEST(Options, what_a_program_puts_in_is_checked_too) {
    Options options;
    options.service.instances = 3;
    options.program.threads = 5000;
    try {
        check_options(options);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_options);
        EXPECT_THAT(error.message(),
                    AllOf(HasSubstr("pkgreg.threads: must be from 0 to 1024, not 5000"),
                          HasSubstr("service.instances: 3 instances cannot share")));
    }
    options.service.instances = 1;
    options.program.threads = 0;
    EXPECT_NO_THROW(check_options(options));
    options.service.instances = 3;
    options.program.storage = "s3://bucket/path";
    EXPECT_NO_THROW(check_options(options));
}

TEST(Options, names_of_a_certificate_are_hosts_and_addresses) {
    for (const char* const name :
         {"a", "a.example.com", "*.example.com", "A-1.b_c", "10.0.0.1", "::1", "2001:db8::1"}) {
        Options options;
        options.program.cluster.names = {name};
        EXPECT_NO_THROW(check_options(options)) << name;
    }
    const std::string long_label = std::string(64, 'a') + ".b";
    const std::string long_name = std::string(127, 'a').append(".").append(127, 'b');
    for (const std::string& name :
         {std::string(), std::string("a b"), std::string("a..b"), std::string(".a"),
          std::string("a."), std::string("*"), std::string("a.*.b"), std::string("-a"),
          std::string("a-.b"), std::string("10.0.0.256"), std::string("1.2.3"), std::string("a,b"),
          std::string("a:443"), std::string("[::1]"), std::string("a/b"), long_label, long_name}) {
        Options options;
        options.program.cluster.names = {name};
        EXPECT_THROW(check_options(options), Error) << name;
    }
}

TEST(Options, a_certificate_comes_from_one_place) {
    Options options;
    options.program.cluster.certificate = ClusterCertificate::on;
    options.program.redirect_http = {"127.0.0.1:80"};
    options.program.tls_client_ca = "ca.pem";
    EXPECT_NO_THROW(check_options(options));
    options.program.tls_cert = options.program.tls_key = "own.pem";
    EXPECT_THROW(check_options(options), Error);
    options.program.cluster.certificate = ClusterCertificate::automatic;
    EXPECT_NO_THROW(check_options(options));
    options.program.tls_cert.clear();
    options.program.tls_key.clear();
    EXPECT_THROW(check_options(options), Error) << "there may be no TLS";
}

TEST(Options, printing_fills_in_defaults_in_a_fixed_order) {
    EXPECT_EQ(print_options(Options()), R"({
  "registry": {
    "service-account-secret-path": "registry-private-key"
  },
  "service": {
    "name": "registry"
  },
  "pkgreg": {
    "s3": {
      "addressing": "automatic",
      "checksum": "automatic",
      "part-size": 8,
      "parts-in-flight": 4,
      "max-parts": 24
    },
    "listen": ["127.0.0.1:5000"],
    "allow-http": false,
    "tls-require-client-cert": false,
    "tls-kernel": true,
    "access": {
      "anonymous-pull": false,
      "token-service": "pkgreg",
      "token-endpoint": false,
      "token-lifetime-seconds": 300,
      "max-requests-per-second": 0,
      "max-requests-at-once": 0
    },
    "cluster": {
      "certificate": "automatic",
      "url": "https://master.mesos",
      "ca": "/run/dcos/pki/CA/ca-bundle.crt"
    },
    "read-only": false,
    "deletion": true,
    "log-level": "info",
    "log-format": "text",
    "access-log": true,
    "grace-seconds": 30,
    "upload-idle-hours": 24,
    "max-manifest-bytes": 4194304,
    "max-body-bytes": 0,
    "max-header-bytes": 32768,
    "max-connections": 4096,
    "header-timeout-seconds": 15,
    "stall-timeout-seconds": 60,
    "idle-timeout-seconds": 120,
    "min-bytes-per-second": 1024,
    "threads": 0
  }
}
)");
}

TEST(Options, what_is_printed_reads_back_as_the_same_options) {
    Options options = parse_options(s3_form);
    options.service.cpus = 0.1;
    options.service.mem = 1024;
    options.program.listen = {"127.0.0.1:0", "unix:/run/a \"b\".sock"};
    options.program.log_level = LogLevel::warning;
    options.program.max_body_bytes = 999999999999999;
    EXPECT_EQ(parse_options(print_options(options)), options);
}

TEST(Options, printing_masks_secrets_and_keeps_secret_paths) {
    const std::string printed = print_options(parse_options(
        R"({"registry":{"s3":{"credential-secret-path":"folder/secret-name","bucket":"bkt","path":"p",
            "endpoint":"https://AKIA:topsecret@s3.example.com/?X-Amz-Security-Token=hidden"}}})"));
    EXPECT_THAT(printed, HasSubstr("\"folder/secret-name\""));
    EXPECT_THAT(printed, HasSubstr("\"https://***@s3.example.com/?X-Amz-Security-Token=***\""));
    EXPECT_THAT(printed, AllOf(Not(HasSubstr("topsecret")), Not(HasSubstr("hidden")),
                               Not(HasSubstr("AKIA"))));
}

S3Storage storage_of(std::string_view url, S3Settings settings = {}) {
    Options options;
    options.program.storage = url;
    options.program.s3 = std::move(settings);
    check_options(options);
    return options.s3_storage().value();
}

TEST(StorageUrl, a_bucket_and_a_path_are_enough) {
    const S3Storage storage = storage_of("s3://my-bucket/some/path/");
    EXPECT_EQ(storage.place.bucket, "my-bucket");
    EXPECT_EQ(storage.place.path, "some/path");
    EXPECT_EQ(storage.place.endpoint, "");
    EXPECT_EQ(storage.place.credential_profile_name, "default");
    EXPECT_EQ(storage.settings, S3Settings());
    EXPECT_EQ(storage_of("s3://my-bucket").place.path, "");
    EXPECT_EQ(storage_of("s3://my-bucket/?&").place.path, "");
}

TEST(StorageUrl, every_key_of_both_objects_is_a_parameter) {
    const auto [place, settings] = storage_of(
        "s3://bkt/p?endpoint=http://127.0.0.1:9000&credential-secret-path=folder/keys&"
        "credential-profile-name=other&region=r-1&addressing=path&checksum=none&ca=/ca.pem&"
        "proxy=http://user:word@proxy:3128&encryption=aws:kms&kms-key=alias/k&"
        "storage-class=STANDARD_IA&part-size=5&parts-in-flight=1&max-parts=2");
    EXPECT_EQ(place.endpoint, "http://127.0.0.1:9000");
    EXPECT_EQ(place.credential_secret_path, "folder/keys");
    EXPECT_EQ(place.credential_profile_name, "other");
    EXPECT_EQ(settings.region, "r-1");
    EXPECT_EQ(settings.addressing, S3Addressing::path);
    EXPECT_EQ(settings.checksum, S3Checksum::none);
    EXPECT_EQ(settings.ca, "/ca.pem");
    EXPECT_EQ(settings.proxy, "http://user:word@proxy:3128");
    EXPECT_EQ(settings.encryption, "aws:kms");
    EXPECT_EQ(settings.kms_key, "alias/k");
    EXPECT_EQ(settings.storage_class, "STANDARD_IA");
    EXPECT_EQ(settings.part_size, 5u);
    EXPECT_EQ(settings.parts_in_flight, 1u);
    EXPECT_EQ(settings.max_parts, 2u);
    EXPECT_EQ(storage_of("s3://bkt/p?credential-file=/etc/keys").settings.credential_file,
              "/etc/keys");
}

TEST(StorageUrl, values_may_be_percent_encoded) {
    const S3Storage storage =
        storage_of("s3://bkt/p?%65ndpoint=http%3A%2F%2F127.0.0.1%3a9000&credential-file=/a%26b+c");
    EXPECT_EQ(storage.place.endpoint, "http://127.0.0.1:9000");
    EXPECT_EQ(storage.settings.credential_file, "/a&b+c");
}

TEST(StorageUrl, its_parameters_win_over_the_settings_of_the_document) {
    S3Settings settings;
    settings.region = "one";
    settings.checksum = S3Checksum::md5;
    const S3Storage storage = storage_of("s3://bkt/p?region=two", settings);
    EXPECT_EQ(storage.settings.region, "two");
    EXPECT_EQ(storage.settings.checksum, S3Checksum::md5);
}

TEST(StorageUrl, every_mistake_is_named_without_what_might_be_secret) {
    const auto message = [](std::string_view url) {
        try {
            storage_of(url);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::invalid_options);
            return error.message();
        }
        return std::string("(accepted)");
    };
    EXPECT_EQ(message("s3://bkt/p?buckt=x"),
              "pkgreg.storage: parameter 'buckt' is unknown; known are credential-secret-path, "
              "credential-profile-name, endpoint, credential-file, region, addressing, checksum, "
              "ca, proxy, encryption, kms-key, storage-class, part-size, parts-in-flight, "
              "max-parts");
    EXPECT_EQ(message("s3://bkt/p?storage_clas=x"),
              "pkgreg.storage: parameter 'storage_clas' is unknown; did you mean storage-class?");
    EXPECT_EQ(message("s3://bkt/p?region=a&region=b"),
              "pkgreg.storage: parameter 'region' is given twice");
    EXPECT_EQ(message("s3://bkt/p?region=%4"),
              "pkgreg.storage: parameter 'region': a '%' begins no code of two hexadecimal digits; "
              "write %25 for the sign itself");
    EXPECT_EQ(message("s3://bkt/p?endpoint=s3.example.com"),
              "pkgreg.storage: parameter endpoint: must be a URL such as "
              "https://s3.us-east-1.amazonaws.com");
    EXPECT_EQ(message("s3://bkt/p?part-size=8MiB&checksum=sha1"),
              "pkgreg.storage: parameter checksum: must be \"automatic\", \"sha256\", "
              "\"crc32c\", \"md5\" or \"none\"\n"
              "pkgreg.storage: parameter part-size: must be a whole number");
    EXPECT_EQ(message("s3:///p"), "pkgreg.storage: names no bucket; write s3://BUCKET/PATH");
    EXPECT_THAT(message("s3://b$/p"), HasSubstr("'b$' is not the name of a bucket"));
    EXPECT_THAT(message("s3://bkt/a//b"), HasSubstr("the path 'a//b' must be components"));
    const std::string keys = message("s3://AKIAEXAMPLE:hidden@bkt/p");
    EXPECT_THAT(keys, AllOf(HasSubstr("keys do not belong into a URL"), Not(HasSubstr("hidden")),
                            Not(HasSubstr("AKIA"))));
}

TEST(StorageUrl, storage_of_the_document_has_a_path_without_outer_slashes) {
    const Options options = parse_options(
        R"({"registry":{"s3":{"bucket":"bkt","path":"/a/b/","endpoint":"http://h"}},
            "pkgreg":{"s3":{"region":"r"}}})");
    const S3Storage storage = options.s3_storage().value();
    EXPECT_EQ(storage.place.path, "a/b");
    EXPECT_EQ(storage.settings.region, "r");
    EXPECT_EQ(options.storage(), "s3://bkt/a/b");
    EXPECT_FALSE(parse_options(R"({"pkgreg":{"storage":"/dir"}})").s3_storage());
}

TEST(Options, printing_masks_the_user_of_a_proxy_and_reads_back_all_else) {
    const Options options = parse_options(
        R"({"pkgreg":{"storage":"s3://bkt/p?proxy=http://user:hidden@proxy:1&credential-file=/k",
            "s3":{"proxy":"http://user:hidden@proxy:1","checksum":"none"}}})");
    const std::string printed = print_options(options);
    EXPECT_THAT(printed, AllOf(Not(HasSubstr("hidden")), HasSubstr("credential-file=/k"),
                               HasSubstr("\"checksum\": \"none\"")));
}

TEST(Options, a_file_that_cannot_be_read_is_named) {
    try {
        read_options("/nonexistent/options.json");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::io);
        EXPECT_THAT(error.message(),
                    AllOf(HasSubstr("/nonexistent/options.json"), HasSubstr("No such file")));
    }
}

}  // namespace
}  // namespace pkgreg
