#include "registry/upload_states.hpp"

#include "base/json_text.hpp"

#include <simdjson.h>

#include <algorithm>
#include <utility>

namespace pkgreg {
namespace {

constexpr std::size_t uuid_length = 36;
constexpr std::size_t offset_digits = 16;
constexpr std::size_t time_digits = 12;

/// States of other requests, each a few hundred bytes and the list of its segments.
constexpr std::size_t most_cached = 64;
/// More earlier states than this are not kept: they serve only a client that lost an answer.
constexpr std::size_t most_earlier = 8;

using std::chrono::milliseconds;
using SystemClock = std::chrono::system_clock;

bool is_uuid(std::string_view text) {
    const auto valid = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
    };
    return text.size() == uuid_length && std::all_of(text.begin(), text.end(), valid);
}

/// A number with leading zeros, so that the order of texts is the order of numbers.
std::string padded(std::uint64_t number, std::size_t digits) {
    const std::string hex = layout::to_hex(number);
    return std::string(digits - std::min(digits, hex.size()), '0') + hex;
}

std::string new_state_name(std::uint64_t offset) {
    const auto now =
        std::chrono::duration_cast<milliseconds>(SystemClock::now().time_since_epoch());
    return padded(offset, offset_digits) + "-" +
           padded(static_cast<std::uint64_t>(now.count()), time_digits) + "-" + random_id();
}

ObjectKey state_key(const std::string& uuid, const std::string& state) {
    return ObjectKey(layout::upload_root(uuid) + state);
}

/// The upload and the state that a key stands for, or nothing.
std::optional<UploadName> name_of_key(std::string_view key) {
    key.remove_prefix(std::min(key.size(), layout::uploads_root.size()));
    const std::size_t slash = key.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    return UploadName{std::string(key.substr(0, slash)), std::string(key.substr(slash + 1))};
}

std::string hex_of(std::string_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text.push_back(digits[byte >> 4]);
        text.push_back(digits[byte & 15]);
    }
    return text;
}

std::optional<std::string> bytes_of(std::string_view hex) {
    if (hex.size() % 2 != 0) return std::nullopt;
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        const auto byte = layout::parse_hex(hex.substr(i, 2));
        if (!byte) return std::nullopt;
        bytes.push_back(static_cast<char>(*byte));
    }
    return bytes;
}

[[noreturn]] void damaged_state(std::string_view key) {
    throw Error(ErrorCode::corrupt, "the state of an upload, " + std::string(key) +
                                        ", is damaged; begin the upload again");
}

std::vector<layout::Segment> segments_of(simdjson::dom::element document, std::string_view key) {
    std::vector<layout::Segment> segments;
    simdjson::dom::array items;
    if (document["segments"].get(items) != simdjson::SUCCESS) damaged_state(key);
    for (const simdjson::dom::element item : items) {
        std::string_view id;
        layout::Segment segment;
        const bool read = item["id"].get(id) == simdjson::SUCCESS &&
                          item["size"].get(segment.size) == simdjson::SUCCESS;
        if (!read || !ObjectKey::is_valid(id)) damaged_state(key);
        segment.id = id;
        segments.push_back(std::move(segment));
    }
    return segments;
}

std::vector<std::string> earlier_of(simdjson::dom::element document, std::string_view key) {
    std::vector<std::string> earlier;
    simdjson::dom::array items;
    if (document["earlier"].get(items) != simdjson::SUCCESS) damaged_state(key);
    for (const simdjson::dom::element item : items) {
        std::string_view name;
        if (item.get(name) != simdjson::SUCCESS || !StateName::parse(name)) damaged_state(key);
        earlier.emplace_back(name);
    }
    return earlier;
}

}  // namespace

std::string print_upload_state(const UploadState& state) {
    std::string text = "{\"version\":1,\"repository\":";
    append_json_string(text, state.repository.str());
    text.append(",\"hash\":\"").append(hex_of(state.hasher.save())).append("\",\"segments\":[");
    for (std::size_t i = 0; i < state.segments.size(); ++i) {
        text.append(i > 0 ? ",{\"id\":" : "{\"id\":");
        append_json_string(text, state.segments[i].id);
        text.append(",\"size\":").append(std::to_string(state.segments[i].size)).append("}");
    }
    text.append("],\"earlier\":[");
    for (std::size_t i = 0; i < state.earlier.size(); ++i) {
        if (i > 0) text.push_back(',');
        append_json_string(text, state.earlier[i]);
    }
    text.append("]}\n");
    return text;
}

UploadState parse_upload_state(std::string_view text, std::string_view key) {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    std::uint64_t version = 0;
    std::string_view repository;
    std::string_view hash;
    const bool read = parser.parse(text).get(document) == simdjson::SUCCESS &&
                      document["version"].get(version) == simdjson::SUCCESS &&
                      document["repository"].get(repository) == simdjson::SUCCESS &&
                      document["hash"].get(hash) == simdjson::SUCCESS && version == 1;
    if (!read) damaged_state(key);
    const auto name = RepositoryName::try_parse(repository);
    const auto saved = bytes_of(hash);
    if (!name || !saved) damaged_state(key);
    UploadState state{*name, Hasher::restore(*saved), segments_of(document, key),
                      earlier_of(document, key)};
    std::uint64_t size = 0;
    for (const layout::Segment& segment : state.segments) size += segment.size;
    if (size != state.hasher.size()) damaged_state(key);
    return state;
}

std::optional<UploadName> UploadName::parse(std::string_view id) {
    UploadName name{std::string(id.substr(0, uuid_length))};
    if (!is_uuid(name.uuid)) return std::nullopt;
    id.remove_prefix(uuid_length);
    if (id.empty()) return name;
    if (id.front() != '.' || !StateName::parse(id.substr(1))) return std::nullopt;
    name.state = id.substr(1);
    return name;
}

