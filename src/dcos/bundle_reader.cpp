#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/hasher.hpp"

#include "dcos/archive_handles.hpp"
#include "dcos/bundle_ledger.hpp"
#include "dcos/spooled_archives.hpp"
#include "dcos/verbatim_json.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <optional>
#include <set>
#include <utility>

namespace pkgreg {
namespace {

constexpr std::size_t read_size = 256 * 1024;
/// What may follow the entries: the directory of the archive.
constexpr std::uint64_t max_directory = std::uint64_t{64} << 20;
/// The record that a ZIP archive without a comment ends on (APPNOTE 4.3.16), and how it begins.
constexpr std::size_t end_record_size = 22;
constexpr std::string_view end_record_mark = "PK\5\6";

std::string quoted_name(std::string_view name) {
    return "'" + std::string(name.substr(0, 200)) + "'";
}

[[noreturn]] void refuse_bundle(const std::string& message) {
    throw Error(ErrorCode::invalid_argument, "not a valid bundle: " + message);
}

class Reader {
 public:
    Reader(const BlockReader& input, BundleVisitor& visitor, BundleHashing hashing)
        : input_(input), visitor_(visitor), hashing_(hashing), archive_(archive_read_new()) {
        if (!archive_) throw std::bad_alloc();
        check(archive_read_support_format_zip_streamable(archive_.get()));
        // Digests make CRC pointless as a check, but not as a mark: where an entry's size stands
        // behind it, libarchive knows the end by the CRC that follows the descriptor's signature,
        // and every archive among the resources has such signatures of its own.
        check(archive_read_open(archive_.get(), this, nullptr, &Reader::on_read, nullptr));
    }

    void read() {
        PackageMetadata metadata = read_metadata();
        expect("bundle.json");
        BundleIndex index =
            read_bundle_index(std::move(metadata), read_document(max_bundle_document));
        contents_.emplace(std::move(index.contents));
        read_archives(index.archived);
        ledger_.emplace(*contents_);
        visitor_.contents(*contents_);
        for (const SpooledArchives::Image& image : archives_->images()) deliver(image);
        while (next_entry()) read_entry();
        if (const BundleBlob* missing = ledger_->next()) {
            refuse_bundle(missing->digest.to_string() + " is missing");
        }
        for (const char* name : {"images/oci-layout", "images/index.json"}) {
            if (!laid_out_.empty() && !names_.contains(name)) {
                refuse_bundle(std::string(name) + " is missing");
            }
        }
        drain();
    }

 private:
    static la_ssize_t on_read(archive* handle, void* self, const void** bytes) {
        Reader& reader = *static_cast<Reader*>(self);
        try {
            const std::string_view block = reader.input_();
            reader.take(block);
            *bytes = block.data();
            return static_cast<la_ssize_t>(block.size());
        } catch (...) {
            // libarchive is C: the exception goes on once it has returned.
            reader.failure_ = std::current_exception();
            archive_set_error(handle, EIO, "the input failed");
            return -1;
        }
    }

    void check(int result) {
        if (result == ARCHIVE_OK) return;
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
        refuse_bundle(archive_message(archive_.get()));
    }

    /// Moves on to the next entry and judges what it claims to be.
    bool next_entry() {
        const int result = archive_read_next_header(archive_.get(), &entry_);
        if (result == ARCHIVE_EOF) return false;
        check(result);
        const char* name = archive_entry_pathname(entry_);
        if (!name) refuse_bundle("an entry has a name that is not text");
        name_ = name;
        if (archive_entry_filetype(entry_) != AE_IFREG || archive_entry_symlink(entry_) ||
            archive_entry_hardlink(entry_)) {
            refuse_bundle(quoted_name(name_) + " is not a regular file");
        }
        if (archive_entry_is_encrypted(entry_)) refuse_bundle(quoted_name(name_) + " is encrypted");
        if (!names_.insert(name_).second) refuse_bundle(quoted_name(name_) + " is there twice");
        return true;
    }

    void expect(std::string_view name) {
        if (!next_entry()) refuse_bundle(std::string(name) + " is missing");
        if (name_ != name) {
            refuse_bundle(quoted_name(name_) + " stands where " + std::string(name) + " must be");
        }
    }

    /// The next piece of the entry; empty at its end.
    std::string_view next_piece() {
        const void* bytes = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        do {
            const int result = archive_read_data_block(archive_.get(), &bytes, &size, &offset);
            if (result == ARCHIVE_EOF) return {};
            check(result);
            if (static_cast<std::uint64_t>(offset) != entry_read_) {
                refuse_bundle(quoted_name(name_) + " has holes");
            }
        } while (size == 0);
        entry_read_ += size;
        return {static_cast<const char*>(bytes), size};
    }

