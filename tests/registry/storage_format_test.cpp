// The storage's version: what is foreign or too new is left alone.
#include "registry/engine_test.hpp"

namespace pkgreg {
namespace {

class StorageFormat : public testing::TestWithParam<StoreKind> {
 protected:
    StorageFormat() : under_test_(GetParam().make()) {}

    void put(const std::string& key, std::string_view bytes) {
        run_blocking(under_test_.store->put(ObjectKey(key), bytes));
    }
    std::string get(const std::string& key) {
        return *run_blocking(under_test_.store->get(ObjectKey(key)));
    }
    BlockingRegistry open(bool read_only = false) {
        RegistryOptions options;
        options.read_only = read_only;
        return BlockingRegistry(under_test_.store, options);
    }
    std::vector<std::string> keys() { return all_keys(*under_test_.store); }

 private:
    TestStore under_test_;
};
INSTANTIATE_TEST_SUITE_P(Stores, StorageFormat, testing::ValuesIn(store_kinds()), kind_name);

TEST_P(StorageFormat, AnEmptyStoreBecomesARegistryAndOpensAgain) {
    open();
    EXPECT_EQ(keys(), std::vector<std::string>{"format"});
    open();
    open(true);
    EXPECT_EQ(keys(), std::vector<std::string>{"format"});
}

TEST_P(StorageFormat, ReadOnlyWritesNothingIntoAnEmptyStore) {
    const BlockingRegistry registry = open(true);
    EXPECT_TRUE(keys().empty());
    EXPECT_TRUE(registry.repositories().names.empty());
    EXPECT_EQ(registry.blob("a", sha256("x")), std::nullopt);
}

TEST_P(StorageFormat, AForeignStoreIsRefusedAndLeftAlone) {
    put("someone/elses/file", "data");
    for (const bool read_only : {false, true}) {
        EXPECT_EQ(code_of([&] { open(read_only); }), ErrorCode::incompatible);
    }
    EXPECT_EQ(keys(), std::vector<std::string>{"someone/elses/file"});
}

TEST_P(StorageFormat, AFormatThatCannotBeReadIsRefused) {
    for (const char* text :
         {"", "x", "1", "[]", "{}", "{\"format\":1}", "{\"format\":1,\"oldest_reader\":1}",
          R"({"format":"1","oldest_reader":1,"oldest_writer":1})",
          R"({"format":1,"oldest_reader":-1,"oldest_writer":1})"}) {
        put("format", text);
        EXPECT_EQ(code_of([&] { open(); }), ErrorCode::incompatible) << text;
        EXPECT_EQ(code_of([&] { open(true); }), ErrorCode::incompatible) << text;
    }
}

TEST_P(StorageFormat, ANewerFormatIsReadWhereItSaysThatThisVersionCan) {
    put("format", R"({"format":7,"oldest_reader":1,"oldest_writer":7,"more":[]})");
    const Error error = error_of([&] { open(); });
    EXPECT_EQ(error.code(), ErrorCode::incompatible);
    EXPECT_NE(error.message().find("format 7"), std::string::npos);
    EXPECT_NE(error.message().find("read-only"), std::string::npos);
    open(true);

    put("format", R"({"format":7,"oldest_reader":4,"oldest_writer":7})");
    EXPECT_EQ(code_of([&] { open(); }), ErrorCode::incompatible);
    EXPECT_EQ(code_of([&] { open(true); }), ErrorCode::incompatible);

    put("format", R"({"format":7,"oldest_reader":1,"oldest_writer":1})");
    open().push("a", "content");
}

TEST_P(StorageFormat, AnOlderFormatIsRaisedByTheFirstWriter) {
    const std::string older = R"({"format":2,"oldest_reader":2,"oldest_writer":2})";
    put("format", older);
    open(true);
    EXPECT_EQ(get("format"), older);
    open();
    EXPECT_NE(get("format").find("\"oldest_writer\":3"), std::string::npos);
}

TEST_P(StorageFormat, ALayoutOfBeforeTheFirstReleaseIsRefused) {
    put("format", R"({"format":1,"oldest_reader":1,"oldest_writer":1})");
    EXPECT_EQ(code_of([&] { open(); }), ErrorCode::incompatible);
    EXPECT_EQ(code_of([&] { open(true); }), ErrorCode::incompatible);
}

}  // namespace
}  // namespace pkgreg
