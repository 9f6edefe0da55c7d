// Races: what pushes and deletions of several instances and several threads leave behind is a valid
// registry.
#include "registry/two_instances.hpp"

#include <atomic>
#include <random>
#include <thread>

namespace pkgreg {
namespace {

const TestImage image("one");
const std::string index_of_image = index_json({image.descriptor()});
const Digest index_digest = sha256(index_of_image);

void push_blobs(const BlockingRegistry& registry) {
    image.push_blobs(registry, "r");
}
void push_image(const BlockingRegistry& registry) {
    image.push(registry, "r", "latest");
}
void put_image(const BlockingRegistry& registry) {
    registry.put("r", "latest", image.manifest);
}
void put_index(const BlockingRegistry& registry) {
    registry.put("r", "all", index_of_image);
}
void delete_layer(const BlockingRegistry& registry) {
    registry.delete_blob("r", sha256(image.layer));
}
void delete_image(const BlockingRegistry& registry) {
    registry.remove("r", image.digest.to_string());
}
void delete_repository(const BlockingRegistry& registry) {
    registry.remove_repository("r");
}

/// A manifest or index whose push was acknowledged, and that nobody deleted, is there.
void expect_kept(TwoInstances& both, const Digest& digest, bool pushed) {
    if (pushed) {
        EXPECT_TRUE(both.second.manifest("r", digest));
    }
}

TEST(Races, ABlobsDeletionBesideAPushOfItsManifest) {
    interleave(push_blobs, delete_layer, put_image,
               [](auto& both, bool, bool pushed) { expect_kept(both, image.digest, pushed); });
    interleave(push_blobs, put_image, delete_layer,
               [](auto& both, bool pushed, bool) { expect_kept(both, image.digest, pushed); });
}

TEST(Races, AManifestsDeletionBesideAPushOfItsIndex) {
    interleave(push_image, delete_image, put_index,
               [](auto& both, bool, bool pushed) { expect_kept(both, index_digest, pushed); });
    interleave(push_image, put_index, delete_image,
               [](auto& both, bool pushed, bool) { expect_kept(both, index_digest, pushed); });
}

TEST(Races, AManifestsDeletionBesideAPushUnderATag) {
    const auto nothing_more = [](auto&, bool, bool) {};
    interleave(push_image, delete_image, put_image, nothing_more);
    interleave(push_image, put_image, delete_image, nothing_more);
}

TEST(Races, ARepositorysDeletionBesideAPush) {
    const auto nothing_more = [](auto&, bool, bool) {};
    interleave(push_image, delete_repository, push_image, nothing_more);
    interleave(push_image, push_image, delete_repository, nothing_more);
    interleave(push_image, delete_repository, put_index, nothing_more);
    interleave(push_image, put_index, delete_repository, nothing_more);
    interleave(push_blobs, delete_repository, put_image, nothing_more);
    interleave(push_blobs, put_image, delete_repository, nothing_more);
}

TEST(Races, APushOfABlobBesideItsDeletionNeverFails) {
    const auto push = [](const BlockingRegistry& registry) {
        EXPECT_NO_THROW(registry.push("r", image.layer));
    };
    const auto nothing_more = [](auto&, bool, bool) {};
    interleave(push_blobs, push, delete_layer, nothing_more);
    interleave(push_blobs, delete_layer, push, nothing_more);
}

TEST(Races, ATagThatMovesIsAlwaysThere) {
    const TestImage next("next");
    const auto move = [&](const BlockingRegistry& registry) {
        next.push(registry, "r", "latest");
        registry.remove("r", image.digest.to_string());
    };
    const auto read = [](const BlockingRegistry& registry) {
        EXPECT_TRUE(registry.get("r", "latest"));
    };
    const auto nothing_more = [](auto&, bool, bool) {};
    interleave(push_image, read, move, nothing_more);
    interleave(push_image, move, read, nothing_more);
}

TEST(Races, ATagThatMovesWhileWhatItNamedIsDeletedStays) {
    const TestImage next("next");
    const auto prepare = [&](const BlockingRegistry& registry) {
        push_image(registry);
        next.push(registry, "r");
    };
    const auto move = [&](const BlockingRegistry& registry) {
        registry.put("r", "latest", next.manifest);
    };
    const auto check = [&](TwoInstances& both, bool) {
        EXPECT_EQ(both.second.get("r", "latest"), next.manifest);
    };
    interleave(prepare, delete_image, move, [&](auto& both, bool, bool moved) {
        EXPECT_TRUE(moved);
        check(both, moved);
    });
    interleave(prepare, move, delete_image, [&](auto& both, bool moved, bool) {
        EXPECT_TRUE(moved);
        check(both, moved);
    });
}

TEST(Races, TwoPushesOfTheSameImageBothSucceed) {
    interleave([](const BlockingRegistry&) {}, push_image, push_image,
               [](auto& both, bool first, bool second) {
                   EXPECT_TRUE(first);
                   EXPECT_TRUE(second);
                   EXPECT_EQ(both.second.get("r", "latest"), image.manifest);
                   EXPECT_EQ(both.second.repositories().names.size(), 1u);
                   both.first.remove("r", image.digest.to_string());
                   EXPECT_EQ(both.second.manifest("r", image.digest), std::nullopt);
               });
}

class RacesOfThreads : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Stores, RacesOfThreads, testing::ValuesIn(store_kinds()), kind_name);

// Few images that share blobs, in few repositories, so that everything meets everything.
TEST_P(RacesOfThreads, AcceptedManifestNeverRefersToAMissingBlob) {
    constexpr int threads = 4;
    constexpr int rounds = 60;
    const std::string names[] = {"a", "a/b"};
    std::vector<std::string> blobs;
    for (unsigned i = 0; i < 4; ++i) blobs.push_back("blob " + std::to_string(i));
    const auto descriptor_of = [&](std::size_t i) {
        return descriptor_json(layer_type, sha256(blobs[i % blobs.size()]), blobs[0].size());
    };
    std::vector<std::string> images;
    for (std::size_t i = 0; i < 4; ++i) {
        images.push_back(
            image_json(descriptor_of(i), {descriptor_of(i + 1), descriptor_of(i + 2)}));
    }
    std::atomic<int> accepted = 0;

    const auto run = [&](unsigned seed) {
        std::minstd_rand random(seed);
        const auto pick = [&](const auto& from) -> const std::string& {
            return from[random() % std::size(from)];
        };
        for (int i = 0; i < rounds; ++i) {
            const std::string& name = pick(names);
            const std::string& manifest = pick(images);
            const std::string tag = "t" + std::to_string(random() % 3);
            try {
                switch (random() % 8) {
                    case 0:
                    case 1: registry.push(name, pick(blobs)); break;
                    case 2: registry.delete_blob(name, sha256(pick(blobs))); break;
                    case 3:
                        registry.put(
                            name, tag,
                            index_json({descriptor_json(media_types::oci_manifest, sha256(manifest),
                                                        manifest.size())}));
                        break;
                    case 4: registry.remove(name, sha256(manifest).to_string()); break;
                    case 5: registry.remove(name, tag); break;
                    case 6:
                        if (random() % 8 == 0) registry.remove_repository(name);
                        break;
                    default:
                        for (const std::string& blob : blobs) registry.push(name, blob);
                        registry.put(name, tag, manifest);
                        ++accepted;
                }
            } catch (const Error& error) {
                // Refusals are part of the game; anything else is not.
                EXPECT_TRUE(error.code() == ErrorCode::in_use ||
                            error.code() <= ErrorCode::name_unknown)
                    << to_string(error.code()) << ": " << error.message();
            }
        }
    };
    std::vector<std::thread> running;
    for (unsigned i = 0; i < threads; ++i) running.emplace_back(run, i + 1);
    for (std::thread& thread : running) thread.join();
    EXPECT_GT(accepted, 0);
    expect_valid(store(), open(), store().capabilities().exclusive);
}

}  // namespace
}  // namespace pkgreg