    std::string read_document(std::size_t limit) {
        std::string text;
        entry_read_ = 0;
        for (std::string_view piece = next_piece(); !piece.empty(); piece = next_piece()) {
            if (piece.size() > limit - text.size()) {
                refuse_bundle(quoted_name(name_) + " has more than " + std::to_string(limit >> 20) +
                              " MiB");
            }
            text.append(piece);
        }
        return text;
    }

    PackageMetadata read_metadata() {
        expect("metadata.json");
        std::vector<Problem> problems;
        auto metadata = PackageMetadata::check(read_document(max_bundle_document),
                                               MetadataForm::metadata, problems);
        if (metadata) return *std::move(metadata);
        for (Problem& problem : problems) problem.file = "metadata.json";
        throw Error(ErrorCode::invalid_argument, to_string(problems));
    }

    /// Keeps the archives of `docker save`, which stand in front of everything that is visited:
    /// only they tell what their images are.
    void read_archives(const std::vector<ArchivedImage>& archived) {
        archives_.emplace(archived);
        while (archives_->waiting()) {
            if (!next_entry()) refuse_bundle("an archive of images is missing");
            const auto size = archives_->wanted(name_);
            if (!size)
                refuse_bundle(quoted_name(name_) + " stands where an archive of images must be");
            archives_->take(name_, spool(*size));
        }
        std::set<std::size_t> positions;
        for (const ArchivedImage& image : archived) positions.insert(image.position);
        for (std::size_t i = 0; i < contents_->images.size(); ++i) {
            if (!positions.contains(i)) laid_out_.insert(contents_->images[i].manifest.digest);
        }
        archives_->complete(*contents_);
    }

    SpooledFile spool(std::uint64_t size) {
        SpooledFile file;
        entry_read_ = 0;
        for (std::string_view piece = next_piece(); !piece.empty(); piece = next_piece()) {
            if (entry_read_ > size) wrong_size(size);
            check_stored(piece);
            file.write(piece);
        }
        if (entry_read_ != size) wrong_size(size);
        return file;
    }

    /// Shows an image of an archive to the visitor: what is not there yet of it.
    void deliver(const SpooledArchives::Image& image) {
        const std::string& manifest = image.image.manifest;
        if (const BundleBlob* announced = ledger_->find(false, image.image.descriptor.digest)) {
            const BundleBlob blob = *announced;
            visitor_.begin(blob);
            visitor_.data(manifest);
            visitor_.end(blob);
            ledger_->complete(blob, manifest);
        }
        std::string buffer(read_size, '\0');
        for (const DockerImage::Blob& part : image.image.blobs) {
            const BundleBlob* announced = ledger_->find(false, part.digest);
            if (!announced) continue;
            const BundleBlob blob = *announced;
            const ByteReader content = image.archive->open(part);
            visitor_.begin(blob);
            while (const std::size_t n = content(buffer)) visitor_.data({buffer.data(), n});
            visitor_.end(blob);
            ledger_->complete(blob, {});
        }
    }

    void read_entry() {
        if (laid_out_.empty() && name_.starts_with("images/")) {
            refuse_bundle(quoted_name(name_) + ", but bundle.json lists no image for it");
        }
        if (name_ == "images/oci-layout") {
            const JsonText layout(read_document(max_bundle_manifest));
            const auto version = layout.root().find("imageLayoutVersion", JsonKind::string);
            if (!version || version->string() != "1.0.0") {
                refuse_bundle("images/oci-layout must have the imageLayoutVersion 1.0.0");
            }
        } else if (name_ == "images/index.json") {
            check_bundle_images(laid_out_, read_document(max_bundle_document));
        } else {
            read_blob(announced());
        }
    }

    /// What was announced under the entry's name.
    BundleBlob announced() const {
        std::string_view rest = name_;
        const bool resource = rest.starts_with("resources/");
        const std::string_view folder = resource ? "resources/" : "images/blobs/";
        if (!rest.starts_with(folder))
            refuse_bundle(quoted_name(name_) + " is not part of a bundle");
        rest.remove_prefix(folder.size());
        const std::size_t slash = rest.find('/');
        const auto algorithm = parse_digest_algorithm(rest.substr(0, slash));
        const auto digest = algorithm && slash != std::string_view::npos
                                ? Digest::try_parse_hex(*algorithm, rest.substr(slash + 1))
                                : std::nullopt;
        if (!digest) refuse_bundle(quoted_name(name_) + " is not named by a digest");
        const BundleBlob* blob = ledger_->find(resource, *digest);
        if (!blob)
            refuse_bundle(quoted_name(name_) + " was not announced by what stands in front of it");
        return *blob;
    }