std::optional<StateName> StateName::parse(std::string_view name) {
    constexpr std::size_t time_begin = offset_digits + 1;
    constexpr std::size_t id_begin = time_begin + time_digits + 1;
    if (name.size() <= id_begin || name[time_begin - 1] != '-' || name[id_begin - 1] != '-') {
        return std::nullopt;
    }
    const auto offset = layout::parse_hex(name.substr(0, offset_digits));
    const auto time = layout::parse_hex(name.substr(time_begin, time_digits));
    const std::string_view id = name.substr(id_begin);
    const auto valid = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'); };
    if (!offset || !time || id.size() > 32 || !std::all_of(id.begin(), id.end(), valid)) {
        return std::nullopt;
    }
    return StateName{*offset, SystemClock::time_point(milliseconds(*time))};
}

awaitable<std::string> UploadStates::write(const std::string& uuid, UploadState state) {
    if (state.earlier.size() > most_earlier) {
        // The last one stays: a client whose answer was lost asks with its name again.
        std::vector<std::string> old(state.earlier.begin(), state.earlier.end() - 1);
        co_await remove(uuid, std::move(old));
        state.earlier.erase(state.earlier.begin(), state.earlier.end() - 1);
    }
    const std::string name = new_state_name(state.hasher.size());
    const ObjectKey key = state_key(uuid, name);
    const std::string text = print_upload_state(state);
    co_await store_.put(key, text);
    cache(key.str(), std::make_shared<const UploadState>(std::move(state)));
    co_return name;
}

awaitable<std::shared_ptr<const UploadState>> UploadStates::read(const std::string& uuid,
                                                                 const std::string& state) {
    const ObjectKey key = state_key(uuid, state);
    if (auto cached = find_cached(key.str())) co_return cached;
    const auto text = co_await store_.get(key);
    if (!text) co_return nullptr;
    co_return std::make_shared<const UploadState>(parse_upload_state(*text, key.str()));
}

awaitable<std::string> UploadStates::newest(const std::string& uuid) {
    const std::string root = layout::upload_root(uuid);
    std::string last;
    while (true) {
        const ListPage page = co_await store_.list(root, last, 1000);
        if (!page.keys.empty()) last = page.keys.back();
        if (!page.more) break;
    }
    co_return last.substr(std::min(last.size(), root.size()));
}

awaitable<void> UploadStates::remove(const std::string& uuid, std::vector<std::string> states) {
    std::vector<ObjectKey> keys;
    for (const std::string& state : states) {
        keys.push_back(state_key(uuid, state));
        forget(keys.back().str());
    }
    if (!keys.empty()) co_await store_.tidy(std::move(keys));
}

awaitable<void> UploadStates::remove_all(const std::string& uuid) {
    const std::string root = layout::upload_root(uuid);
    const ListPage page = co_await store_.list(root, "", 1000);
    std::vector<std::string> states;
    for (const std::string& key : page.keys) states.push_back(key.substr(root.size()));
    co_await remove(uuid, std::move(states));
}

awaitable<std::size_t> UploadStates::expire(milliseconds limit, const std::set<std::string>& busy) {
    const auto oldest = SystemClock::now() - limit;
    std::set<std::string> gone;
    std::set<std::string> alive;
    std::vector<ObjectKey> keys;
    std::string last;
    while (true) {
        const ListPage page = co_await store_.list(layout::uploads_root, last, 1000);
        for (const std::string& key : page.keys) {
            const auto name = name_of_key(key);
            const auto state = name ? StateName::parse(name->state) : std::nullopt;
            if (!state) continue;
            if (state->written >= oldest || busy.contains(name->uuid)) {
                alive.insert(name->uuid);
                continue;
            }
            gone.insert(name->uuid);
            keys.emplace_back(key);
            forget(key);
        }
        if (!page.more) break;
        last = page.keys.back();
    }
    if (!keys.empty()) co_await store_.tidy(std::move(keys));
    for (const std::string& uuid : alive) gone.erase(uuid);
    co_return gone.size();
}

awaitable<std::vector<std::shared_ptr<const UploadState>>> UploadStates::all() {
    std::vector<std::shared_ptr<const UploadState>> states;
    std::string last;
    while (true) {
        const ListPage page = co_await store_.list(layout::uploads_root, last, 1000);
        for (const std::string& key : page.keys) {
            const auto name = name_of_key(key);
            if (!name) continue;
            auto state = co_await read(name->uuid, name->state);
            if (state) states.push_back(std::move(state));
        }
        if (!page.more) co_return states;
        last = page.keys.back();
    }
}

awaitable<std::set<std::string>> UploadStates::uploads() {
    std::set<std::string> uuids;
    std::string last;
    while (true) {
        const ListPage page = co_await store_.list(layout::uploads_root, last, 1000);
        for (const std::string& key : page.keys) {
            if (const auto name = name_of_key(key)) uuids.insert(name->uuid);
        }
        if (!page.more) co_return uuids;
        last = page.keys.back();
    }
}

std::shared_ptr<const UploadState> UploadStates::find_cached(const std::string& key) {
    const std::lock_guard lock(mutex_);
    for (const Cached& cached : cached_) {
        if (cached.key == key) return cached.state;
    }
    return nullptr;
}

void UploadStates::cache(const std::string& key, std::shared_ptr<const UploadState> state) {
    const std::lock_guard lock(mutex_);
    cached_.push_front({key, std::move(state)});
    if (cached_.size() > most_cached) cached_.pop_back();
}

void UploadStates::forget(const std::string& key) {
    const std::lock_guard lock(mutex_);
    cached_.remove_if([&](const Cached& cached) { return cached.key == key; });
}

}  // namespace pkgreg
