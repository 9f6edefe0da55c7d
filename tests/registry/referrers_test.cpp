// Referrers: indexed with the push, shown from both sources in one order, in pages.
#include "registry/engine_test.hpp"

#include <algorithm>

namespace pkgreg {
namespace {

class Referrers : public EngineTest {
 protected:
    /// A manifest that refers to `subject`, pushed by digest.
    TestImage push_referrer(const std::string& seed, const TestImage& subject,
                            const std::string& artifact_type = "application/vnd.example.sig") {
        TestImage image = referrer(seed, subject, artifact_type);
        image.push(registry, "r");
        return image;
    }
    static TestImage referrer(const std::string& seed, const TestImage& subject,
                              const std::string& artifact_type) {
        return TestImage(seed, ",\"artifactType\":\"" + artifact_type +
                                   "\",\"annotations\":{\"seed\":\"" + seed +
                                   "\"},\"subject\":" + subject.descriptor());
    }
    static std::string shown(const TestImage& image, const std::string& seed,
                             const std::string& artifact_type = "application/vnd.example.sig") {
        return image.descriptor().substr(0, image.descriptor().size() - 1) +
               ",\"artifactType\":\"" + artifact_type + "\",\"annotations\":{\"seed\":\"" + seed +
               "\"}}";
    }
    std::vector<std::string> all(const TestImage& subject) const {
        return registry.referrers("r", subject.digest).descriptors;
    }
    /// What the clients of registries without referrers do.
    void put_tagged(const TestImage& subject, const std::vector<TestImage>& listed) {
        std::vector<std::string> descriptors;
        for (const TestImage& image : listed) descriptors.push_back(image.descriptor());
        registry.put("r", "sha256-" + subject.digest.hex(), index_json(descriptors));
    }
};
INSTANTIATE_TEST_SUITE_P(Stores, Referrers, testing::ValuesIn(store_kinds()), kind_name);

using Texts = std::vector<std::string>;

TEST_P(Referrers, AreIndexedWithThePush) {
    const TestImage subject("subject");
    subject.push(registry, "r", "latest");
    EXPECT_EQ(all(subject), Texts{});
    const TestImage image = push_referrer("one", subject);
    EXPECT_EQ(all(subject), Texts{shown(image, "one")});
    EXPECT_EQ(registry.referrers("other", subject.digest).descriptors, Texts{});
    EXPECT_EQ(registry.referrers("r", image.digest).descriptors, Texts{});
}

TEST_P(Referrers, ASubjectMayComeLaterOrNever) {
    const TestImage subject("subject");
    const TestImage image = push_referrer("one", subject);
    EXPECT_EQ(all(subject), Texts{shown(image, "one")});
    subject.push(registry, "r", "latest");
    EXPECT_EQ(all(subject), Texts{shown(image, "one")});
}

TEST_P(Referrers, AnIndexAndASha512SubjectAreIndexedAsWell) {
    const std::string subject = R"({"mediaType":"application/vnd.example+json"})";
    const Digest digest = registry.put("r", sha512(subject).to_string(), subject);
    const std::string index = index_json(
        {}, ",\"subject\":" + descriptor_json("application/vnd.example+json", digest, 1));
    const Digest referrer = registry.put("r", sha512(index).to_string(), index);
    EXPECT_EQ(registry.referrers("r", digest).descriptors,
              Texts{descriptor_json(media_types::oci_index, referrer, index.size())});
}

TEST_P(Referrers, AreFilteredByArtifactType) {
    const TestImage subject("subject");
    const TestImage signature = push_referrer("sig", subject);
    const TestImage bom = push_referrer("bom", subject, "application/vnd.example.bom");
    const TestImage plain("plain", ",\"subject\":" + subject.descriptor());
    plain.push(registry, "r");
    const auto filtered = [&](const std::string& type) {
        return registry.referrers("r", subject.digest, type).descriptors;
    };
    EXPECT_EQ(filtered("application/vnd.example.sig"), Texts{shown(signature, "sig")});
    EXPECT_EQ(filtered("application/vnd.example.bom"),
              Texts{shown(bom, "bom", "application/vnd.example.bom")});
    EXPECT_EQ(filtered(std::string(config_type)).size(), 1u);
    EXPECT_EQ(filtered("application/vnd.example"), Texts{});
    EXPECT_EQ(filtered(""), Texts{});
    EXPECT_EQ(all(subject).size(), 3u);
}

TEST_P(Referrers, ADeletedOneIsNotShown) {
    const TestImage subject("subject");
    const TestImage gone = push_referrer("gone", subject);
    const TestImage stays = push_referrer("stays", subject);
    registry.remove("r", gone.digest.to_string());
    EXPECT_EQ(all(subject), Texts{shown(stays, "stays")});
    EXPECT_EQ(all_keys(store(), "repositories/r/_referrers/").size(), 1u);
}

TEST_P(Referrers, AnEntryWhoseManifestIsNotThereIsNotShown) {
    const TestImage subject("subject");
    push_referrer("one", subject);
    for (const std::string& key : all_keys(store(), "repositories/r/_manifests/")) {
        run_blocking(store().remove(ObjectKey(key)));
    }
    EXPECT_EQ(all(subject), Texts{});
}

TEST_P(Referrers, WhatTheTagOfTheSchemaListsIsShownOnce) {
    const TestImage subject("subject");
    const TestImage by_entry = push_referrer("entry", subject);
    const TestImage in_both = push_referrer("both", subject);
    put_tagged(subject, {in_both});
    EXPECT_EQ(all(subject).size(), 2u);
    // What was pushed before its entries were made: manifest and tag are there, the entry is not.
    for (const std::string& key : all_keys(store(), "repositories/r/_referrers/")) {
        run_blocking(store().remove(ObjectKey(key)));
    }
    EXPECT_EQ(all(subject), Texts{shown(in_both, "both")});
}

TEST_P(Referrers, TheTagOfTheSchemaIsNotBelievedAboutForeignManifests) {
    const TestImage subject("subject");
    const TestImage other_subject("other");
    const TestImage foreign = push_referrer("foreign", other_subject);
    put_tagged(subject, {foreign});
    EXPECT_EQ(all(subject), Texts{}) << "it says itself that it refers to something else";
    EXPECT_EQ(all(other_subject), Texts{shown(foreign, "foreign")});
    // A tag of that form that is no index lists nothing.
    other_subject.push(registry, "r", "sha256-" + subject.digest.hex());
    EXPECT_EQ(all(subject), Texts{});
}

TEST_P(Referrers, EveryPageSizeLeadsThroughAllOfThemOnce) {
    const TestImage subject("subject");
    Texts expected;
    std::vector<TestImage> tagged;
    for (int i = 0; i < 7; ++i) {
        const std::string seed = std::to_string(i);
        const TestImage image = push_referrer(seed, subject, i % 2 == 0 ? "a/even" : "a/odd");
        expected.push_back(shown(image, seed, i % 2 == 0 ? "a/even" : "a/odd"));
        if (i % 3 == 0) tagged.push_back(image);
        // Some are known from the tag alone.
        if (i == 3 || i == 6) {
            for (const std::string& key : all_keys(store(), "repositories/r/_referrers/")) {
                if (key.find(image.digest.hex()) != std::string::npos) {
                    run_blocking(store().remove(ObjectKey(key)));
                }
            }
        }
    }
    put_tagged(subject, tagged);
    std::sort(expected.begin(), expected.end());  // they differ first in the digest
    for (std::size_t n = 1; n <= 9; ++n) {
        for (const bool filter : {false, true}) {
            Texts seen;
            std::string last;
            do {
                const auto page = registry.referrers(
                    "r", subject.digest,
                    filter ? std::optional<std::string>("a/even") : std::nullopt, last, n);
                EXPECT_LE(page.descriptors.size(), n);
                EXPECT_FALSE(!page.next.empty() && page.descriptors.size() < n);
                seen.insert(seen.end(), page.descriptors.begin(), page.descriptors.end());
                last = page.next;
                ASSERT_LE(seen.size(), 20u) << "the listing does not end";
            } while (!last.empty());
            if (filter) {
                EXPECT_EQ(seen.size(), 4u) << n;
                EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
            } else {
                EXPECT_EQ(seen, expected) << n;
            }
        }
    }
    EXPECT_EQ(registry.referrers("r", subject.digest, std::nullopt, "", 0).descriptors, Texts{});
    EXPECT_EQ(registry.referrers("r", subject.digest, std::nullopt, "zzz").descriptors, Texts{});
    EXPECT_EQ(registry.referrers("r", subject.digest, std::nullopt, "../x").descriptors, expected);
}

TEST_P(Referrers, APageEndsWhereItsAnnotationsBecomeTooLarge) {
    const TestImage subject("subject");
    for (int i = 0; i < 3; ++i) {
        const std::string big(2'500'000, static_cast<char>('a' + i));
        TestImage("big" + std::to_string(i),
                  ",\"annotations\":{\"big\":\"" + big + "\"},\"subject\":" + subject.descriptor())
            .push(registry, "r");
    }
    std::size_t seen = 0;
    std::string last;
    do {
        const auto page = registry.referrers("r", subject.digest, std::nullopt, last);
        ASSERT_FALSE(page.descriptors.empty());
        std::size_t bytes = 0;
        for (const std::string& descriptor : page.descriptors) bytes += descriptor.size();
        EXPECT_LE(bytes, std::size_t{4} << 20);
        seen += page.descriptors.size();
        last = page.next;
    } while (!last.empty() && seen < 10);
    EXPECT_EQ(seen, 3u);
}

}  // namespace
}  // namespace pkgreg