    void read_blob(const BundleBlob& blob) {
        if (archive_entry_size_is_set(entry_) &&
            static_cast<std::uint64_t>(archive_entry_size(entry_)) != blob.size) {
            wrong_size(blob.size);
        }
        const bool is_manifest = blob.kind == BundleBlob::Kind::manifest;
        const bool hashed = is_manifest || hashing_ == BundleHashing::by_reader;
        std::string manifest;
        Hasher hasher(blob.digest.algorithm());
        visitor_.begin(blob);
        entry_read_ = 0;
        for (std::string_view piece = next_piece(); !piece.empty(); piece = next_piece()) {
            if (entry_read_ > blob.size) {
                // libarchive does not see the end of an entry whose content was damaged: that is
                // what is wrong then, not the size.
                piece.remove_suffix(entry_read_ - blob.size);
                hasher.update(piece);
                if (hashed) require_digest(blob, hasher);
                wrong_size(blob.size);
            }
            check_stored(piece);
            if (hashed) hasher.update(piece);
            if (is_manifest) manifest.append(piece);
            visitor_.data(piece);
        }
        if (entry_read_ != blob.size) wrong_size(blob.size);
        if (hashed) require_digest(blob, hasher);
        visitor_.end(blob);
        ledger_->complete(blob, manifest);
    }

    void require_digest(const BundleBlob& blob, const Hasher& hasher) const {
        if (hasher.digest() == blob.digest) return;
        throw Error(ErrorCode::digest_invalid, "the content of " + quoted_name(name_) +
                                                   " in the bundle has the digest " +
                                                   hasher.digest().to_string());
    }

    [[noreturn]] void wrong_size(std::uint64_t announced) const {
        throw Error(ErrorCode::size_invalid, quoted_name(name_) + " in the bundle must have " +
                                                 std::to_string(announced) +
                                                 " bytes, as was announced");
    }

    /// Counts bytes of what must not be compressed.
    void check_stored(std::string_view piece) {
        delivered_ += piece.size();
        if (delivered_ > taken_) {
            refuse_bundle(quoted_name(name_) +
                          " is compressed; all but the JSON documents must be stored");
        }
    }

    /// Reads to the end of the input, so that whoever sends it is not cut off.
    void drain() {
        const std::uint64_t end = taken_ + max_directory;
        for (std::string_view block = input_(); !block.empty(); block = input_()) {
            take(block);
            if (taken_ > end) refuse_bundle("too much follows its last entry");
        }
        // All content was there; but a file that was cut short anywhere is not what was built.
        if (!tail_.starts_with(end_record_mark)) {
            throw Error(ErrorCode::truncated,
                        "the bundle ends too early: it lacks the end of the archive's directory");
        }
    }

    void take(std::string_view block) {
        taken_ += block.size();
        tail_.append(block.substr(block.size() - std::min(block.size(), end_record_size)));
        if (tail_.size() > end_record_size) tail_.erase(0, tail_.size() - end_record_size);
    }

    const BlockReader& input_;
    BundleVisitor& visitor_;
    const BundleHashing hashing_;
    std::uint64_t taken_ = 0;      ///< bytes that came
    std::string tail_;             ///< the last of them
    std::uint64_t delivered_ = 0;  ///< bytes that they gave of what is stored
    std::exception_ptr failure_;

    std::optional<BundleContents> contents_;
    std::optional<SpooledArchives> archives_;
    std::set<Digest> laid_out_;  ///< images that are not in archives
    std::optional<BundleLedger> ledger_;
    std::set<std::string> names_;
    std::string name_;              ///< of the current entry
    std::uint64_t entry_read_ = 0;  ///< bytes of the current entry
    archive_entry* entry_ = nullptr;
    ArchiveReadPtr archive_;
};

}  // namespace

void read_bundle(const BlockReader& input, BundleVisitor& visitor, BundleHashing hashing) {
    Reader(input, visitor, hashing).read();
}

void read_bundle(const ByteReader& input, BundleVisitor& visitor, BundleHashing hashing) {
    std::string buffer(read_size, '\0');
    const BlockReader blocks = [&] { return std::string_view(buffer).substr(0, input(buffer)); };
    read_bundle(blocks, visitor, hashing);
}

}  // namespace pkgreg
