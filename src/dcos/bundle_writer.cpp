#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/hasher.hpp"

#include "dcos/archive_handles.hpp"
#include "dcos/bundle_ledger.hpp"

#include <cerrno>
#include <exception>
#include <set>
#include <utility>

namespace pkgreg {
namespace {

constexpr std::size_t write_size = 256 * 1024;
/// 1 January 1980, where the time of ZIP begins: equal contents make equal bundles.
constexpr std::int64_t entry_time = 315532800;

}  // namespace

class BundleWriter::State {
 public:
    State(const BundleContents& contents, ByteWriter output)
        : contents_((check_bundle_contents(contents), contents)),
          ledger_(contents),
          output_(std::move(output)),
          archive_(archive_write_new()) {
        if (!archive_) throw std::bad_alloc();
        check(archive_write_set_format_zip(archive_.get()));
        // Without it the last block would be filled up with zeros.
        check(archive_write_set_bytes_in_last_block(archive_.get(), 1));
        check(archive_write_open(archive_.get(), this, nullptr, &State::on_write, nullptr));
        write_document("metadata.json", contents_.metadata.text());
        write_document("bundle.json", bundle_index_json(contents_));
    }

    const BundleBlob* next() {
        const BundleBlob* blob = ledger_.next();
        if (blob && blob->kind != BundleBlob::Kind::resource && !images_begun_) {
            images_begun_ = true;
            write_document("images/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}\n");
            write_document("images/index.json", bundle_images_json(contents_));
        }
        return blob;
    }

    void add(const ByteReader& content) {
        const BundleBlob* next_blob = next();
        if (!next_blob) {
            throw Error(ErrorCode::invalid_argument, "the bundle has all its content already");
        }
        const BundleBlob blob = *next_blob;
        const std::string folder =
            blob.kind == BundleBlob::Kind::resource ? "resources/" : "images/blobs/";
        begin_entry(
            folder + std::string(to_string(blob.digest.algorithm())) + "/" + blob.digest.hex(),
            blob.size, false);
        ledger_.complete(blob, copy(blob, content));
    }

    void finish() {
        if (const BundleBlob* missing = next()) {
            throw Error(ErrorCode::invalid_argument,
                        missing->digest.to_string() + " is missing in the bundle");
        }
        check(archive_write_close(archive_.get()));
    }

 private:
    static la_ssize_t on_write(archive* handle, void* self, const void* bytes, std::size_t size) {
        State& state = *static_cast<State*>(self);
        try {
            state.output_(std::string_view(static_cast<const char*>(bytes), size));
            return static_cast<la_ssize_t>(size);
        } catch (...) {
            // libarchive is C: the exception goes on once it has returned.
            state.failure_ = std::current_exception();
            archive_set_error(handle, EIO, "the output failed");
            return -1;
        }
    }

    void check(la_ssize_t result) {
        if (result >= ARCHIVE_OK) return;
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
        throw Error(ErrorCode::io, "cannot write the bundle: " + archive_message(archive_.get()));
    }

    void begin_entry(const std::string& name, std::uint64_t size, bool deflated) {
        const ArchiveEntryPtr entry(archive_entry_new());
        if (!entry) throw std::bad_alloc();
        archive_entry_set_pathname(entry.get(), name.c_str());
        archive_entry_set_filetype(entry.get(), AE_IFREG);
        archive_entry_set_perm(entry.get(), 0644);
        archive_entry_set_mtime(entry.get(), entry_time, 0);
        archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
        check(deflated ? archive_write_zip_set_compression_deflate(archive_.get())
                       : archive_write_zip_set_compression_store(archive_.get()));
        check(archive_write_header(archive_.get(), entry.get()));
    }

    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            const la_ssize_t n = archive_write_data(archive_.get(), bytes.data(), bytes.size());
            check(n);
            if (n == 0) throw Error(ErrorCode::io, "cannot write the bundle: nothing was taken");
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }

    void write_document(const std::string& name, std::string_view text) {
        begin_entry(name, text.size(), true);
        write(text);
        check(archive_write_finish_entry(archive_.get()));
    }

    /// Copies a blob into its entry; returns the content of a manifest.
    std::string copy(const BundleBlob& blob, const ByteReader& content) {
        std::string manifest;
        std::string buffer(write_size, '\0');
        Hasher hasher(blob.digest.algorithm());
        while (const std::size_t n = content(buffer)) {
            const std::string_view bytes(buffer.data(), n);
            hasher.update(bytes);
            if (hasher.size() > blob.size) break;
            if (blob.kind == BundleBlob::Kind::manifest) manifest.append(bytes);
            write(bytes);
        }
        if (hasher.size() != blob.size) {
            throw Error(ErrorCode::size_invalid, blob.digest.to_string() + " must have " +
                                                     std::to_string(blob.size) + " bytes");
        }
        if (hasher.digest() != blob.digest) {
            throw Error(ErrorCode::digest_invalid,
                        blob.digest.to_string() + " is not the digest of what came, which is " +
                            hasher.digest().to_string());
        }
        check(archive_write_finish_entry(archive_.get()));
        return manifest;
    }

    const BundleContents contents_;
    BundleLedger ledger_;
    ByteWriter output_;
    std::exception_ptr failure_;
    bool images_begun_ = false;
    // Last: freeing it may call on_write.
    ArchiveWritePtr archive_;
};

BundleWriter::BundleWriter(const BundleContents& contents, ByteWriter output)
    : state_(std::make_unique<State>(contents, std::move(output))) {}
BundleWriter::~BundleWriter() = default;

const BundleBlob* BundleWriter::next() const {
    return state_->next();
}
void BundleWriter::add(const ByteReader& content) {
    state_->add(content);
}
void BundleWriter::finish() {
    state_->finish();
}

}  // namespace pkgreg
