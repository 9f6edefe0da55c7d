#include "dcos/document_compression.hpp"

#include "pkgreg/error.hpp"

#include "dcos/repository_text.hpp"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <zlib.h>

namespace pkgreg {
namespace {

constexpr int quick_gzip_level = 4;
constexpr int quick_zstd_level = 3;
/// How much text goes between two looks at whether to go on.
constexpr std::size_t slice = std::size_t{1} << 20;

std::uint32_t crc_of(std::string_view text, std::uint32_t crc = 0) {
    return static_cast<std::uint32_t>(
        crc32_z(crc, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

/// A raw deflate stream.
class Deflater {
 public:
    explicit Deflater(int level) {
        if (deflateInit2(&stream_, level, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
            throw std::bad_alloc();
        }
    }
    ~Deflater() { deflateEnd(&stream_); }
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;

    /// Compresses `text` and adds what comes out to `out`. At most 1 GiB at once.
    void add(std::string_view text, int flush, std::string& out) {
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
        stream_.avail_in = static_cast<uInt>(text.size());
        std::array<char, 32768> buffer;
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
            stream_.avail_out = static_cast<uInt>(buffer.size());
            deflate(&stream_, flush);
            out.append(buffer.data(), buffer.size() - stream_.avail_out);
        } while (stream_.avail_out == 0);
    }

    /// Compresses `text` as a part that refers to nothing in front of it.
    DeflatedPart part(std::string_view text) {
        DeflatedPart part;
        if (text.empty()) return part;
        deflateReset(&stream_);
        add(text, Z_SYNC_FLUSH, part.bytes);
        part.bytes.shrink_to_fit();
        part.crc = crc_of(text);
        part.size = text.size();
        return part;
    }

 private:
    z_stream stream_{};
};

/// A gzip member (RFC 1952) that grows from parts.
class GzipMember {
 public:
    explicit GzipMember(std::size_t expected) {
        out_.reserve(expected);
        // Deflate, no flags, no time, no hint about the level, unknown system.
        out_.append("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    }

    void add(const DeflatedPart& part) {
        if (part.size == 0) return;
        out_.append(part.bytes);
        crc_ = static_cast<std::uint32_t>(
            crc32_combine(crc_, part.crc, static_cast<z_off_t>(part.size)));
        size_ += part.size;
    }

    /// Adds up to 65,535 bytes as they are.
    void store(std::string_view text) {
        const auto length = static_cast<std::uint16_t>(text.size());
        out_.push_back('\0');
        append_little_endian(length, 2);
        append_little_endian(static_cast<std::uint16_t>(~length), 2);
        out_.append(text);
        crc_ = crc_of(text, crc_);
        size_ += text.size();
    }

    std::string finish() && {
        out_.append("\x01\0\0\xff\xff", 5);
        append_little_endian(crc_, 4);
        append_little_endian(static_cast<std::uint32_t>(size_), 4);
        return std::move(out_);
    }

 private:
    void append_little_endian(std::uint32_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) out_.push_back(static_cast<char>(value >> (8 * i) & 255));
    }

    std::string out_;
    std::uint32_t crc_ = 0;
    std::uint64_t size_ = 0;
};

bool is_address(const Segment& segment) noexcept {
    return segment.kind == Segment::Kind::resource_base ||
           segment.kind == Segment::Kind::image_host;
}

/// The text of the segments [first, last) of a package.
std::string_view joined(const UniversePackage::State& package, const SegmentList& list,
                        std::size_t first, std::size_t last, const RegistryAddress& address,
                        std::string& into) {
    into.clear();
    for (std::size_t i = first; i < last; ++i) {
        into.append(package.view(list.segments[i], address));
    }
    return into;
}

std::shared_ptr<const DeflatedPackage> deflate_package(const UniversePackage::State& package,
                                                       const SegmentList& list, Deflater& deflater,
                                                       std::string& scratch) {
    auto result = std::make_shared<DeflatedPackage>();
    const auto first = std::find_if(list.segments.begin(), list.segments.end(), is_address);
    const auto last = std::find_if(list.segments.rbegin(), list.segments.rend(), is_address);
    const std::size_t count = list.segments.size();
    result->first_open = static_cast<std::size_t>(first - list.segments.begin());
    result->first_after = first == list.segments.end()
                              ? count
                              : static_cast<std::size_t>(last.base() - list.segments.begin());
    result->before = deflater.part(joined(package, list, 0, result->first_open, {}, scratch));
    result->after = deflater.part(joined(package, list, result->first_after, count, {}, scratch));
    return result;
}

struct CctxDeleter {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};
using Cctx = std::unique_ptr<ZSTD_CCtx, CctxDeleter>;

void zstd_check(std::size_t result) {
    if (ZSTD_isError(result)) {
        throw Error(ErrorCode::internal,
                    std::string("zstd cannot compress a repository document: ") +
                        ZSTD_getErrorName(result));
    }
}

/// A compressor for a text of `size` bytes. Distances up to 8 MiB are looked for at every level:
/// revisions of a package resemble each other, and they are long.
Cctx zstd_context(int level, std::uint64_t size) {
    Cctx context(ZSTD_createCCtx());
    if (!context) throw std::bad_alloc();
    const auto set = [&](ZSTD_cParameter parameter, int value) {
        zstd_check(ZSTD_CCtx_setParameter(context.get(), parameter, value));
    };
    set(ZSTD_c_compressionLevel, level);
    set(ZSTD_c_windowLog, 23);
    set(ZSTD_c_enableLongDistanceMatching, 1);
    if (level > quick_zstd_level) {
        // The level's own tables would take 80 MB; these lose next to nothing.
        set(ZSTD_c_chainLog, 22);
        set(ZSTD_c_hashLog, 20);
    }
    zstd_check(ZSTD_CCtx_setPledgedSrcSize(context.get(), size));
    return context;
}

std::optional<std::string> zstd_text(const RepositoryText& text, int level,
                                     const Cancelled& cancelled) {
    const Cctx context = zstd_context(level, text.size());
    std::string out;
    std::string buffer(ZSTD_CStreamOutSize(), '\0');
    const auto feed = [&](std::string_view piece, ZSTD_EndDirective directive) {
        ZSTD_inBuffer input{piece.data(), piece.size(), 0};
        std::size_t left = 0;
        do {
            ZSTD_outBuffer output{buffer.data(), buffer.size(), 0};
            left = ZSTD_compressStream2(context.get(), &output, &input, directive);
            zstd_check(left);
            out.append(buffer.data(), output.pos);
        } while (directive == ZSTD_e_end ? left != 0 : input.pos < input.size);
    };
    RepositoryText::Reader reader(text);
    std::size_t since_look = 0;
    for (std::string_view piece = reader.next(); !piece.empty(); piece = reader.next()) {
        since_look += piece.size();
        if (since_look >= slice) {
            since_look = 0;
            if (cancelled && cancelled()) return std::nullopt;
        }
        feed(piece, ZSTD_e_continue);
    }
    feed({}, ZSTD_e_end);
    out.shrink_to_fit();
    return out;
}

}  // namespace

std::string gzip_quickly(const RepositoryText& text) {
    const RepositoryText::State& state = text.state();
    Deflater deflater(quick_gzip_level);
    std::string scratch;
    std::vector<std::shared_ptr<const DeflatedPackage>> parts(state.packages.size());
    std::size_t expected = 64;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const UniversePackage::State& package = state.packages[i].state();
        parts[i] = package.deflated(state.variant);
        if (!parts[i]) {
            parts[i] = deflate_package(package, state.list(i), deflater, scratch);
            package.keep_deflated(state.variant, parts[i]);
        }
        expected += parts[i]->footprint();
    }

    GzipMember member(expected);
    member.store(repository_head);
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i != 0) member.store(",");
        member.add(parts[i]->before);
        member.add(
            deflater.part(joined(state.packages[i].state(), state.list(i), parts[i]->first_open,
                                 parts[i]->first_after, state.address, scratch)));
        member.add(parts[i]->after);
    }
    member.store(repository_tail);
    std::string bytes = std::move(member).finish();
    bytes.shrink_to_fit();
    return bytes;
}

std::string zstd_quickly(const RepositoryText& text) {
    return *zstd_text(text, quick_zstd_level, nullptr);
}

std::optional<std::string> gzip_strongest(const RepositoryText& text, const Cancelled& cancelled) {
    GzipMember member(64);
    Deflater deflater(Z_BEST_COMPRESSION);
    DeflatedPart whole;
    RepositoryText::Reader reader(text);
    std::size_t since_look = 0;
    for (std::string_view piece = reader.next(); !piece.empty(); piece = reader.next()) {
        since_look += piece.size();
        if (since_look >= slice) {
            since_look = 0;
            if (cancelled && cancelled()) return std::nullopt;
        }
        deflater.add(piece, Z_NO_FLUSH, whole.bytes);
        whole.crc = crc_of(piece, whole.crc);
        whole.size += piece.size();
    }
    deflater.add({}, Z_SYNC_FLUSH, whole.bytes);
    member.add(whole);
    std::string bytes = std::move(member).finish();
    bytes.shrink_to_fit();
    return bytes;
}

std::optional<std::string> zstd_strongest(const RepositoryText& text, const Cancelled& cancelled) {
    return zstd_text(text, 19, cancelled);
}

}  // namespace pkgreg
